"""Alibaba Cloud's Short Message Service as its clients meet it: SendSms, signed by ACS3-HMAC-SHA256.

Sources: "V3 request structure and signature", "SendSms" and "Error codes" of Alibaba Cloud's documentation.
"""

import hashlib
import hmac
import json
import re
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from string import Template
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from servicekit.ids import new_id
from simulators.sms import SmsNetwork

ALGORITHM = "ACS3-HMAC-SHA256"
CLOCK_SKEW = timedelta(minutes=15)
REMEMBERED_NONCES = 10_000
MAINLAND_MOBILE = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})")
ABROAD = re.compile(r"(?!86)[1-9]\d{6,14}")
LIMIT_MESSAGES = {"minute": "触发分钟级流控Permits:", "hour": "触发小时级流控Permits:", "day": "触发天级流控Permits:"}


class Refused(Exception):
    """An error of the gateway (HTTP status 4xx) or of the service (200, as the real one does)."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


def router(network: SmsNetwork) -> APIRouter:
    """The RPC endpoint: every action is a request to `/`."""
    routes, nonces = APIRouter(tags=["aliyun"]), deque[str](maxlen=REMEMBERED_NONCES)

    @routes.post("/", summary="SendSms")
    async def call(request: Request) -> Response:
        """Checks the signature, then sends."""

        async def accept() -> JSONResponse:
            try:
                parameters = await _authenticated(network, nonces, request)
                return _send(network, parameters)
            except Refused as error:
                return _answer(error.code, error.message, error.status)

        return await network.answer("aliyun", lambda code: _answer(code, "simulated"), accept)

    return routes


async def _authenticated(network: SmsNetwork, nonces: deque[str], request: Request) -> dict[str, str]:
    """The action's parameters, once the request is proved to be the account's."""
    headers, body = request.headers, await request.body()
    name, _, rest = headers.get("authorization", "").partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if name != ALGORITHM or {"Credential", "SignedHeaders", "Signature"} - set(fields):
        raise Refused("MissingSecurityHeader", "The Authorization header is missing or malformed.", 400)
    if fields["Credential"] != network.settings.aliyun_key_id:
        raise Refused("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
    _require_fresh(headers.get("x-acs-date", ""), headers.get("x-acs-signature-nonce", ""), nonces)
    expected = _signature(network, request.method, request.url.query, headers, fields["SignedHeaders"], body)
    if not hmac.compare_digest(expected, fields["Signature"]):
        raise Refused("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.", 400)
    if (headers.get("x-acs-action"), headers.get("x-acs-version")) != ("SendSms", "2017-05-25"):
        raise Refused("InvalidAction.NotFound", "The specified API is not found.", 404)
    return dict(parse_qsl(request.url.query)) | dict(parse_qsl(body.decode()))


def _require_fresh(date: str, nonce: str, nonces: deque[str]) -> None:
    try:
        age = datetime.now(UTC) - datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused(
            "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.", 400
        ) from error
    if abs(age) > CLOCK_SKEW:
        raise Refused("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", 400)
    if not nonce or nonce in nonces:
        raise Refused("SignatureNonceUsed", "Specified signature nonce was used already.", 400)
    nonces.append(nonce)


def _signature(
    network: SmsNetwork, method: str, query: str, headers: Mapping[str, str], signed: str, body: bytes
) -> str:
    names = signed.split(";")
    required = {"host", *(name for name in headers if name.startswith("x-acs-"))}
    if names != sorted(names) or not required <= set(names):
        raise Refused("SignatureDoesNotMatch", "Host and all x-acs- headers must be signed, in order.", 400)
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical_query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
    canonical_headers = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names)
    canonical = "\n".join([method, "/", canonical_query, canonical_headers, signed, hashlib.sha256(body).hexdigest()])
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(network.settings.aliyun_key_secret.get_secret_value().encode(), text.encode(), "sha256").hexdigest()


def _send(network: SmsNetwork, parameters: Mapping[str, str]) -> JSONResponse:
    settings = network.settings
    phone = _e164(parameters.get("PhoneNumbers", ""))
    if parameters.get("SignName") != settings.aliyun_sign_name:
        raise Refused("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法")
    template = settings.aliyun_templates.get(parameters.get("TemplateCode", ""))
    if template is None:
        raise Refused("isv.SMS_TEMPLATE_ILLEGAL", "短信模板不合法")
    text = _text(template, parameters.get("TemplateParam", "{}"))
    if "${code}" in template:
        _require_within_limits(network, phone)
    network.deliver("aliyun", phone, f"【{settings.aliyun_sign_name}】{text}")
    return _answer("OK", "OK", BizId=f"{new_id().int % 10**18}^0")


def _e164(number: str) -> str:
    if mainland := MAINLAND_MOBILE.fullmatch(number):
        return f"+86{mainland[1]}"
    if ABROAD.fullmatch(number):
        return f"+{number}"
    raise Refused("isv.MOBILE_NUMBER_ILLEGAL", f"{number}invalid mobile number")


def _text(template: str, parameters: str) -> str:
    try:
        values = json.loads(parameters)
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise ValueError("not texts by names")
        return Template(template).substitute(values)
    except KeyError as error:
        raise Refused("isv.TEMPLATE_MISSING_PARAMETERS", "模版缺少变量") from error
    except ValueError as error:
        raise Refused("isv.INVALID_JSON_PARAM", "参数格式错误,请修改为字符串值") from error


def _require_within_limits(network: SmsNetwork, phone: str) -> None:
    settings = network.settings
    limits = (
        ("minute", settings.aliyun_per_minute, timedelta(minutes=1)),
        ("hour", settings.aliyun_per_hour, timedelta(hours=1)),
        ("day", settings.aliyun_per_day, timedelta(days=1)),
    )
    for name, most, age in limits:
        if most and network.sent_since("aliyun", phone, age) >= most:
            raise Refused("isv.BUSINESS_LIMIT_CONTROL", f"{LIMIT_MESSAGES[name]}{most}")


def _answer(code: str, message: str, status: int = 200, **more: str) -> JSONResponse:
    return JSONResponse({"Message": message, "RequestId": str(new_id()).upper(), "Code": code} | more, status)
