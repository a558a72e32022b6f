"""The controls that every simulated payment provider has: what goes wrong, its notifications, and its clock."""

from datetime import timedelta
from typing import Any, Protocol

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from simulators.faults import FaultPlan, Faults
from simulators.notifying import Notifier


class PaymentProvider(Protocol):
    """What these controls touch."""

    plan: FaultPlan
    notifier: Notifier
    clock_skew: timedelta


class Resend(BaseModel):
    """The notification of a trade or refund, sent again right now."""

    model_config = ConfigDict(extra="forbid")

    number: str
    times: int = Field(default=1, ge=1, le=1_000)


class Clock(BaseModel):
    """How far the provider's clock is off."""

    skew_seconds: int = Field(ge=-40 * 86_400, le=40 * 86_400)


class Pace(BaseModel):
    """How much faster than in reality a notification is tried again."""

    speed: float = Field(gt=0, le=1_000_000)


def router(prefix: str, platform: PaymentProvider) -> APIRouter:
    """These controls under the provider's own prefix; the provider adds to them."""
    routes = APIRouter(prefix=prefix, tags=["control"])

    @routes.get("/notifications")
    async def notifications(number: str | None = None) -> list[dict[str, Any]]:
        """Those that were sent, the newest last, with the statuses of all tries."""
        return [one.shown() for one in platform.notifier.sent if number in (None, one.number)]

    @routes.post("/notifications")
    async def resend(again: Resend) -> Response:
        """Sends the newest notification of a number so many times more; the statuses that came back."""
        found = [one for one in platform.notifier.sent if one.number == again.number]
        if not found:
            return JSONResponse({"code": "NOT_FOUND", "message": "no notification of that number was sent"}, 404)
        return JSONResponse({"statuses": [await platform.notifier.send_now(found[-1]) for _ in range(again.times)]})

    @routes.put("/faults")
    async def set_faults(faults: Faults) -> Faults:
        """Replaces what goes wrong; `{}` ends it."""
        platform.plan.replace(faults)
        return faults

    @routes.get("/faults")
    async def faults() -> dict[str, Any]:
        """What goes wrong, and how often each has struck since it was set."""
        plan = platform.plan
        return {
            "faults": plan.faults.model_dump(mode="json", exclude_defaults=True), "struck": dict(plan.struck),
            "notifications_waiting": platform.notifier.waiting,
        }  # fmt: skip

    @routes.put("/clock")
    async def set_clock(clock: Clock) -> Clock:
        """Puts the provider's clock off: its signatures' times, and the days of its bills."""
        platform.clock_skew = timedelta(seconds=clock.skew_seconds)
        return clock

    @routes.put("/pace")
    async def set_pace(pace: Pace) -> Pace:
        """Compresses the schedule of notifications from the next pause on."""
        platform.notifier.speed = pace.speed
        return pace

    return routes
