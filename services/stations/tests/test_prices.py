"""Which price changes are news."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import PriceChangedV1
from servicekit.ids import new_id
from stations.domain.prices import newer_prices

NOW = datetime(2026, 4, 30, 10, tzinfo=UTC)
STATION, OTHER, UNKNOWN = new_id(), new_id(), new_id()


def changed(
    version: int, price_mills: int | None = 1_799, fuel: str = "e5", station_id: UUID = STATION
) -> PriceChangedV1:
    return PriceChangedV1.model_validate(
        {"station_id": station_id, "fuel": fuel, "version": version, "price_mills": price_mills,
         "previous_price_mills": None, "currency": "EUR", "report_id": "r", "effective_at": NOW, "submitted_at": NOW,
         "received_at": NOW}
    )  # fmt: skip


def test_a_price_is_stored_with_its_four_times() -> None:
    assert newer_prices({STATION: {}}, [(changed(1), NOW)]) == {
        STATION: {"e5": {
            "price_mills": 1_799, "currency": "EUR", "version": 1, "effective_at": NOW, "submitted_at": NOW,
            "received_at": NOW, "published_at": NOW,
        }}
    }  # fmt: skip


def test_stale_and_repeated_versions_are_no_news() -> None:
    known = {STATION: {"e5": 3}}
    assert newer_prices(known, [(changed(2), NOW), (changed(3), NOW)]) == {}
    assert newer_prices(known, [(changed(7), NOW)])[STATION]["e5"]["version"] == 7


def test_a_grade_no_longer_sold_keeps_its_version() -> None:
    news = newer_prices({STATION: {"e5": 3}}, [(changed(4, None), NOW), (changed(3), NOW)])
    assert (news[STATION]["e5"]["price_mills"], news[STATION]["e5"]["version"]) == (None, 4)


def test_an_unknown_station_has_no_news() -> None:
    assert newer_prices({STATION: {}}, [(changed(1, station_id=UNKNOWN), NOW)]) == {}


CHANGES = st.builds(
    changed, st.integers(1, 6), st.none() | st.integers(1, 3_000), st.sampled_from(["e5", "e10"]),
    st.sampled_from([STATION, OTHER, UNKNOWN]),
)  # fmt: skip


@given(st.lists(CHANGES, max_size=30), st.integers(0, 30))
def test_batches_do_not_matter_and_the_newest_wins(changes: list[PriceChangedV1], cut: int) -> None:
    known: dict[UUID, dict[str, int]] = {STATION: {"e5": 2}, OTHER: {}}
    versions = {station_id: dict(fuels) for station_id, fuels in known.items()}
    for batch in (changes[:cut], changes[cut:]):
        for station_id, prices in newer_prices(versions, [(event, NOW) for event in batch]).items():
            versions[station_id] |= {fuel: price["version"] for fuel, price in prices.items()}
    for event in changes:
        if event.station_id in known:
            known[event.station_id][event.fuel] = max(known[event.station_id].get(event.fuel, 0), event.version)
    assert versions == known
