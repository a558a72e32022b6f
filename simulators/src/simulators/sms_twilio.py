"""Twilio's Messages resource as its clients meet it: HTTP Basic, form in, JSON out, Twilio's error numbers.

Sources: "Messages resource" and "Error and warning dictionary" of Twilio's documentation.
"""

import base64
import hmac
import re
import time
from collections import deque
from email.utils import format_datetime
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from servicekit.ids import new_id
from simulators.sms import Message, SmsNetwork

E164 = re.compile(r"\+[1-9]\d{6,14}")
LONGEST_BODY = 1600
MESSAGES = {
    20003: "Authenticate",
    20429: "Too Many Requests",
    21211: "The 'To' number is not a valid phone number.",
    21602: "Message body is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' number is not a valid, SMS-capable Twilio number.",
    21617: "The concatenated message body exceeds the 1600 character limit.",
}
STATUSES = {20003: 401, 20404: 404, 20429: 429}


class Refused(Exception):
    """An error, by Twilio's number."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def router(network: SmsNetwork) -> APIRouter:
    """The one route of the account's messages."""
    routes, recent = APIRouter(tags=["twilio"]), deque[float](maxlen=max(1, network.settings.twilio_per_second))

    @routes.post("/2010-04-01/Accounts/{account_sid}/Messages.json", status_code=201, summary="Create a message")
    async def create_message(account_sid: str, request: Request) -> Response:
        """Checks the credentials, then sends."""

        async def accept() -> JSONResponse:
            try:
                _authenticate(network, account_sid, request.headers.get("authorization", ""))
                _require_within_limit(network, recent)
                return _send(network, dict(parse_qsl((await request.body()).decode())))
            except Refused as error:
                return _error(error.code)

        return await network.answer("twilio", lambda code: _error(int(code)), accept)

    return routes


def _authenticate(network: SmsNetwork, account_sid: str, authorization: str) -> None:
    settings = network.settings
    expected = f"{settings.twilio_account_sid}:{settings.twilio_auth_token.get_secret_value()}"
    header = "Basic " + base64.b64encode(expected.encode()).decode()
    if account_sid != settings.twilio_account_sid or not hmac.compare_digest(authorization, header):
        raise Refused(20003)


def _require_within_limit(network: SmsNetwork, recent: deque[float]) -> None:
    now, most = time.monotonic(), network.settings.twilio_per_second
    if most and len(recent) == most and now - recent[0] < 1:
        raise Refused(20429)
    recent.append(now)


def _send(network: SmsNetwork, form: dict[str, str]) -> JSONResponse:
    to, sender, body = form.get("To", ""), form.get("From"), form.get("Body", "")
    wrong = (
        (not to, 21604), (not E164.fullmatch(to), 21211), (sender != network.settings.twilio_from, 21606),
        (not body, 21602), (len(body) > LONGEST_BODY, 21617),
    )  # fmt: skip
    for is_wrong, code in wrong:
        if is_wrong:
            raise Refused(code)
    return JSONResponse(_created(network, network.deliver("twilio", to, body)), 201)


def _created(network: SmsNetwork, message: Message) -> dict[str, object]:
    """The message as Twilio answers it: accepted, not yet sent."""
    account, sid, created = network.settings.twilio_account_sid, f"SM{new_id().hex}", message.received_at
    return {
        "account_sid": account, "api_version": "2010-04-01", "body": message.text,
        "date_created": format_datetime(created), "date_sent": None, "date_updated": format_datetime(created),
        "direction": "outbound-api", "error_code": None, "error_message": None, "from": network.settings.twilio_from,
        "messaging_service_sid": None, "num_media": "0", "num_segments": "1", "price": None, "price_unit": None,
        "sid": sid, "status": "queued", "subresource_uris": {}, "to": message.phone,
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{sid}.json",
    }  # fmt: skip


def _error(code: int) -> JSONResponse:
    status = STATUSES.get(code, 400)
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": MESSAGES.get(code, "simulated"), "more_info": more_info, "status": status}
    return JSONResponse(body, status)
