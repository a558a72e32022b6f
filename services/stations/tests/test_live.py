"""The index of a running service: loaded from the store, kept current by Kafka, one in each replica."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import polyline
import pytest

from schemas.base import Event
from schemas.events import CampaignEndedV1, CampaignPublishedV1, PriceConfirmedV1
from servicekit.envelope import event_headers, to_record
from servicekit.ids import new_id
from servicekit.testkit import KafkaProbe, eventually, running
from stations.main import create_app
from stations.settings import Settings

from .conftest import Stations, price_changed, row

HERE = {"lat": 52.52, "lon": 13.41}


async def publish(kafka: KafkaProbe, event: Event) -> None:
    """Sends the event as a relay does."""
    made = to_record(event, None)
    await kafka.send(
        made.topic, made.payload, made.key.encode(), event_headers(made, new_id(), b"urn:test", b"2026-05-01T00:00:00Z")
    )


async def near(client: Any, operator_brand: str, **params: Any) -> list[dict[str, Any]]:
    reply = await client.get("/v1/stations/nearby", params={**HERE, "brand": operator_brand, **params})
    assert reply.status_code == 200, reply.text
    return reply.json()["stations"]


async def test_every_replica_learns_of_stations_prices_pumps_and_closures(
    searched: Stations, settings: Settings, kafka: KafkaProbe
) -> None:
    """The second replica has no relay of its own at first, and its index only what it hears."""
    brand = f"brand-{new_id()}"
    async with running(create_app(settings)) as other:

        async def there() -> bool:
            return (await other.get("/readyz")).status_code == 200

        await eventually(there)
        station_id = await searched.register(brand=brand, pumps=[{"pump_id": "1", "fuels": ["e5"]}])
        assert [one["station_id"] for one in await near(searched.client, brand)] == [str(station_id)]
        (found,) = await eventually(lambda: near(other, brand))
        assert (found["queue"]["state"], found["queue"]["free"]) == ("free", 1)

        effective_at = datetime.now(UTC) - timedelta(hours=100)
        await publish(kafka, price_changed(station_id, "e5", 1_799, effective_at=effective_at))
        for client in (searched.client, other):
            (priced,) = await eventually(lambda client=client: near(client, brand, fuel="e5"))
            assert (priced["prices"][0]["price_mills"], priced["prices"][0]["stale"]) == (1_799, True)
        now = datetime.now(UTC)
        await publish(kafka, PriceConfirmedV1.model_validate(
            {"station_id": station_id, "fuel": "e5", "version": 1, "confirmed_at": now}
        ))  # fmt: skip

        async def fresh(client: Any) -> bool:
            (one,) = await near(client, brand, fuel="e5")
            return not one["prices"][0]["stale"]

        await eventually(lambda: fresh(other))

        async def stored() -> bool:
            detail = await other.get(f"/v1/stations/{station_id}")
            return [price["stale"] for price in detail.json()["prices"]] == [False]

        await eventually(stored)

        headers = searched.bearer("pumps:write")
        await searched.client.put(
            f"/v1/stations/{station_id}/pumps/1", json={"status": "in_use", "fuels": ["e5"], "waiting_vehicles": 2},
            headers=headers,
        )  # fmt: skip

        async def busy() -> bool:
            (one,) = await near(other, brand, fuel="e5")
            return (one["queue"]["state"], one["queue"]["waiting_vehicles"]) == ("busy", 2)

        await eventually(busy)
        assert await near(other, brand, pump_free="true") == []
        await searched.client.post(
            f"/v1/stations/{station_id}/closures", json={}, headers=searched.bearer("stations:write")
        )
        assert await near(searched.client, brand) == []

        async def gone() -> bool:
            return await near(other, brand) == []

        await eventually(gone)


async def test_a_campaign_comes_off_the_net_price_until_it_ends(searched: Stations, kafka: KafkaProbe) -> None:
    brand = f"brand-{new_id()}"
    station_id = await searched.register(brand=brand)
    await searched.price(station_id, "e5", 1_800)
    campaign_id = new_id()
    await publish(kafka, CampaignPublishedV1.model_validate({
        "campaign_id": campaign_id, "version": 1, "name": 'Ten "off"', "audience": "everyone", "currency": "EUR",
        "discount": {"kind": "per_litre", "mills": 10}, "operators": [searched.operator],
        "starts_at": "2020-01-01T00:00:00Z", "occurred_at": "2020-01-01T00:00:00Z",
    }))  # fmt: skip

    async def net() -> dict[str, Any]:
        (one,) = await near(searched.client, brand, fuel="e5", sort="net_price")
        return one["net_price"]

    async def cheaper() -> bool:
        return (await net())["campaign"] is not None

    await eventually(cheaper)
    assert await net() == {
        "pump_price_mills": 1_800, "currency": "EUR", "detour_m": 0, "detour_mills_per_litre": 0, "detour_minor": 0,
        "campaign": {"id": str(campaign_id), "name": 'Ten "off"', "discount_mills": 10}, "net_price_mills": 1_790,
    }  # fmt: skip
    ended = {"campaign_id": campaign_id, "version": 2, "occurred_at": datetime.now(UTC)}
    await publish(kafka, CampaignEndedV1.model_validate(ended))

    async def over() -> bool:
        return (await net())["campaign"] is None

    await eventually(over)


async def test_a_service_that_starts_knows_what_is_stored(searched: Stations, settings: Settings) -> None:
    brand = f"brand-{new_id()}"
    station_id = await searched.register(brand=brand)
    await searched.price(station_id, "e5", 1_777)
    async with running(create_app(settings)) as other:

        async def ready() -> bool:
            return (await other.get("/readyz")).status_code == 200

        first = await other.get("/v1/stations/nearby", params=HERE)
        assert first.status_code in {200, 503}  # it may be that quick
        await eventually(ready)
        (found,) = await near(other, brand, fuel="e5")
        assert (found["station_id"], found["prices"][0]["price_mills"]) == (str(station_id), 1_777)
        assert await near(searched.client, brand, fuel="e5", limit=1)


async def test_a_route_finds_stations_by_their_detour(searched: Stations) -> None:
    brand = f"brand-{new_id()}"
    for number, lat in enumerate((52.521, 52.53, 52.6)):
        station_id = await searched.register(external_id=f"{brand}-{number}", brand=brand, lat=lat)
        await searched.price(station_id, "e5", 1_800 - number)
    route = polyline.encode([(52.52, 13.2), (52.52, 13.6)])
    params = {"polyline": route, "brand": brand, "fuel": "e5", "max_detour_m": 4_000}
    reply = await searched.client.get("/v1/stations/along", params=params)
    found = reply.json()["stations"]
    assert [one["prices"][0]["price_mills"] for one in found] == [1_800, 1_799]
    assert all(one["detour_m"] - one["distance_m"] * 2.6 < 1 for one in found)
    assert all(abs(one["route_m"] - 14_220) < 20 for one in found)
    reply = await searched.client.get("/v1/stations/along", params=params | {"sort": "price"})
    assert [one["net_price"]["pump_price_mills"] for one in reply.json()["stations"]] == [1_799, 1_800]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"polyline": ""},
        {"polyline": "_p~iF~ps|U", "max_detour_m": 100},
        {"polyline": "_p~iF~ps|U??"},
        {"polyline": "_p~iF~ps|U_"},
        {"polyline": "\x01"},
        {"polyline": "é"},
        {"polyline": polyline.encode([(0.0, 0.0), (0.0, 30.0)])},
        {"polyline": polyline.encode([(89.0, 0.0), (95.0, 0.0)])},
        {"polyline": polyline.encode([(0.0, n / 100_000) for n in range(2_001)])},
        {"polyline": "_p~iF~ps|U_ulLnnqC", "sort": "price"},
        {"polyline": "_p~iF~ps|U_ulLnnqC", "max_detour_m": 0},
    ],
    ids=lambda params: str(params)[:40],
)
async def test_a_wrong_route_is_refused(stations: Stations, params: dict[str, Any]) -> None:
    response = await stations.client.get("/v1/stations/along", params=params)
    assert (response.status_code, response.json()["type"]) == (422, "urn:forecourt:problem:invalid-input")


async def test_coordinates_are_answered_in_the_datum_they_are_asked_in(searched: Stations) -> None:
    brand = f"brand-{new_id()}"
    place = {"country": "CN", "time_zone": "Asia/Shanghai", "currency": "CNY", "lat": 23.1291, "lon": 113.2644}
    station_id = await searched.register(brand=brand, **place)
    client = searched.client
    shown = (await client.get(f"/v1/stations/{station_id}", params={"coordinate": "gcj02"})).json()
    assert 300 < abs(shown["lon"] - 113.2644) * 102_000 < 900
    params = {"lat": shown["lat"], "lon": shown["lon"], "coordinate": "gcj02", "brand": brand}
    (near_it,) = (await client.get("/v1/stations/nearby", params=params)).json()["stations"]
    assert (near_it["distance_m"], near_it["lat"], near_it["lon"]) == (0, shown["lat"], shown["lon"])
    box = f"{shown['lon'] - 1e-4},{shown['lat'] - 1e-4},{shown['lon'] + 1e-4},{shown['lat'] + 1e-4}"
    for path in ("/v1/stations", "/v1/stations/clusters"):
        params = {"bbox": box, "brand": brand, "coordinate": "gcj02"} | ({"zoom": 10} if "clusters" in path else {})
        (one,) = (await client.get(path, params=params)).json()["stations"]
        assert (one["station_id"], one["lat"]) == (str(station_id), shown["lat"])
        plain = {name: value for name, value in params.items() if name != "coordinate"}
        assert (await client.get(path, params=plain)).json()["stations"] == []


async def test_a_map_shows_clusters_and_single_stations_and_loses_none(searched: Stations) -> None:
    brand = f"brand-{new_id()}"
    rows = [row(brand=brand, lat=52.0 + n % 8 / 100, lon=13.0 + n // 8 / 100) for n in range(64)]
    rows += [row(brand=brand, country="NO", lat=10.0, lon=lon) for lon in (179.9, -179.9)]
    sent = await searched.send(*rows)
    ids = [UUID(result["station_id"]) for result in sent.json()["results"]]
    await searched.price(ids[0], "e5", 1_700)
    await searched.price(ids[1], "e5", 1_650)
    await searched.price(ids[2], "e5", 1_600, currency="CHF")
    await searched.price(ids[3], "e5", 1_500, effective_at=datetime.now(UTC) - timedelta(days=9))
    await searched.price(ids[1], "e5", 1_650, version=2, effective_at=datetime.now(UTC))
    await searched.price(ids[2], "e5", 1_600, version=2, effective_at=datetime.now(UTC), currency="CHF")

    async def shown(**params: Any) -> dict[str, Any]:
        reply = await searched.client.get("/v1/stations/clusters", params={"brand": brand, **params})
        assert reply.status_code == 200, reply.text
        return reply.json()

    whole = await shown(bbox="-180,-90,180,90", zoom=3)
    assert sum(one["count"] for one in whole["clusters"]) + len(whole["stations"]) == 66
    assert len(whole["stations"]) == 2
    few = await shown(bbox="179,9,-179,11", zoom=3)
    assert (len(few["stations"]), few["clusters"]) == (2, [])
    near_zoom = await shown(bbox="12.9,51.9,13.2,52.2", zoom=18)
    assert (len(near_zoom["stations"]), near_zoom["clusters"]) == (64, [])
    priced = await shown(bbox="12.9,51.9,13.2,52.2", zoom=3, fuel="e5")
    assert len(priced["stations"]) == 4
