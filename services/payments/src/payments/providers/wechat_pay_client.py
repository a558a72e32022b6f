"""One signed request to WeChat Pay v3, and its answer once WeChat's signature is found good."""

import asyncio
import logging
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import IO, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from yarl import URL

from payments.providers.channel import ProviderAway
from payments.providers.wechat_pay_signing import (
    PlatformKeys,
    Sealed,
    UnknownSerial,
    Unproven,
    authorization,
    certificates_of,
    client_parameters,
    opened,
    require_signed,
)
from servicekit.outbound import TIMEOUT_SECONDS, Answer, BaseUrl, Outbound, PlatformAway
from servicekit.rsa_signing import private_key, public_key

log = logging.getLogger(__name__)

CERTIFICATES_PATH = "/v3/certificates"
CERTIFICATE_PAUSE_SECONDS = 60.0
"""Between two looks for new certificates: anybody can send us serials that nobody knows."""
CERTIFICATE_LIFE_SECONDS = 12 * 3600.0
DOWNLOAD_SECONDS = 120.0


class WechatPaySettings(BaseModel):
    """A merchant's app and keys; PAYMENTS_WECHAT__APP_ID and so on."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    app_id: str
    app_secret: SecretStr = Field(description="The mini program's: exchanges a payer's code")
    merchant_id: str
    merchant_serial: str = Field(description="The serial number of our certificate, which goes with our key")
    merchant_private_key: SecretStr = Field(description="Ours: PEM, or base64 of PKCS#1 or PKCS#8")
    api_v3_key: SecretStr = Field(min_length=32, max_length=32, description="Opens what WeChat encrypts for us")
    platform_key_id: str = Field(
        "", pattern=r"^(PUB_KEY_ID_\w+)?$", description="WeChat's public key's; empty: it signs with certificates"
    )
    platform_public_key: str = Field("", description="That key: PEM, or base64 of its SubjectPublicKeyInfo")
    base_url: BaseUrl = "https://api.mch.weixin.qq.com"
    login_base_url: BaseUrl = "https://api.weixin.qq.com"
    timeout_seconds: float = Field(TIMEOUT_SECONDS, gt=0, le=30)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that WeChat signed."""

    status: int
    body: bytes

    @property
    def code(self) -> str:
        """WeChat's error code; empty where there is none."""
        try:
            return msgspec.json.decode(self.body, type=_Error).code
        except msgspec.DecodeError:
            return ""


class _Error(msgspec.Struct):
    code: str = ""


class _SealedCertificate(msgspec.Struct):
    serial_no: str
    encrypt_certificate: Sealed


class _Certificates(msgspec.Struct):
    data: list[_SealedCertificate]


class WechatPayClient:
    """One merchant at WeChat Pay. Raises ValueError where its keys are none."""

    def __init__(self, settings: WechatPaySettings, http: Outbound) -> None:
        self.settings = settings
        self._http = http
        self._key = private_key(settings.merchant_private_key.get_secret_value())
        self._api_v3_key = settings.api_v3_key.get_secret_value().encode()
        own = {settings.platform_key_id: public_key(settings.platform_public_key)} if settings.platform_key_id else {}
        self._keys = PlatformKeys(own)
        self._fetched_at = self._asked_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def ask(self, method: str, path: str, document: Any = None) -> Reply:
        """The signed answer to a request; `path` is with its query. Raises ProviderAway."""
        answer = await self._send(method, path, document)
        try:
            await self.require_signed(answer.headers, answer.body)
        except Unproven as error:
            log.error("wechat pay's answer proves nothing", extra={"status": answer.status, "reason": str(error)})
            raise ProviderAway(f"an answer that WeChat did not sign: {error}") from error
        return Reply(answer.status, answer.body)

    async def require_signed(self, headers: Any, body: bytes) -> None:
        """See wechat_pay_signing; certificates that we have not are fetched first. Raises Unproven, ProviderAway."""
        now = datetime.now(UTC)
        if self._keys.certificates and time.monotonic() - self._fetched_at > CERTIFICATE_LIFE_SECONDS:
            with suppress(ProviderAway):  # those that we have are good until they end
                await self._fetch_certificates()
        try:
            require_signed(headers, body, self._keys, now)
        except UnknownSerial:
            if headers.get("Wechatpay-Serial", "").startswith("PUB_KEY_ID_"):
                raise
            await self._fetch_certificates()
            require_signed(headers, body, self._keys, now)

    def opened(self, sealed: Sealed) -> bytes:
        """What WeChat encrypted for us. Raises Unproven."""
        return opened(sealed, self._api_v3_key)

    def client_parameters(self, prepay_id: str) -> dict[str, str]:
        """What the payer's phone needs."""
        return client_parameters(self.settings.app_id, prepay_id, self._key, datetime.now(UTC), _nonce())

    async def download(self, path: str, file: IO[bytes], max_bytes: int) -> int:
        """Writes what is there to the file; the status. WeChat does not sign files: check the digest."""
        url = URL(self.settings.base_url + path, encoded=True)
        headers = {"Authorization": self._authorization("GET", url, b"")}
        try:
            return await self._http.download(url, file, max_bytes, timeout_seconds=DOWNLOAD_SECONDS, headers=headers)
        except PlatformAway as error:
            raise ProviderAway(str(error), was_sent=error.was_sent) from error

    async def _fetch_certificates(self) -> None:
        """Takes over WeChat's certificates of today, once in a while at most.

        What holds them is encrypted with the key that only WeChat and we have, and signed by one of them.
        """
        async with self._fetching:
            if time.monotonic() - self._asked_at < CERTIFICATE_PAUSE_SECONDS:
                return
            self._asked_at = time.monotonic()
            answer = await self._send("GET", CERTIFICATES_PATH)
            try:
                sealed = msgspec.json.decode(answer.body, type=_Certificates).data
                found = certificates_of((one.serial_no, self.opened(one.encrypt_certificate)) for one in sealed)
                keys = replace(self._keys, certificates=found)
                require_signed(answer.headers, answer.body, keys, datetime.now(UTC))
            except (msgspec.DecodeError, Unproven) as error:
                log.error("wechat pay's certificates prove nothing", extra={"status": answer.status})
                raise ProviderAway("certificates that are not WeChat's") from error
            self._keys, self._fetched_at = keys, time.monotonic()

    async def _send(self, method: str, path: str, document: Any = None) -> Answer:
        url = URL(self.settings.base_url + path, encoded=True)
        body = b"" if document is None else msgspec.json.encode(document)
        headers = {
            "Authorization": self._authorization(method, url, body), "Accept": "application/json",
            "Content-Type": "application/json", "User-Agent": "forecourt",
        }  # fmt: skip
        if self.settings.platform_key_id:
            headers["Wechatpay-Serial"] = self.settings.platform_key_id
        try:
            return await self._http.exchange(
                method, url, data=body or None, headers=headers, timeout_seconds=self.settings.timeout_seconds
            )
        except PlatformAway as error:
            raise ProviderAway(str(error), was_sent=error.was_sent) from error

    def _authorization(self, method: str, url: URL, body: bytes) -> str:
        settings = self.settings
        return authorization(
            settings.merchant_id, settings.merchant_serial, self._key, method, url.raw_path_qs, body,
            datetime.now(UTC), _nonce(),
        )  # fmt: skip


def _nonce() -> str:
    return secrets.token_hex(16)
