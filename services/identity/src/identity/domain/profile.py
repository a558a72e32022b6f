"""What a person says of itself and how it wants to be told of things; no I/O."""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from identity.domain.people import LoginKind, masked_phone
from schemas.vocabulary import Fuel


class Language(StrEnum):
    """A language that the suite speaks."""

    ZH = "zh"
    EN = "en"


class Channel(StrEnum):
    """A way to reach a person."""

    PUSH = "push"
    SMS = "sms"
    EMAIL = "email"
    WECHAT = "wechat"
    ALIPAY = "alipay"


@dataclass(frozen=True, slots=True)
class Notifications:
    """What a person wants to be told of, and by which ways; advertising only where it was asked for."""

    marketing: bool = False
    price_alerts: bool = True
    receipts: bool = True
    channels: tuple[Channel, ...] = (Channel.PUSH,)


@dataclass(frozen=True, slots=True)
class Profile:
    """A person's own settings; the defaults are those of somebody who has said nothing."""

    nickname: str | None = None
    locale: Language = Language.ZH
    default_fuel: Fuel | None = None
    birthday_month: int | None = None
    notifications: Notifications = field(default_factory=Notifications)


def profile_of(document: dict[str, Any]) -> Profile:
    """The profile of a stored document, which holds only what the person has set."""
    said = _known(document, Profile)
    said["notifications"] = Notifications(**_known(document.get("notifications", {}), Notifications))
    return Profile(**said)


def merged(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The document with a JSON merge patch (RFC 7396): null takes a field out, so that its default holds again."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = value
    return result


def masked(kind: LoginKind, value: str) -> str:
    """A login as its owner is shown it: enough to know it by, too little to use it."""
    if kind is LoginKind.PHONE:
        return masked_phone(value)
    if kind is LoginKind.EMAIL:
        name, _, domain = value.rpartition("@")
        return f"{name[:1]}***@{domain}"
    return f"{value[:2]}****{value[-2:]}" if len(value) > 8 else "****"


def _known(document: dict[str, Any], kind: type) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in document.items() if name in names}
