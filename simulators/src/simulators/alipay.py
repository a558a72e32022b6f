"""Alipay, simulated: its gateway's signatures and the exchange of a person's code, with its error codes."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, SecretStr

CODE_LIFE_SECONDS = 300.0
MAX_CODES = 10_000
MAX_SLOW_SECONDS = 30.0
TIMESTAMP_SECONDS = 15 * 60
ZONE = ZoneInfo("Asia/Shanghai")
METHOD = "alipay.system.oauth.token"
Form = dict[str, str]
Handlers = Mapping[str, Callable[[Request, Form], Awaitable[Response]]]
"""What answers other methods, by their names."""
FAULTS = {
    "isp.unknow-error": ("20000", "Service Currently Unavailable", "系统繁忙"),
    "isv.missing-signature": ("40001", "Missing Required Arguments", "缺少签名参数"),
    "isv.missing-method": ("40001", "Missing Required Arguments", "缺少方法名参数"),
    "isv.missing-app-id": ("40001", "Missing Required Arguments", "缺少appId参数"),
    "isv.missing-timestamp": ("40001", "Missing Required Arguments", "缺少时间戳参数"),
    "isv.invalid-signature": ("40002", "Invalid Arguments", "验签出错"),
    "isv.invalid-app-id": ("40002", "Invalid Arguments", "无效的AppID参数"),
    "isv.invalid-method": ("40002", "Invalid Arguments", "不存在的方法名"),
    "isv.invalid-timestamp": ("40002", "Invalid Arguments", "非法的时间戳参数"),
    "isv.invalid-signature-type": ("40002", "Invalid Arguments", "无效的签名类型"),
    "isv.grant-type-invalid": ("40002", "Invalid Arguments", "grant_type参数不正确"),
    "isv.code-invalid": ("40002", "Invalid Arguments", "授权码code无效"),
    "isv.app-call-limited": ("40005", "Call Limited", "应用调用次数超限"),
}


class AlipaySettings(BaseModel):
    """The app that this Alipay knows, and Alipay's own key for it; SIMULATORS_ALIPAY__APP_ID and so on."""

    model_config = ConfigDict(frozen=True)

    app_id: str
    app_public_key: str
    platform_private_key: SecretStr


class Login(BaseModel):
    """Who opens the mini program: their id within it, a new person's by default."""

    open_id: str | None = None


class Mood(BaseModel):
    """What goes wrong from now on; what is not named goes well."""

    busy: int = 0
    """So many of the next answers are isp.unknow-error."""
    limited: bool = False
    slow_seconds: float = 0
    down: bool = False
    unsigned: bool = False
    forged: bool = False
    """Signs something else than it says."""
    user_id: bool = False
    """Whether the app is of the older kind, whose persons have a user_id and no open_id."""


@dataclass
class _Code:
    made_at: float
    open_id: str
    is_used: bool = False


