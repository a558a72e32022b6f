"""Price levels of regions, computed from current prices on the real Postgres, and kept current by events."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricing.domain.levels import MIN_STATIONS, Mark
from pricing.repository.levels import compute_levels
from pricing.use_cases.levels import recompute_levels
from pricing.use_cases.stations import record_stations
from schemas.events import StationClosedV1
from servicekit.consumer import Received
from servicekit.testkit import eventually

from .conftest import Pricing, any_message, item, station_event, verdicts

REGIONS = (f"QM-{number}" for number in count(100))
"""A subdivision that no other test knows; the country is shared."""

NOW = datetime.now(UTC).replace(microsecond=0)


async def levels(pricing: Pricing, region: str, **query: str) -> list[dict[str, Any]]:
    reply = await pricing.client.get("/v1/prices/levels", params={"region": region} | query)
    assert reply.status_code == 200, reply.text
    return reply.json()["levels"]


async def stations_in(pricing: Pricing, region: str, prices: list[int | None], hours_ago: int = 1) -> list[UUID]:
    ids = [await pricing.register(country="QM", region=region) for _ in prices]
    at = (NOW - timedelta(hours=hours_ago)).isoformat()
    reply = await pricing.report(*(item(i, p, effective_at=at) for i, p in zip(ids, prices, strict=True)))
    assert set(verdicts(reply)) <= {"accepted"}
    return ids


async def close(pricing: Pricing, station_id: UUID, region: str) -> None:
    event = StationClosedV1(**station_event(station_id, version=2, country="QM", region=region).model_dump())
    await pricing.store.transact(lambda tx: record_stations(tx, [Received(event, any_message())]))


async def test_levels_follow_the_prices_by_their_events_alone(pricing: Pricing):
    region = next(REGIONS)
    ids = await stations_in(pricing, region, [1_700 + n for n in range(12)])

    async def cheap(mills: int) -> bool:
        return [level["cheap_mills"] for level in await levels(pricing, region)] == [mills]

    await eventually(lambda: cheap(1_702))
    [level] = await levels(pricing, region, fuel="e5")
    assert (level["usual_mills"], level["dear_mills"], level["stations"]) == (1_705, 1_708, 12)
    assert level["computed_at"] > NOW.isoformat()[:10]
    assert await levels(pricing, region, fuel="e10") == []
    await pricing.report(*(item(i, 1_500, effective_at=NOW.isoformat()) for i in ids[-3:]))
    await eventually(lambda: cheap(1_500))
    for station_id in ids[-3:]:
        await close(pricing, station_id, region)

    async def gone() -> bool:
        return await levels(pricing, region) == []

    await eventually(gone)  # nine are too few


prices = st.lists(
    st.tuples(st.sampled_from([1_599, 1_600, 1_700, 1_701, 2_100, None]), st.sampled_from([1, 71, 73])), max_size=40
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prices)
async def test_levels_equal_brute_force_over_current_prices(pricing: Pricing, said: list[tuple[int | None, int]]):
    """Open stations, prices that were said within three days, quarters as whole prices of the list."""
    region = next(REGIONS)
    for hours_ago in {hours for _, hours in said}:
        await stations_in(pricing, region, [mills for mills, hours in said if hours == hours_ago], hours_ago)
    for closed in await stations_in(pricing, region, [1_550]):
        await close(pricing, closed, region)
    await recompute_levels(pricing.store, timedelta(hours=72))
    fresh = sorted(mills for mills, hours in said if mills is not None and hours < 72)
    expected = [fresh[-(-len(fresh) * quarter // 4) - 1] for quarter in (1, 2, 3)] if fresh else []

    async def told() -> bool:
        found = await levels(pricing, region)
        if len(fresh) < MIN_STATIONS:
            return found == []
        return [found[0][name] for name in ("cheap_mills", "usual_mills", "dear_mills")] == expected if found else False

    assert await eventually(told)


async def test_levels_of_old_are_computed_again_since_prices_grow_stale(pricing: Pricing):
    region = next(REGIONS)
    await stations_in(pricing, region, [1_700] * MIN_STATIONS)

    async def there() -> bool:
        return bool(await levels(pricing, region))

    await eventually(there)
    async with pricing.store.connection() as connection:
        await connection.execute(
            "UPDATE price_levels SET computed_at = now() - interval '2 hours' WHERE region = $1", region
        )
        await connection.execute(
            """UPDATE prices SET effective_at = now() - interval '5 days', confirmed_at = now() - interval '4 days'
               WHERE station_id IN (SELECT station_id FROM stations WHERE region = $1)""", region,
        )  # fmt: skip

    async def gone() -> bool:
        return not await there()

    await eventually(gone)


async def test_a_change_during_the_computation_is_not_forgotten(pricing: Pricing):
    """The mark grows while its region is computed, so it stays for the next time."""
    async with pricing.store.connection() as connection, connection.transaction():
        await connection.execute("INSERT INTO price_level_marks (region, fuel, marks) VALUES ('QX', 'e5', 2)")
        await compute_levels(connection, [Mark("QX", "e5", 1)], NOW, NOW, MIN_STATIONS)
        assert await connection.fetchval("SELECT marks FROM price_level_marks WHERE region = 'QX'") == 2
        await compute_levels(connection, [Mark("QX", "e5", 2)], NOW, NOW, MIN_STATIONS)
        assert await connection.fetchval("SELECT marks FROM price_level_marks WHERE region = 'QX'") is None


async def test_a_region_must_look_like_one(pricing: Pricing):
    for wrong in ("", "de", "D", "DE-", "DE-ABCD", "\0"):
        reply = await pricing.client.get("/v1/prices/levels", params={"region": wrong})
        assert reply.status_code == 422, wrong
    assert (await pricing.client.get("/v1/prices/levels")).status_code == 422
