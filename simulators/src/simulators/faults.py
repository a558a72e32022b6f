"""What goes wrong at a payment provider: how often each fault strikes, drawn from a seed so that a run can be repeated.

A fault strikes a request of the merchant, an answer to one, or a notification. What is not named goes well.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Annotated, Literal

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

MAX_SECONDS = 60.0
Operation = Literal["create", "query", "close", "refund", "query_refund", "bill", "certificates", "notification"]
Moment = Literal["received", "done", "answered"]
Rate = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]


class Faults(BaseModel):
    """How often what goes wrong, each from 0 (never) to 1 (always)."""

    model_config = ConfigDict(extra="forbid")

    seed: int = 0
    only: frozenset[Operation] = Field(default=frozenset(), description="Strike these operations; none named: all")
    times: int | None = Field(default=None, ge=0, description="Strike so often, then no more; null: without end")
    slow: Rate = 0
    slow_seconds: Seconds = 2.0
    down: Rate = Field(default=0, description="502 of something in between; not done")
    drop: Rate = Field(default=0, description="Not done, and no answer")
    silent: Rate = Field(default=0, description="Done, and no answer")
    silent_seconds: Seconds = Field(default=30.0, description="When something in between says 504")
    busy: Rate = Field(default=0, description="The provider's own system error; not done")
    busy_done: Rate = Field(default=0, description="The provider's own system error, though it was done")
    limited: Rate = Field(default=0, description="The provider's rate limit; not done")
    unsigned: Rate = Field(default=0, description="An answer or a notification without a signature")
    forged: Rate = Field(default=0, description="A signature over something else")
    probe: Rate = Field(default=0, description="WeChat's probe: a signature that must be refused")
    skewed: Rate = Field(default=0, description="An answer or a notification whose time is off")
    skew_seconds: int = Field(default=-600, ge=-86_400, le=86_400)
    wrong_amount: Rate = Field(default=0, description="Another amount in a trade's document, rightly signed")
    wrong_currency: Rate = 0
    wrong_app: Rate = 0
    wrong_merchant: Rate = 0
    refuse_refund: Rate = Field(default=0, description="The merchant has not enough money")
    abnormal_refund: Rate = Field(default=0, description="The payer's account takes nothing")
    late: Rate = Field(default=0, description="The trade was closed, and then the payer has paid all the same")
    lost: Rate = Field(default=0, description="A notification that is never sent")
    duplicate: Rate = Field(default=0, description="A notification sent again though it was accepted")
    duplicates: int = Field(default=2, ge=1, le=100, description="So many more of it")
    reorder: Rate = Field(default=0, description="A notification held back, so that later ones overtake it")
    reorder_seconds: Seconds = 1.0


@dataclass
class FaultPlan:
    """The faults in force, and the luck of each."""

    faults: Faults = field(default_factory=Faults)
    struck: Counter[str] = field(default_factory=Counter)
    watch: Callable[[Operation, Moment], Awaitable[None]] | None = None
    """Called at each moment of a request: a test may end the merchant's process just there."""

    def __post_init__(self) -> None:
        self.replace(self.faults)

    def replace(self, faults: Faults) -> None:
        """Other faults from now on."""
        self.faults, self.struck = faults, Counter()
        self._luck = {name: Random(f"{faults.seed}/{name}") for name in Faults.model_fields}  # noqa: S311 - not secret

    def strikes(self, fault: str, operation: Operation) -> bool:
        """Whether the fault strikes now. Each fault has a sequence of its own, so one does not change another's."""
        faults = self.faults
        rate = getattr(faults, fault)
        if not rate or (faults.only and operation not in faults.only):
            return False
        if faults.times is not None and self.struck.total() >= faults.times:
            return False
        if self._luck[fault].random() >= rate:
            return False
        self.struck[fault] += 1
        return True

    async def see(self, operation: Operation, moment: Moment) -> None:
        """Tells whoever watches."""
        if self.watch is not None:
            await self.watch(operation, moment)


class FaultyAnswer:
    """Answers one request the way the plan wants it."""

    def __init__(self, plan: FaultPlan, operation: Operation, request: Request) -> None:
        self._plan = plan
        self._operation: Operation = operation
        self._request = request

    async def give(
        self, do: Callable[[], Response], busy: Callable[[], Response], limited: Callable[[], Response]
    ) -> Response:
        """`do` handles the request; the others are the provider's words where it does not."""
        plan, operation = self._plan, self._operation
        await plan.see(operation, "received")
        if plan.strikes("slow", operation):
            await asyncio.sleep(plan.faults.slow_seconds)
        if plan.strikes("down", operation):
            return PlainTextResponse("upstream connect error", 502)
        if plan.strikes("drop", operation):
            return await self._nothing()
        if plan.strikes("busy", operation):
            return busy()
        if plan.strikes("limited", operation):
            return limited()
        response = do()
        await plan.see(operation, "done")
        if plan.strikes("silent", operation):
            return await self._nothing()
        answer = busy() if plan.strikes("busy_done", operation) else response
        answer.background = BackgroundTask(plan.see, operation, "answered")
        return answer

    async def _nothing(self) -> Response:
        """No answer until the caller gives up, or something in between does."""
        try:
            async with asyncio.timeout(self._plan.faults.silent_seconds):
                while (await self._request.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            pass
        return PlainTextResponse("upstream request timeout", 504)
