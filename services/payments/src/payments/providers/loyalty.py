"""Loyalty, as payments asks it while the payer waits; the contract is `schemas.reservations`."""

from types import TracebackType
from typing import Self
from uuid import UUID

import aiohttp
import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.reservations import PATH, REFUSED, Refusal, ReservationAnswer, ReservationRequest
from servicekit.bodies import TooLong, read_whole
from servicekit.problems import TYPE_PREFIX

MAX_ANSWER_BYTES = 64 * 1024
_REFUSALS = TypeAdapter(list[Refusal])


class LoyaltySettings(BaseModel):
    """Where loyalty is; PAYMENTS_LOYALTY__URL and so on."""

    model_config = ConfigDict(frozen=True)

    url: str
    timeout_seconds: float = Field(default=2.0, gt=0, le=10, description="The payer waits meanwhile")


class LoyaltyAway(Exception):
    """No answer, or none that makes sense: the driver may pay in full."""


class ReservationRefused(Exception):
    """Something cannot be spent; nothing is set aside."""

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__("loyalty refuses the reservation")
        self.refusals = refusals


class Loyalty:
    """One process's way to loyalty; it connects with the first question."""

    def __init__(self, settings: LoyaltySettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def reserve(self, request: ReservationRequest, token: str) -> ReservationAnswer:
        """Sets coupons and points aside, in the driver's name. Raises ReservationRefused, LoyaltyAway."""
        status, body = await self._post(PATH, request.model_dump_json().encode(), token)
        if status == 409 and (refusals := _refusals(body)):
            raise ReservationRefused(refusals)
        if status != 200:
            raise LoyaltyAway(f"status {status}")
        return _checked(request, body)

    async def release(self, reservation_id: UUID, token: str) -> None:
        """Gives back what is set aside. Raises LoyaltyAway: then it expires by itself."""
        status, _ = await self._post(f"{PATH}/{reservation_id}/release", b"", token)
        if status != 204:
            raise LoyaltyAway(f"status {status}")

    async def _post(self, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with self._opened().post(
                self._settings.url.rstrip("/") + path, data=body, headers=headers, allow_redirects=False
            ) as reply:
                return reply.status, await read_whole(reply.content, MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, TooLong, OSError, TimeoutError) as error:
            raise LoyaltyAway(f"no answer ({type(error).__name__})") from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _checked(request: ReservationRequest, body: bytes) -> ReservationAnswer:
    """The answer, if it is one to this request: its parts may not exceed what there is to pay."""
    try:
        answer = ReservationAnswer.model_validate_json(body)
    except ValidationError:
        raise LoyaltyAway("an answer that is not loyalty's") from None
    total = sum(part.amount_minor for part in answer.breakdown)
    points = sum(part.points or 0 for part in answer.breakdown)
    if answer.reservation_id != request.reservation_id or total > request.gross_minor or points > request.points:
        raise LoyaltyAway("an answer to another question")
    return answer


def _refusals(body: bytes) -> list[Refusal]:
    """What a refusal names; nothing where the body is none."""
    try:
        document = msgspec.json.decode(body)
        if document["type"] != TYPE_PREFIX + REFUSED:
            return []
        return _REFUSALS.validate_python(document["refusals"])
    except (msgspec.DecodeError, KeyError, TypeError, ValidationError):
        return []
