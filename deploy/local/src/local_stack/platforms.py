"""The credentials with which a stack's services meet the outside platforms that its simulators play."""

import base64
import json
import secrets as randomness

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
WECHAT_MERCHANT_KEY = "wechat_pay.merchant_private_key"
WECHAT_PAY_KEY = "wechat_pay.platform_private_key"
WECHAT_V3_KEY = "wechat_pay.api_v3_key"
WECHAT_APP = "wx0123456789abcdef"
ALIPAY_APP = "2021000000000000"
ALIPAY_SELLER = "2088000000000000"
WECHAT_MERCHANT = "1900000001"
WECHAT_MERCHANT_SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
WECHAT_SUB_MERCHANT = "1900000109"
WECHAT_PAY_KEY_ID = "PUB_KEY_ID_0119000000012026010100000000000001"
KEY_BITS = 2048
TAX_CODES = dict.fromkeys(("petrol_92", "petrol_95", "petrol_98", "diesel_b0"), "1070101010100000000")
"""Good enough for a simulated tax office; a seller's accountants know the true ones."""


def new_rsa_key() -> str:
    """A private key as Alipay's tools write it: base64 of PKCS#8, one line."""
    key = rsa.generate_private_key(65537, KEY_BITS)
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


def new_api_v3_key() -> str:
    """A merchant's key for what WeChat Pay encrypts: 32 characters."""
    return randomness.token_hex(16)


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


def of_payments(secrets: dict[str, str], simulators_url: str) -> dict[str, str]:
    """What payments charges with at WeChat Pay and Alipay."""
    return {
        "WECHAT__APP_ID": WECHAT_APP,
        "WECHAT__APP_SECRET": secrets[WECHAT_SECRET],
        "WECHAT__MERCHANT_ID": WECHAT_MERCHANT,
        "WECHAT__MERCHANT_SERIAL": WECHAT_MERCHANT_SERIAL,
        "WECHAT__MERCHANT_PRIVATE_KEY": secrets[WECHAT_MERCHANT_KEY],
        "WECHAT__API_V3_KEY": secrets[WECHAT_V3_KEY],
        "WECHAT__PLATFORM_KEY_ID": WECHAT_PAY_KEY_ID,
        "WECHAT__PLATFORM_PUBLIC_KEY": public_half(secrets[WECHAT_PAY_KEY]),
        "WECHAT__BASE_URL": simulators_url,
        "WECHAT__LOGIN_BASE_URL": simulators_url,
        "ALIPAY__APP_ID": ALIPAY_APP,
        "ALIPAY__SELLER_ID": ALIPAY_SELLER,
        "ALIPAY__APP_PRIVATE_KEY": secrets[ALIPAY_APP_KEY],
        "ALIPAY__PLATFORM_PUBLIC_KEY": public_half(secrets[ALIPAY_PLATFORM_KEY]),
        "ALIPAY__BASE_URL": simulators_url,
        "FAPIAO__SELLERS": json.dumps({"*": WECHAT_SUB_MERCHANT}),
        "FAPIAO__TAX_CODES": json.dumps(TAX_CODES),
    }


def of_simulators(secrets: dict[str, str]) -> dict[str, str]:
    """What the simulated WeChat and Alipay know of our apps, our merchant and our seller."""
    return {
        "WECHAT__APP_ID": WECHAT_APP,
        "WECHAT__APP_SECRET": secrets[WECHAT_SECRET],
        "ALIPAY__APP_ID": ALIPAY_APP,
        "ALIPAY__APP_PUBLIC_KEY": public_half(secrets[ALIPAY_APP_KEY]),
        "ALIPAY__PLATFORM_PRIVATE_KEY": secrets[ALIPAY_PLATFORM_KEY],
        "ALIPAY_PAY__SELLER_ID": ALIPAY_SELLER,
        "WECHAT_PAY__APP_ID": WECHAT_APP,
        "WECHAT_PAY__MERCHANT_ID": WECHAT_MERCHANT,
        "WECHAT_PAY__MERCHANT_SERIAL": WECHAT_MERCHANT_SERIAL,
        "WECHAT_PAY__MERCHANT_PUBLIC_KEY": public_half(secrets[WECHAT_MERCHANT_KEY]),
        "WECHAT_PAY__API_V3_KEY": secrets[WECHAT_V3_KEY],
        "WECHAT_PAY__PLATFORM_PRIVATE_KEY": secrets[WECHAT_PAY_KEY],
        "WECHAT_PAY__PLATFORM_KEY_ID": WECHAT_PAY_KEY_ID,
    }
