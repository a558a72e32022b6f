"""Route: one-time codes by text message."""

from fastapi import APIRouter, Request

from identity.api.context import caller_of, identity_of
from identity.http_models.otp import OtpRequestBody, OtpRequestResponse
from identity.use_cases.otp import request_code
from servicekit.access import ANYONE
from servicekit.problems import problem_responses

router = APIRouter(tags=["sign-in"])


@router.post(
    "/v1/otp-requests", summary="Send a one-time code to a phone", status_code=202,
    responses=problem_responses(400, 413, 422, 429, 503, 504), openapi_extra=ANYONE,
)  # fmt: skip
async def create_otp_request(request: Request, body: OtpRequestBody) -> OtpRequestResponse:
    """Sends a code of six digits, good for 5 minutes, one use and 5 tries.

    Exchange it at `POST /v1/oauth/token` with `grant_type=urn:forecourt:grant:otp`, `request_id` and `code`. At most 3
    codes go to a phone in 10 minutes.
    """
    sent = await request_code(identity_of(request), body.phone, body.device_id, caller_of(request))
    return OtpRequestResponse(request_id=sent.id, expires_at=sent.expires_at, resend_at=sent.resend_at)
