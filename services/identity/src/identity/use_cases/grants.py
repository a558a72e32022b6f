"""The grants by which an app hands in a person's proof itself; each proves one and says who it was."""

from collections.abc import Awaitable, Callable, Mapping

from identity.domain.apps import PROOF_GRANT_PREFIX
from identity.domain.caller import Caller
from identity.domain.people import SignedIn
from identity.use_cases import alipay, otp, wechat
from identity.use_cases.context import Identity

SignIn = Callable[[Identity, Mapping[str, str], Caller], Awaitable[SignedIn]]
"""Takes the token request's form. Raises OAuthError where it proves nobody."""

SIGN_INS: dict[str, SignIn] = {
    f"{PROOF_GRANT_PREFIX}otp": otp.sign_in,
    f"{PROOF_GRANT_PREFIX}wechat": wechat.sign_in,
    f"{PROOF_GRANT_PREFIX}alipay": alipay.sign_in,
}
