"""Signing in with Alipay."""

from collections.abc import Mapping
from datetime import UTC, datetime

from identity.domain.caller import Caller
from identity.domain.people import LoginKind, SignedIn
from identity.use_cases.context import Identity
from identity.use_cases.people import find_or_register_driver
from identity.use_cases.platforms import answers_of, code_in, required
from servicekit.postgres import Connection

NAME = "Alipay"
METHODS = ("alipay",)


async def prove(identity: Identity, auth_code: str) -> str:
    """The person's id at Alipay, within our app; the code is spent. Raises OAuthError."""
    alipay = required(identity.alipay, NAME)
    with answers_of(NAME):
        return await alipay.user_of(auth_code)


async def sign_in(identity: Identity, form: Mapping[str, str], _: Caller) -> SignedIn:
    """The person whose `auth_code` it is; a driver who is new here gets an account. Raises OAuthError."""
    open_id = await prove(identity, code_in(form, "auth_code", "code"))

    async def work(tx: Connection) -> SignedIn:
        user = await find_or_register_driver(identity, tx, LoginKind.ALIPAY, open_id)
        return SignedIn(user.id, METHODS, datetime.now(UTC))

    return await identity.store.transact(work)
