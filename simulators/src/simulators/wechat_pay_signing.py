"""How WeChat Pay and its merchants prove who they are: signatures over the raw bytes, sealed notifications, and keys.

WeChat Pay signs with a key that the merchant knows by its id (PUB_KEY_ID_...), or with one that has a certificate,
which the merchant fetches. Source: pay.weixin.qq.com/doc/v3, "APIv3 signatures".
"""

import base64
import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key, load_der_public_key
from pydantic import BaseModel, ConfigDict, Field, SecretStr

SCHEME = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"
SKEW_SECONDS = 300
CHINA = ZoneInfo("Asia/Shanghai")
CERTIFICATE_DAYS = 5 * 365
PART = re.compile(r'\s*(\w+)="([^"]*)"\s*(?:,|$)')


class WechatPaySettings(BaseModel):
    """The merchant that this WeChat Pay knows, and its own key; SIMULATORS_WECHAT_PAY__APP_ID and so on."""

    model_config = ConfigDict(frozen=True)

    app_id: str
    merchant_id: str
    merchant_serial: str
    merchant_public_key: str = Field(description="base64 of DER")
    api_v3_key: SecretStr = Field(min_length=32, max_length=32)
    platform_private_key: SecretStr = Field(description="base64 of DER")
    platform_key_id: str = Field(default="", description="PUB_KEY_ID_...; none: certificates only")
    refund_seconds: float = Field(default=0.2, ge=0, description="How long a refund is PROCESSING")
    notify_speed: float = Field(default=1.0, gt=0, description="Divides the pauses between tries of a notification")
    bills_of_today: bool = Field(default=True, description="As if each day had ended; the real one waits")


@dataclass(frozen=True)
class _Certified:
    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def serial(self) -> str:
        return f"{self.certificate.serial_number:040X}"


class Keys:
    """What proves the merchant's requests, and WeChat Pay's answers."""

    def __init__(self, settings: WechatPaySettings) -> None:
        public = load_der_public_key(base64.b64decode(settings.merchant_public_key))
        private = load_der_private_key(base64.b64decode(settings.platform_private_key.get_secret_value()), None)
        if not isinstance(public, RSAPublicKey) or not isinstance(private, RSAPrivateKey):
            raise ValueError("WeChat Pay's keys are RSA keys")
        self._settings = settings
        self._merchant_key = public
        self._key = private
        self._certified: list[_Certified] = []
        self.prefers_certificate = not settings.platform_key_id

    def certificates(self) -> list[_Certified]:
        """Those that are good now, the newest last; the first is made when somebody asks for it."""
        if not self._certified:
            self.rotate()
        return self._certified

    def rotate(self) -> str:
        """A new certificate, with which it signs from now on; the one before stays good. Its serial."""
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tenpay.com sign (simulated)")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(secrets.randbits(158)).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS)).sign(key, SHA256())
        )  # fmt: skip
        self._certified = [*self._certified[-1:], _Certified(key, certificate)]
        return self._certified[-1].serial

    def documents(self) -> list[dict[str, Any]]:
        """The certificates as the merchant fetches them, each sealed with the merchant's API key."""
        return [
            {
                "serial_no": one.serial, "effective_time": moment(one.certificate.not_valid_before_utc),
                "expire_time": moment(one.certificate.not_valid_after_utc),
                "encrypt_certificate": self.seal(one.certificate.public_bytes(Encoding.PEM), "certificate"),
            }
            for one in self.certificates()
        ]  # fmt: skip

    def fault_of(self, method: str, target: str, authorization: str, body: bytes, now: datetime) -> str | None:
        """Why a request proves nothing, in WeChat Pay's words; `target` is the path with its query as it was sent."""
        scheme, _, rest = authorization.partition(" ")
        parts = dict(PART.findall(rest))
        if scheme != SCHEME or not {"mchid", "nonce_str", "timestamp", "serial_no", "signature"} <= parts.keys():
            return "Http头Authorization值格式错误,请参考《微信支付商户REST API签名规则》"
        if parts["mchid"] != self._settings.merchant_id or parts["serial_no"] != self._settings.merchant_serial:
            return "商户证书序列号有误。请使用签名私钥匹配的证书序列号"
        if not parts["timestamp"].isdigit() or abs(int(parts["timestamp"]) - now.timestamp()) > SKEW_SECONDS:
            return "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
        head = f"{method}\n{target}\n{parts['timestamp']}\n{parts['nonce_str']}\n".encode()
        return None if self._is_signed(head + body + b"\n", parts["signature"]) else "错误的签名,验签失败"

    def headers(
        self, body: bytes, at: datetime, *, wanted: str = "", forged: bool = False, probe: bool = False
    ) -> dict[str, str]:
        """The signature of an answer or a notification; `wanted` is the key that the merchant asked for by serial."""
        serial, key = self._signer(wanted)
        timestamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
        text = f"{timestamp}\n{nonce}\n".encode() + (b"something else" if forged else body) + b"\n"
        signature = base64.b64encode(key.sign(text, padding.PKCS1v15(), SHA256())).decode()
        return {
            "Wechatpay-Serial": serial, "Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": PROBE + signature if probe else signature, "Wechatpay-Signature-Type": SCHEME,
        }  # fmt: skip

    def seal(self, text: bytes, associated_data: str) -> dict[str, str]:
        """The text that only the merchant reads."""
        nonce = secrets.token_hex(6)
        key = self._settings.api_v3_key.get_secret_value().encode()
        sealed = AESGCM(key).encrypt(nonce.encode(), text, associated_data.encode())
        return {
            "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated_data,
            "ciphertext": base64.b64encode(sealed).decode(),
        }  # fmt: skip

    def _signer(self, wanted: str) -> tuple[str, RSAPrivateKey]:
        key_id = self._settings.platform_key_id
        for one in self._certified:
            if wanted == one.serial:
                return one.serial, one.key
        if key_id and (wanted == key_id or not self.prefers_certificate):
            return key_id, self._key
        newest = self.certificates()[-1]
        return newest.serial, newest.key

    def _is_signed(self, text: bytes, signature: str) -> bool:
        try:
            self._merchant_key.verify(base64.b64decode(signature), text, padding.PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


def encode(document: dict[str, Any]) -> bytes:
    """A document's bytes, which are what is signed."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def moment(at: datetime) -> str:
    """The way WeChat Pay writes a time: RFC 3339, in China's zone, whole seconds."""
    return at.astimezone(CHINA).isoformat(timespec="seconds")
