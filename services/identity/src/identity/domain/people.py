"""People, the ways they sign in, and what they may do; no I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from servicekit.access import Permission, Role, permissions_of


class LoginKind(StrEnum):
    """A way to sign in; its value is an E.164 number, a WeChat or Alipay id within our app, or an e-mail address."""

    PHONE = "phone"
    WECHAT = "wechat"
    ALIPAY = "alipay"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Login:
    """A way in which a person signs in, its value open: never to be logged, nor put into an event."""

    id: UUID
    kind: LoginKind
    value: str
    verified_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account."""

    id: UUID
    is_driver: bool
    version: int
    access_version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StaffRole:
    """A role and where it holds; a platform role is bound to nothing."""

    role: Role
    operators: tuple[str, ...] = ()
    stations: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do as of `access_version`."""

    user_id: UUID
    access_version: int
    is_driver: bool
    staff: tuple[StaffRole, ...]

    @property
    def roles(self) -> list[Role]:
        """All roles, sorted by name."""
        return sorted({*([Role.DRIVER] if self.is_driver else []), *(one.role for one in self.staff)})

    def permissions(self, at_most: Iterable[str]) -> list[str]:
        """The permissions that the roles hold, as far as `at_most` goes; sorted."""
        return sorted(permissions_of(self.roles) & {Permission(one) for one in at_most if one in _KNOWN})


_KNOWN = frozenset(Permission)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person has just proved who they are."""

    user_id: UUID
    methods: tuple[str, ...]
    """How, in RFC 8176's words: `otp`, `pwd`, `mfa`, `sms`, and our `wechat` and `alipay`."""
    at: datetime


class LoginTaken(Exception):
    """The login belongs to another account, `owner`."""

    def __init__(self, owner: UUID) -> None:
        super().__init__("the login belongs to another account")
        self.owner = owner


def masked_phone(number: str) -> str:
    """A number as its owner is shown it, +86 138****1234: enough to know it by."""
    return f"{number[:-8]}****{number[-4:]}" if len(number) > 10 else f"{number[:3]}****"
