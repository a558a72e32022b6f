"""A merchant for tests: signs its requests as WeChat Pay and Alipay publish it, and hears their notifications."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key


def sign(private: str, text: bytes) -> str:
    """RSA over SHA256; the key is base64 of DER."""
    return base64.b64encode(_loaded(private).sign(text, PKCS1v15(), SHA256())).decode()


@cache
def _loaded(private: str) -> RSAPrivateKey:
    key = load_der_private_key(base64.b64decode(private), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def is_signed(public: str | RSAPublicKey, text: bytes, signature: str) -> bool:
    """Whether the owner of the key signed the text."""
    key = load_der_public_key(base64.b64decode(public)) if isinstance(public, str) else public
    assert isinstance(key, RSAPublicKey)
    try:
        key.verify(base64.b64decode(signature), text, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


class Heard:
    """The merchant's end of notifications: what came, and what it answers (the last answer again and again)."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.answers: list[tuple[int, str]] = [(200, "success")]
        self._came = asyncio.Condition()

    async def hear(self, request: web.Request) -> web.Response:
        """One notification."""
        self.bodies.append(await request.read())
        self.headers.append(request.headers)
        status, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        async with self._came:
            self._came.notify_all()
        return web.Response(status=status, text=text)

    async def wait_for(self, count: int) -> list[bytes]:
        """So many bodies."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.bodies) >= count)
        return self.bodies


@asynccontextmanager
async def hearing() -> AsyncIterator[Heard]:
    """A merchant's server."""
    heard, app = Heard(), web.Application()
    app.router.add_post("/notify", heard.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    heard.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notify"
    try:
        yield heard
    finally:
        await runner.cleanup()


class WechatMerchant:
    """Signs for WeChat Pay."""

    def __init__(self, http: httpx.AsyncClient, private_key: str, merchant_id: str, serial: str) -> None:
        self._http = http
        self._key = private_key
        self._merchant_id = merchant_id
        self._serial = serial

    async def call(
        self, method: str, target: str, document: Any = None, *, key: str | None = None, age_seconds: int = 0,
        sent: bytes | None = None, serial: str | None = None, wanted: str = "",
    ) -> httpx.Response:  # fmt: skip
        """A signed request; `sent` goes out instead of what was signed."""
        body = b"" if document is None else json.dumps(document, ensure_ascii=False).encode()
        timestamp, nonce = str(int(time.time()) - age_seconds), secrets.token_hex(16)
        text = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
        authorization = (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{self._merchant_id}",nonce_str="{nonce}",timestamp="{timestamp}",'
            f'serial_no="{serial or self._serial}",signature="{sign(key or self._key, text)}"'
        )
        headers = {"Authorization": authorization, "Content-Type": "application/json", "Wechatpay-Serial": wanted}
        return await self._http.request(method, target, content=body if sent is None else sent, headers=headers)


class AlipaySeller:
    """Signs for Alipay."""

    def __init__(self, http: httpx.AsyncClient, private_key: str, app_id: str, notify_url: str) -> None:
        self._http = http
        self._key = private_key
        self._app_id = app_id
        self._notify_url = notify_url

    async def call(
        self, method: str, content: Any, *, key: str | None = None, by_query: bool = False, **change: str
    ) -> httpx.Response:
        """A signed request; `change` is made after the signature, `by_query` puts it into the address."""
        form = {
            "method": method, "app_id": self._app_id, "sign_type": "RSA2", "charset": "utf-8", "version": "1.0",
            "timestamp": datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S"),
            "notify_url": self._notify_url, "biz_content": json.dumps(content, ensure_ascii=False),
        }  # fmt: skip
        text = "&".join(f"{name}={form[name]}" for name in sorted(form))
        form |= {"sign": sign(key or self._key, text.encode())} | change
        if by_query:
            return await self._http.get("/gateway.do", params=form)
        return await self._http.post("/gateway.do", data=form)
