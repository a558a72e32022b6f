"""The platform as its users meet it: a day of prices in, prices at stations out, everything through the gateway."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local_stack.config import Config
from local_stack.environment import kafka_credentials
from schemas.base import rfc3339
from schemas.catalogue import OBSERVER
from servicekit.ids import new_id
from servicekit.testkit import KafkaProbe, eventually

from ..platform_kit import Day, client_of, forecourt, kill

BERLIN = {"lat": 52.52, "lon": 13.405, "radius_m": 25_000, "fuel": "e5"}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return Day.generate(tmp_path_factory.mktemp("day"), stations=300, prices=1_500, seed=1)


@pytest.fixture(scope="module")
def first_account(platform: Config, day: Day) -> dict[str, Any]:
    return day.replay(platform)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def a_station(http: aiohttp.ClientSession, config: Config) -> dict[str, Any]:
    """A station near Berlin that sells E5."""
    async with http.get(f"{config.gateway_url}/v1/stations/nearby", params=BERLIN) as reply:
        return (await reply.json())["stations"][0]


def report_for(station: dict[str, Any], price_mills: int) -> dict[str, Any]:
    return {
        "report_id": str(new_id()), "station_id": station["station_id"], "fuel": "e5", "price_mills": price_mills,
        "currency": "EUR", "effective_at": rfc3339(datetime.now(UTC)),
    }  # fmt: skip


def test_every_change_is_accounted_for(first_account: dict[str, Any], day: Day):
    account = first_account
    assert account["lost"] == account["mismatched"] == account["published_twice"] == 0
    assert account["changes"] == day.changes
    decided = sum(account[verdict] for verdict in ("accepted", "unchanged", "superseded", "rejected"))
    assert decided == account["sent"]
    assert day.changes == account["sent"] + account["station_not_in_list"] + account["station_refused"]
    assert account["published"] == account["accepted"] > 0


def test_the_same_once_more_publishes_nothing(platform: Config, first_account: dict[str, Any], day: Day):
    again = day.replay(platform)
    assert again["published"] == again["rejections_published"] == 0
    assert again["repeated"] == again["sent"] == first_account["sent"]
    assert again["lost"] == again["mismatched"] == 0
    assert again["stations"].get("created", 0) == again["stations"].get("updated", 0) == 0


def test_a_day_by_kafka_gives_the_same_account(platform: Config, tmp_path: Path):
    other = Day.generate(tmp_path, stations=100, prices=400, seed=2)
    account = other.replay(platform, "--via", "kafka")
    assert account["lost"] == account["mismatched"] == 0
    assert account["published"] == account["accepted"] > 0


async def test_nearby_lists_prices_with_their_age(platform: Config, first_account: dict, http: aiohttp.ClientSession):
    station = await a_station(http, platform)
    [price] = station["prices"]
    assert price["price_mills"] > 0
    assert price["age_seconds"] > 0
    assert station["distance_m"] <= BERLIN["radius_m"]


async def test_a_reported_change_reaches_the_stream(platform: Config, first_account: dict, http: aiohttp.ClientSession):
    station = await a_station(http, platform)
    asked = {"station_id": station["station_id"]}
    async with (
        client_of(platform, "tankerkoenig", "prices:write") as client,
        http.get(f"{platform.gateway_url}/v1/prices/stream", params=asked) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        report = report_for(station, 1_234)
        await client.post("/v1/price-reports", {"reports": [report]})
        async with asyncio.timeout(10):
            async for line in stream.content:
                if line.startswith(b"data:") and json.loads(line[5:])["price_mills"] == 1_234:
                    break
            else:
                pytest.fail("the stream ended without the price")


async def test_one_trace_runs_from_the_door_to_the_last_consumer(
    platform: Config, first_account: dict, http: aiohttp.ClientSession
):
    station = await a_station(http, platform)
    trace_id = new_id().hex
    async with client_of(platform, "tankerkoenig", "prices:write") as client:
        headers = {
            "Authorization": f"Bearer {await client.token()}", "traceparent": f"00-{trace_id}-{'1' * 16}-01",
        }  # fmt: skip
        body = {"reports": [report_for(station, 1_321)]}
        async with http.post(f"{platform.gateway_url}/v1/price-reports", json=body, headers=headers) as reply:
            assert reply.status == 200

    async def services() -> bool:
        found = set()
        for file in (platform.data / "traces").glob("*.jsonl"):
            if trace_id in file.read_text():
                found.add(file.stem)
        return found >= {"gateway", "pricing", "stations"}

    assert await eventually(services)


async def test_a_plain_kafka_client_and_tail_read_the_same_events(platform: Config, first_account: dict):
    probe = KafkaProbe(kafka_credentials(platform, OBSERVER))
    messages = {m.headers["ce_id"]: m for m in await probe.read("pricing.prices")}
    tailed = forecourt(platform, "tail", "pricing.prices", "--from-beginning", "-n", "20", "--json").stdout
    lines = [json.loads(line) for line in tailed.splitlines()]
    assert len(lines) == 20
    for line in lines:
        assert json.loads(messages[line["headers"]["ce_id"]].value or b"") == line["value"]
    readable = forecourt(platform, "tail", "pricing.prices", "--from-beginning", "-n", "1").stdout
    assert "pricing.PriceChanged.v1" in readable


async def test_a_service_that_is_down_takes_only_its_own_routes_with_it(
    platform: Config, first_account: dict, http: aiohttp.ClientSession
):
    station = await a_station(http, platform)
    prices, shown = "/v1/prices", f"/v1/stations/{station['station_id']}"

    async def get(path: str) -> aiohttp.ClientResponse:
        async with http.get(platform.gateway_url + path, params={"station_id": station["station_id"]}) as reply:
            await reply.read()
            return reply

    kill(platform, "pricing")
    try:
        down = await get(prices)
        assert down.status == 503
        assert down.content_type == "application/problem+json"
        async with http.get(platform.gateway_url + shown) as reply:
            assert reply.status == 200
    finally:
        forecourt(platform, "up")

    async def works() -> bool:
        return (await get(prices)).status == 200

    assert await eventually(works)


BAD_FILES = {
    "missing": (None, "no such file"),
    "foreign columns": (b"a,b\n1,2\n", "date"),
    "truncated gzip": (b"\x1f\x8b\x08\x00", ""),
    "empty": (b"", "empty"),
}


@pytest.mark.parametrize(("content", "says"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_one_clear_line(platform: Config, day: Day, tmp_path: Path, content: bytes | None, says: str):
    prices = tmp_path / "prices.csv"
    if content is not None:
        prices.write_bytes(content)
    arguments = ["replay", "--stations", str(day.stations), "--prices", str(prices)]
    result = forecourt(platform, *arguments, check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "error:" in result.stderr
    assert says.lower() in result.stderr.lower()
