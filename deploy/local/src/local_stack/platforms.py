"""The credentials with which a stack's services meet the outside platforms that its simulators play."""

import base64

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

WECHAT_SECRET = "wechat.app_secret"  # noqa: S105 - the name of one
ALIPAY_APP_KEY = "alipay.app_private_key"
ALIPAY_PLATFORM_KEY = "alipay.platform_private_key"
WECHAT_APP = "wx0123456789abcdef"
ALIPAY_APP = "2021000000000000"
KEY_BITS = 2048


def new_rsa_key() -> str:
    """A private key as Alipay's tools write it: base64 of PKCS#8, one line."""
    key = rsa.generate_private_key(65537, KEY_BITS)
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


def public_half(private: str) -> str:
    """The public key of a private one, in the same form."""
    public = load_der_private_key(base64.b64decode(private), password=None).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def of_identity(secrets: dict[str, str], simulators_url: str) -> dict[str, str]:
    """What identity signs in with at WeChat and Alipay."""
    return {
        "WECHAT__APP_ID": WECHAT_APP,
        "WECHAT__APP_SECRET": secrets[WECHAT_SECRET],
        "WECHAT__BASE_URL": simulators_url,
        "ALIPAY__APP_ID": ALIPAY_APP,
        "ALIPAY__APP_PRIVATE_KEY": secrets[ALIPAY_APP_KEY],
        "ALIPAY__PLATFORM_PUBLIC_KEY": public_half(secrets[ALIPAY_PLATFORM_KEY]),
        "ALIPAY__BASE_URL": simulators_url,
    }


def of_simulators(secrets: dict[str, str]) -> dict[str, str]:
    """What the simulated WeChat and Alipay know of our apps."""
    return {
        "WECHAT__APP_ID": WECHAT_APP,
        "WECHAT__APP_SECRET": secrets[WECHAT_SECRET],
        "ALIPAY__APP_ID": ALIPAY_APP,
        "ALIPAY__APP_PUBLIC_KEY": public_half(secrets[ALIPAY_APP_KEY]),
        "ALIPAY__PLATFORM_PRIVATE_KEY": secrets[ALIPAY_PLATFORM_KEY],
    }
