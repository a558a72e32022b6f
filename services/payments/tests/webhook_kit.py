"""Notifications as WeChat Pay and Alipay send them, built here from their published formats alone, with their keys."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote_plus
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from servicekit.ids import new_id
from servicekit.postgres import Connection
from simulators.alipay_pay import ZONE

INSERT_ATTEMPT = """
    INSERT INTO attempts (attempt_id, purpose, purpose_id, driver_id, provider, amount_minor, currency, status,
                          created_at, expires_at)
    VALUES ($1, 'order', $2, 'driver', $3, $4, 'CNY', 'waiting', now(), now() + interval '15 minutes')"""


def rsa_sign(private: str, text: bytes) -> str:
    """A signature in base64, with a key that is base64 of DER."""
    return base64.b64encode(_key(private).sign(text, PKCS1v15(), SHA256())).decode()


@cache
def _key(private: str) -> RSAPrivateKey:
    """To read a key takes far longer than to sign with it."""
    key = load_der_private_key(base64.b64decode(private), None)
    assert isinstance(key, RSAPrivateKey)
    return key


async def add_attempt(tx: Connection, provider: str, amount_minor: int) -> str:
    """A charge that we asked the provider for; its number."""
    attempt_id: UUID = new_id()
    await tx.execute(INSERT_ATTEMPT, attempt_id, new_id(), provider, amount_minor)
    return attempt_id.hex


@dataclass(frozen=True)
class Sent:
    """A request of a provider's."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class WechatSender:
    """WeChat Pay's end, of the keys that its simulator was given."""

    environment: Mapping[str, str]
    path: str = "/v1/webhooks/wechatpay/payments"

    def of(self, name: str) -> str:
        """A setting of the simulated WeChat Pay."""
        return self.environment[f"SIMULATORS_WECHAT_PAY__{name}"]

    def transaction(self, number: str, amount_minor: int, **changes: Any) -> dict[str, Any]:
        """What it encrypts about a charge that was paid."""
        return {
            "mchid": self.of("MERCHANT_ID"), "appid": self.of("APP_ID"), "out_trade_no": number,
            "transaction_id": f"4200{secrets.randbelow(10**20):020}", "trade_type": "JSAPI", "trade_state": "SUCCESS",
            "success_time": datetime.now(ZONE).isoformat(timespec="seconds"), "payer": {"openid": "o-canary"},
            "amount": {"total": amount_minor, "payer_total": amount_minor, "currency": "CNY", "payer_currency": "CNY"},
        } | changes  # fmt: skip

    def sealed(self, document: dict[str, Any], key: str | None = None) -> dict[str, str]:
        """The document as only the merchant can read it."""
        nonce, text = secrets.token_hex(6), json.dumps(document, ensure_ascii=False).encode()
        ciphertext = AESGCM((key or self.of("API_V3_KEY")).encode()).encrypt(nonce.encode(), text, b"transaction")
        return {
            "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "nonce": nonce,
            "ciphertext": base64.b64encode(ciphertext).decode(), "associated_data": "transaction",
        }  # fmt: skip

    def envelope(self, resource: dict[str, str], name: str | None = None, event: str = "TRANSACTION.SUCCESS") -> bytes:
        """The body."""
        return json.dumps({
            "id": name or f"EV-{secrets.token_hex(12)}", "event_type": event, "summary": "支付成功",
            "create_time": datetime.now(ZONE).isoformat(timespec="seconds"), "resource_type": "encrypt-resource",
            "resource": resource,
        }, ensure_ascii=False).encode()  # fmt: skip

    def signed(self, body: bytes, *, at: float | None = None, key: str | None = None, **changes: str) -> Sent:
        """The request; what is changed is changed after it was signed."""
        timestamp, nonce = str(int(at or time.time())), secrets.token_hex(16)
        text = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        headers = {
            "Wechatpay-Serial": self.of("PLATFORM_KEY_ID"), "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce, "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            "Wechatpay-Signature": rsa_sign(key or self.of("PLATFORM_PRIVATE_KEY"), text),
            "Content-Type": "application/json",
        }  # fmt: skip
        return Sent(body, headers | {f"Wechatpay-{name}": value for name, value in changes.items()})

    def paid(self, number: str, amount_minor: int, name: str | None = None, **changes: Any) -> Sent:
        """That a charge was paid."""
        return self.signed(self.envelope(self.sealed(self.transaction(number, amount_minor, **changes)), name))


@dataclass(frozen=True)
class AlipaySender:
    """Alipay's end, of the keys that its simulator was given."""

    environment: Mapping[str, str]
    path: str = "/v1/webhooks/alipay"
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    )

    def of(self, name: str) -> str:
        """A setting of the simulated Alipay."""
        return self.environment[f"SIMULATORS_{name}"]

    def form(self, number: str, amount_minor: int, **changes: str) -> dict[str, str]:
        """What it says of a charge that was paid."""
        now = datetime.now(UTC).astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
        return {
            "app_id": self.of("ALIPAY__APP_ID"), "auth_app_id": self.of("ALIPAY__APP_ID"), "charset": "utf-8",
            "buyer_open_id": "canary-buyer", "gmt_create": now, "gmt_payment": now, "notify_time": now,
            "notify_id": secrets.token_hex(17), "notify_type": "trade_status_sync", "out_trade_no": number,
            "seller_id": self.of("ALIPAY_PAY__SELLER_ID"), "subject": "95号汽油 + 洗车 & more", "version": "1.0",
            "total_amount": f"{amount_minor / 100:.2f}", "trade_no": f"{secrets.randbelow(10**28):028}",
            "trade_status": "TRADE_SUCCESS",
        } | changes  # fmt: skip

    def signed(self, form: Mapping[str, str], key: str | None = None) -> Sent:
        """The request."""
        text = "&".join(f"{name}={value}" for name, value in sorted(form.items()) if value)
        signature = rsa_sign(key or self.of("ALIPAY__PLATFORM_PRIVATE_KEY"), text.encode())
        return self.encoded({**form, "sign_type": "RSA2", "sign": signature})

    def encoded(self, form: Mapping[str, str]) -> Sent:
        """The form as it is sent, whatever it says."""
        body = "&".join(f"{name}={quote_plus(value)}" for name, value in form.items())
        return Sent(body.encode(), self.headers)

    def paid(self, number: str, amount_minor: int, **changes: str) -> Sent:
        """That a charge was paid."""
        return self.signed(self.form(number, amount_minor, **changes))
