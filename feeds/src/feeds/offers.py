"""What a station of a feed asks for its grades, made into records: each grade mapped, read exactly, and given once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from uuid_utils import NAMESPACE_DNS, UUID, uuid5

from feeds.base import PriceRecord, RowProblem, Why
from feeds.grades import UnmappedGradeError, fuel_of, rank

NOTHING = (None, "")
"""How feeds write that a grade has no price."""


class Reading(NamedTuple):
    """A price in thousandths of the major unit, None where the grade is not sold, and what had to be assumed."""

    price_mills: int | None
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A feed as its reports know it: the domain of its publisher names them; `read` raises ValueError for no price."""

    feed: str
    currency: str
    publisher: str
    read: Callable[[object], Reading]


class Offer(NamedTuple):
    """A price as the feed has it, under the feed's name of the grade; `text` is how the row begins.

    Of a grade's offers at one station the lowest `choice` counts, then the order in the table of grades. `assumed` is
    what had to be assumed of the row as a whole.
    """

    line: int
    external_id: str
    grade: str
    price: object
    effective_at: str
    text: str
    choice: int = 0
    assumed: tuple[str, ...] = ()


def price_record(
    source: Source, line: int, external_id: str, fuel: str, reading: Reading, effective_at: str, absence: bool = False
) -> PriceRecord:
    """A record whose report has the same id whenever the same station, grade, time and price are read."""
    name = f"{external_id} {fuel} {effective_at} {reading.price_mills}"
    report = {
        "report_id": str(uuid5(_report_ids(source.publisher), name)),
        "fuel": fuel,
        "price_mills": reading.price_mills,
        "currency": source.currency,
        "effective_at": effective_at,
    }
    return PriceRecord(line, external_id, report, absence, reading.assumed)


@lru_cache
def _report_ids(publisher: str) -> UUID:
    return uuid5(NAMESPACE_DNS, publisher)


def snapshot(source: Source, offers: Iterable[Offer]) -> Iterator[PriceRecord | RowProblem]:
    """Records of one station's offers, all of which hold now: one price of a grade, and a word on every other."""
    usable: list[tuple[str, Reading, Offer]] = []
    for offer in offers:
        try:
            usable.append((fuel_of(source.feed, offer.grade).value, source.read(offer.price), offer))
        except UnmappedGradeError as error:
            if offer.price not in NOTHING:  # a grade that is not sold need not be known
                yield problem(offer, str(error), error.why)
        except ValueError as error:
            yield problem(offer, f"{offer.grade}: {error}", Why.UNREADABLE)
    # A price of 0 is no price anybody asks: it is left for pricing to refuse only where there is no other.
    usable.sort(key=lambda one: (not one[1].price_mills, one[2].choice, rank(source.feed, one[2].grade)))
    yield from _one_per_fuel(source, usable)


def _one_per_fuel(source: Source, usable: Iterable[tuple[str, Reading, Offer]]) -> Iterator[PriceRecord | RowProblem]:
    chosen: dict[str, Offer] = {}
    for fuel, reading, offer in usable:
        first = chosen.setdefault(fuel, offer)
        if first is offer:
            absence, reading = reading.price_mills is None, reading._replace(assumed=reading.assumed + offer.assumed)
            yield price_record(source, offer.line, offer.external_id, fuel, reading, offer.effective_at, absence)
        elif reading.price_mills is not None:
            reason = f"a second price of {fuel}: {first.grade} for {first.price} counts"
            yield problem(offer, reason, Why.SECOND_PRICE)


def problem(offer: Offer, reason: str, why: Why) -> RowProblem:
    """An offer that gives no record; its grade is named where that is what is at fault."""
    grade = offer.grade if why in {Why.UNKNOWN_GRADE, Why.LEFT_OUT} else None
    return RowProblem(offer.line, reason, offer.text, why, grade)
