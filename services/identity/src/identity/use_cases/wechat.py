"""Signing in with WeChat, and with the phone number that it vouches for."""

from collections.abc import Mapping
from datetime import UTC, datetime

from identity.domain.caller import Caller
from identity.domain.oauth import OAuthError
from identity.domain.people import LoginKind, SignedIn, User
from identity.domain.phones import PhoneError, parse_phone
from identity.use_cases.context import Identity
from identity.use_cases.linking import AccountGone, TooManyLogins, link, tell_of_change
from identity.use_cases.people import find_or_register_driver, find_owner, logins_of
from identity.use_cases.platforms import answers_of, code_in, required
from servicekit.postgres import Connection

NAME = "WeChat"
METHODS = ("wechat",)


async def prove(identity: Identity, js_code: str) -> str:
    """The person's openid within our mini program; the code is spent. Raises OAuthError."""
    wechat = required(identity.wechat, NAME)
    with answers_of(NAME):
        return await wechat.openid_of(js_code)


async def prove_phone(identity: Identity, phone_code: str) -> str:
    """The E.164 number that the person gave by WeChat's phone button; the code is spent. Raises OAuthError."""
    wechat = required(identity.wechat, NAME)
    with answers_of(NAME):
        number = await wechat.phone_of(phone_code)
    try:
        return parse_phone(number).number
    except PhoneError as error:
        raise OAuthError("invalid_grant", f"WeChat gave a number that is none to use: {error}.") from error


async def sign_in(identity: Identity, form: Mapping[str, str], _: Caller) -> SignedIn:
    """The person whose `js_code` it is; with a `phone_code` the number is theirs too. Raises OAuthError.

    Both codes are spent before anything is stored: dies the process between, the person takes new ones.
    """
    openid = await prove(identity, code_in(form, "js_code", "code"))
    phone = await prove_phone(identity, code_in(form, "phone_code")) if form.get("phone_code") else None

    async def work(tx: Connection) -> SignedIn:
        user = await _person(identity, tx, openid, phone)
        return SignedIn(user.id, METHODS, datetime.now(UTC))

    try:
        signed_in = await identity.store.transact(work)
    except AccountGone as error:
        raise OAuthError("invalid_grant", "This account was closed just now. Sign in again.") from error
    identity.messages_due.set()
    return signed_in


async def _person(identity: Identity, tx: Connection, openid: str, phone: str | None) -> User:
    """Whose sign-in it is. WeChat has just proved both, so what is nobody's is linked; two accounts stay two: to make
    one of them is a step that the person asks for (identity.use_cases.merging)."""
    if phone is None:
        return await find_or_register_driver(identity, tx, LoginKind.WECHAT, openid)
    by_openid = await find_owner(identity, tx, LoginKind.WECHAT, openid)
    match by_openid, await find_owner(identity, tx, LoginKind.PHONE, phone):
        case User() as user, None:
            if not await _has_phone(identity, tx, user):
                await _link(identity, tx, user, LoginKind.PHONE, phone)
        case User() as user, _:
            pass
        case None, User() as user:
            await _link(identity, tx, user, LoginKind.WECHAT, openid)
        case _:
            user = await find_or_register_driver(identity, tx, LoginKind.PHONE, phone)
            await link(identity, tx, user.id, LoginKind.WECHAT, openid)
    return user


async def _link(identity: Identity, tx: Connection, user: User, kind: LoginKind, value: str) -> None:
    """Links it where there is room; a full account keeps nobody out who has proved another of its logins."""
    try:
        await link(identity, tx, user.id, kind, value)
    except TooManyLogins:
        return
    await tell_of_change(identity, tx, user.id)


async def _has_phone(identity: Identity, tx: Connection, user: User) -> bool:
    """A second number would change whom messages go to, which a sign-in must not do by the way."""
    return any(login.kind is LoginKind.PHONE for login in await logins_of(identity, tx, user.id))
