"""The simulated Alipay: whose requests it takes, and on a clock of its own what its codes live for."""

import base64
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key
from pydantic import SecretStr

from local_stack.platforms import new_rsa_key, public_half
from simulators.alipay import METHOD, ZONE, AlipayPlatform, AlipaySettings

APP_KEY = new_rsa_key()


def _platform() -> AlipayPlatform:
    return AlipayPlatform(
        AlipaySettings(
            app_id="2021", app_public_key=public_half(APP_KEY), platform_private_key=SecretStr(new_rsa_key())
        )
    )


def _signed(**change: str) -> dict[str, str]:
    """A request that is in order but for what is changed before it is signed."""
    form = {
        "method": METHOD, "app_id": "2021", "sign_type": "RSA2", "charset": "utf-8",
        "timestamp": datetime.now(ZONE).strftime("%Y-%m-%d %H:%M:%S"), "grant_type": "authorization_code",
    } | change  # fmt: skip
    key = load_der_private_key(base64.b64decode(APP_KEY), None)
    assert isinstance(key, RSAPrivateKey)
    text = "&".join(f"{name}={form[name]}" for name in sorted(form) if form[name])
    return form | {"sign": base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()}


def test_a_request_in_order_is_taken():
    assert _platform().fault_of(_signed()) is None


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({}, "isv.missing-method"),
        (_signed() | {"sign": ""}, "isv.missing-signature"),
        (_signed(sign_type="RSA"), "isv.invalid-signature-type"),
        (_signed(app_id="2022"), "isv.invalid-app-id"),
        (_signed() | {"code": "another"}, "isv.invalid-signature"),
        (_signed() | {"sign": "no base64!"}, "isv.invalid-signature"),
        (_signed(timestamp="yesterday"), "isv.invalid-timestamp"),
        (
            _signed(timestamp=(datetime.now(ZONE) - timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S")),
            "isv.invalid-timestamp",
        ),
        (_signed(method="alipay.trade.pay"), "isv.invalid-method"),
    ],
)
def test_any_other_request_is_told_what_is_wrong(form: dict[str, str], fault: str):
    assert _platform().fault_of(form) == fault


def test_a_code_lives_five_minutes_and_is_good_once():
    platform, now = _platform(), 1_000.0
    platform.clock = lambda: now
    code, old = platform.make_code("canary-open-id"), platform.make_code("canary-open-id")
    assert platform.exchange({"grant_type": "refresh_token", "code": code}) == "isv.grant-type-invalid"
    answer = platform.exchange({"grant_type": "authorization_code", "code": code})
    assert isinstance(answer, dict)
    assert answer["open_id"] == "canary-open-id"
    assert platform.exchange({"grant_type": "authorization_code", "code": code}) == "isv.code-invalid"
    now += 301
    assert platform.exchange({"grant_type": "authorization_code", "code": old}) == "isv.code-invalid"
