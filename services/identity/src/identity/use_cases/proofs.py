"""Fresh proofs of ways to sign in, given by somebody who has signed in already."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from identity.domain.oauth import OAuthError
from identity.domain.people import LoginKind
from identity.use_cases import alipay, otp, wechat
from identity.use_cases.context import Identity
from servicekit.problems import Problem

PLATFORM_WAIT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Proved:
    """A login that was proved just now, whoever's it is."""

    kind: LoginKind
    value: str


async def _phone(identity: Identity, proof: Mapping[str, str]) -> str:
    return await otp.prove(identity, proof["request_id"], proof["code"])


async def _wechat(identity: Identity, proof: Mapping[str, str]) -> str:
    return await wechat.prove(identity, proof["js_code"])


async def _alipay(identity: Identity, proof: Mapping[str, str]) -> str:
    return await alipay.prove(identity, proof["auth_code"])


PROOFS: dict[LoginKind, Callable[[Identity, Mapping[str, str]], Awaitable[str]]] = {
    LoginKind.PHONE: _phone, LoginKind.WECHAT: _wechat, LoginKind.ALIPAY: _alipay,
}  # fmt: skip


async def check(identity: Identity, proof: Mapping[str, str]) -> Proved:
    """What the proof shows; it is spent from now on, whatever comes of it. Raises Problem 422, 429, 503."""
    kind = LoginKind(proof["kind"])
    try:
        return Proved(kind, await PROOFS[kind](identity, proof))
    except OAuthError as error:
        raise _problem(error) from error


def _problem(error: OAuthError) -> Problem:
    """A refusal for routes that are not OAuth's."""
    if error.retry_after_seconds is not None:
        headers = {"Retry-After": str(error.retry_after_seconds)}
        return Problem(429, "too-many-requests", error.description, headers=headers)
    if error.code == "temporarily_unavailable":
        headers = {"Retry-After": str(PLATFORM_WAIT_SECONDS)}
        return Problem(503, "platform-away", error.description, headers=headers)
    return Problem(422, "proof-refused", error.description)
