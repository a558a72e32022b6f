"""What a pump has to do for an order, how much it gives, and what its display shows. Pure but for luck.

The pump reckons by itself, as a real one does: it shares no code with the service that it reports to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.vocabulary import mills_per_minor_unit
from simulators.faults import Rate, Seconds

LITRES_PER_SECOND = 0.6
TANK_ML = (20_000, 55_000)
Document = Mapping[str, Any]


class Habits(BaseModel):
    """How a station's pumps behave; each rate from 0 (never) to 1 (always)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    speed: float = Field(default=1.0, gt=0, le=100_000, description="How much faster than in reality fuel flows")
    seed: int = 0
    under: Rate = Field(default=0, description="Gives less than it could")
    over: Rate = Field(default=0, description="Gives more than it may")
    silent: Rate = Field(default=0, description="Gives fuel and never says so")
    duplicate: Rate = Field(default=0, description="Says it twice")
    offline: Rate = Field(default=0, description="Loses the line while fuel flows")
    offline_seconds: Seconds = 20.0


@dataclass(frozen=True, slots=True)
class Job:
    """An order that waits for fuel. Volumes are millilitres."""

    order_id: str
    pump_id: str
    fuel: str
    currency: str
    price_mills: int
    is_prepaid: bool
    """The money came first, so the pump must not give more than `most_ml`."""
    most_ml: int
    """What was asked for, or what the money is enough for."""
    fills_up: bool
    """The tank may take less."""

    @property
    def dispense_id(self) -> str:
        """One for each order, so that a report is the same however often it is sent."""
        return f"pump-{self.pump_id}-{self.order_id.replace('-', '')}"


def job_of(order: Document) -> Job | None:
    """What is to be done for an order as the board shows it; None: nothing, or not yet."""
    if order["dispensed_at"] is not None:
        return None
    is_prepaid = order["mode"] != "post_pay"
    if is_prepaid:
        most = order["pump"]["max_ml"] if order["pump"]["state"] == "unlocked" else 0
    else:
        most = _asked_ml(order) if order["status"] == "placed" else 0
    if not most:
        return None
    return Job(
        order["order_id"], order["pump_id"], order["fuel"], order["currency"], order["price_mills"], is_prepaid, most,
        order["measure"] == "fill_up",
    )  # fmt: skip


def given_ml(job: Job, habits: Habits, luck: Random) -> int:
    """How much flows."""
    tank = luck.randint(*TANK_ML)
    given = min(tank, job.most_ml) if job.fills_up else job.most_ml
    if luck.random() < habits.under:
        return max(1, int(given * luck.uniform(0.3, 0.9)))
    return job.most_ml + max(1, job.most_ml // 20) if luck.random() < habits.over else given


def display_minor(volume_ml: int, price_mills: int, currency: str) -> int:
    """The amount on the display: rounded half up to the minor unit (OIML R 117-1)."""
    exact = Decimal(volume_ml) * price_mills / (1_000 * mills_per_minor_unit(currency))
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def preset_ml(amount_minor: int, price_mills: int, currency: str) -> int:
    """Where a pump stops that an amount was typed into: one millilitre more, and the display shows more."""
    unit = 1_000 * mills_per_minor_unit(currency)
    return -(-unit * (2 * amount_minor + 1) // (2 * price_mills)) - 1


def luck_of(job: Job, seed: int) -> Random:
    """The luck of one order: the same whenever it is asked for, whatever else goes on at the station."""
    return Random(f"{seed}/{job.pump_id}/{job.most_ml}/{job.order_id}")  # noqa: S311 - nothing secret


def _asked_ml(order: Document) -> int:
    if order["requested_ml"] is not None:
        return order["requested_ml"]
    if order["requested_minor"] is not None and order["measure"] == "amount":
        return preset_ml(order["requested_minor"], order["price_mills"], order["currency"])
    return TANK_ML[1]