@dataclass
class AlipayPlatform:
    """What Alipay knows; `clock` is in seconds."""

    settings: AlipaySettings
    clock: Callable[[], float] = time.monotonic
    mood: Mood = field(default_factory=Mood)
    codes: dict[str, _Code] = field(default_factory=dict)
    methods: set[str] = field(default_factory=lambda: {METHOD})

    def __post_init__(self) -> None:
        """Reads the keys. Raises ValueError where they are none."""
        public = load_der_public_key(base64.b64decode(self.settings.app_public_key))
        private = load_der_private_key(base64.b64decode(self.settings.platform_private_key.get_secret_value()), None)
        if not isinstance(public, RSAPublicKey) or not isinstance(private, RSAPrivateKey):
            raise ValueError("Alipay's keys are RSA keys")
        self._app_key, self._key = public, private

    def make_code(self, open_id: str) -> str:
        """A new one-use code; the oldest ones are forgotten where there are too many."""
        name = secrets.token_hex(16)
        self.codes[name] = _Code(self.clock(), open_id)
        while len(self.codes) > MAX_CODES:
            del self.codes[next(iter(self.codes))]
        return name

    def fault_of(self, form: dict[str, str]) -> str | None:
        """What is wrong with a request before its method is looked at, in Alipay's words."""
        for name in ("method", "app_id", "timestamp"):
            if not form.get(name):
                return f"isv.missing-{name.replace('_', '-')}"
        if not form.get("sign"):
            return "isv.missing-signature"
        if form.get("sign_type") != "RSA2":
            return "isv.invalid-signature-type"
        if form["app_id"] != self.settings.app_id:
            return "isv.invalid-app-id"
        if not self._is_signed(form):
            return "isv.invalid-signature"
        if not _is_recent(form["timestamp"]):
            return "isv.invalid-timestamp"
        return None if form["method"] in self.methods else "isv.invalid-method"

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | str:
        """The answer to a code, or what is wrong with it."""
        if form.get("grant_type") != "authorization_code":
            return "isv.grant-type-invalid"
        code = self.codes.get(form.get("code", ""))
        if code is None or code.is_used or self.clock() - code.made_at > CODE_LIFE_SECONDS:
            return "isv.code-invalid"
        code.is_used = True
        person = {"user_id": code.open_id} if self.mood.user_id else {"open_id": code.open_id}
        tokens = {"access_token": f"authbse{secrets.token_hex(16)}", "refresh_token": f"authbse{secrets.token_hex(16)}"}
        return person | tokens | {"expires_in": 1296000, "re_expires_in": 2592000}

    def signature(self, text: str) -> str:
        """Alipay's own, over an answer's part as it is sent."""
        return base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), SHA256())).decode()

    def _is_signed(self, form: dict[str, str]) -> bool:
        names = sorted(name for name, value in form.items() if value and name != "sign")
        text = "&".join(f"{name}={form[name]}" for name in names)
        try:
            self._app_key.verify(base64.b64decode(form["sign"]), text.encode(), padding.PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


def router(platform: AlipayPlatform, others: Handlers | None = None) -> APIRouter:
    """Alipay's gateway, for `others` too."""
    routes, handlers = APIRouter(tags=["alipay"]), others or {}
    platform.methods |= handlers.keys()

    @routes.post("/gateway.do")
    @routes.get("/gateway.do")
    async def gateway(request: Request) -> Response:
        """Every method of Alipay goes through here."""
        mood = platform.mood
        if mood.slow_seconds:
            await asyncio.sleep(min(mood.slow_seconds, MAX_SLOW_SECONDS))
        if mood.down:
            return PlainTextResponse("Bad Gateway", 502)
        form = _form(request.url.query) | _form((await request.body()).decode(errors="replace"))
        if (handle := handlers.get(form.get("method", ""))) is not None:
            return await handle(request, form)
        return _answer(platform, _outcome(platform, form))

    return routes


def control_router(platform: AlipayPlatform) -> APIRouter:
    """What the person's own phone does, and what Alipay's operators may."""
    routes = APIRouter(prefix="/control/alipay", tags=["control"])

    @routes.post("/logins")
    async def log_in(login: Login) -> dict[str, str]:
        """The mini program's my.getAuthCode: a code for the server."""
        open_id = login.open_id or secrets.token_urlsafe(36)
        return {"auth_code": platform.make_code(open_id), "open_id": open_id}

    @routes.put("/mood")
    async def set_mood(mood: Mood) -> Mood:
        """Replaces what goes wrong."""
        platform.mood = mood
        return mood

    return routes


def _outcome(platform: AlipayPlatform, form: dict[str, str]) -> dict[str, Any] | str:
    if platform.mood.busy > 0:
        platform.mood.busy -= 1
        return "isp.unknow-error"
    if platform.mood.limited:
        return "isv.app-call-limited"
    return platform.fault_of(form) or platform.exchange(form)


def _answer(platform: AlipayPlatform, outcome: dict[str, Any] | str) -> Response:
    """The document as Alipay writes it: the part that is signed first, then its signature."""
    if isinstance(outcome, str):
        code, words, what = FAULTS[outcome]
        name, part = "error_response", {"code": code, "msg": words, "sub_code": outcome, "sub_msg": what}
    else:
        name, part = f"{METHOD.replace('.', '_')}_response", outcome
    text = json.dumps(part, ensure_ascii=False, separators=(",", ":"))
    signature = platform.signature("something else" if platform.mood.forged else text)
    return answer_text(name, text, None if platform.mood.unsigned else signature)


def answer_text(name: str, part: str, signature: str | None) -> Response:
    """An answer: the part that is signed, as it is, and the signature behind it."""
    proof = "" if signature is None else f',"sign":"{signature}"'
    return Response(f'{{"{name}":{part}{proof}}}', media_type="text/html;charset=utf-8")


def _form(text: str) -> Form:
    return dict(parse_qsl(text, max_num_fields=100))


def _is_recent(timestamp: str) -> bool:
    try:
        moment = datetime.strptime(timestamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    except ValueError:
        return False
    return abs((datetime.now(ZONE) - moment).total_seconds()) <= TIMESTAMP_SECONDS
