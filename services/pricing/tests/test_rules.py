"""Price rules over HTTP, on the real stores: verdicts that name them, versions, races, dry runs."""

import asyncio
import itertools
import string
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from pricing.domain.rule_book import RuleVersion
from pricing.main import create_app
from pricing.repository.rules import RULES, StoredVersion, add_versions
from pricing.settings import Settings
from schemas.events import PriceConfirmedV1, PriceReportRejectedV1
from servicekit.cursors import encode_cursor
from servicekit.testkit import eventually, running

from .conftest import OPERATOR, Pricing, events_of, item, verdicts
from .replicas import make_replica

VIENNA = {"country": "AT", "time_zone": "Europe/Vienna"}
LAW = {"description": "A rule.", "source": {"title": "A law", "paragraph": "§ 1", "url": "https://law.example/1"}}


def at(station_id: UUID, price_mills: int | None, effective_at: str, **fields: Any) -> dict[str, Any]:
    return item(station_id, price_mills, effective_at=effective_at, **fields)


def ceiling(max_mills: int, name: str = "ceiling", currency: str = "EUR") -> dict[str, Any]:
    """No more than this on any day since 2000."""
    entry = {"fuel": "e5", "max_mills": max_mills, "first_day": "2000-01-01"}
    return LAW | {"kind": "ceiling", "name": name, "currency": currency, "ceilings": [entry]}


NUMBERS = itertools.count(int(time.time()))
DIGITS = string.digits + string.ascii_uppercase


def a_region() -> str:
    """One that no other test uses, nor an earlier run's: rules stay."""
    number = next(NUMBERS)
    return "AQ-" + "".join(DIGITS[number // 36**place % 36] for place in (2, 1, 0))


async def read(pricing: Pricing, region: str) -> httpx.Response:
    reply = await pricing.client.get(f"/v1/price-rules/{region}")
    assert reply.status_code == 200, reply.text
    return reply


async def put(pricing: Pricing, region: str, *rules: dict[str, Any], tag: str | None = None, **fields: Any):
    """Puts rules; by default on top of what is there."""
    tag = tag or (await read(pricing, region)).headers["etag"]
    headers = pricing.issuer.bearer("price-rules:write", sub="rule-maker") | {"If-Match": tag}
    return await pricing.client.put(f"/v1/price-rules/{region}", json={"rules": rules} | fields, headers=headers)


async def try_out(pricing: Pricing, region: str, *rules: dict[str, Any], **fields: Any) -> httpx.Response:
    now = datetime.now(UTC)
    window = {"from": (now - timedelta(minutes=10)).isoformat(), "to": (now + timedelta(minutes=1)).isoformat()}
    headers = pricing.issuer.bearer("price-rules:write")
    body = {"rules": rules} | window | fields
    return await pricing.client.post(f"/v1/price-rules/{region}/dry-runs", json=body, headers=headers)


@pytest.mark.parametrize("day", ["2026-07-01", "2026-03-29", "2026-10-25"])
async def test_austria_refuses_a_rise_at_11_59_59_and_takes_it_at_12_00_00(pricing: Pricing, day: str):
    """Vienna time, in summer and on both days on which the clock changes."""
    offset = "+01:00" if day == "2026-10-25" else "+02:00"
    station_id = await pricing.register(**VIENNA)
    [before, early, cut, noon] = [
        at(station_id, price, f"{day}T{clock}{offset}")
        for price, clock in ((1_700, "09:00:00"), (1_750, "11:59:59"), (1_690, "11:59:59"), (1_750, "12:00:00"))
    ]
    reply = await pricing.report(before, early, cut, noon)
    assert verdicts(reply) == ["accepted", "rise_not_allowed_now", "accepted", "accepted"]
    assert [v["rule"] for v in reply.json()["verdicts"]] == [None, "AT/1/rise-only-at-noon", None, None]
    rejected = events_of(await pricing.published("pricing.rejections", station_id, 1))
    assert [e.rule for e in rejected if isinstance(e, PriceReportRejectedV1)] == ["AT/1/rise-only-at-noon"]
    stored = await stored_verdicts(pricing, early["report_id"])
    assert [(v["reason"], v["rule"]) for v in stored] == [("rise_not_allowed_now", "AT/1/rise-only-at-noon")]


async def stored_verdicts(pricing: Pricing, report_id: str) -> list[dict[str, Any]]:
    headers = pricing.issuer.bearer("prices:write", operators=[OPERATOR])
    reply = await pricing.client.get("/v1/price-reports", params={"report_id": report_id}, headers=headers)
    return reply.json()["verdicts"]


async def test_a_refused_rise_is_taken_once_the_rise_before_it_has_come(pricing: Pricing):
    """Reports that overtake one another: 1,790 at 13:00 is a fall from noon's 1,800, which comes late."""
    station_id = await pricing.register(**VIENNA)
    fall = at(station_id, 1_790, "2026-07-01T13:00:00+02:00")
    await pricing.report(at(station_id, 1_700, "2026-07-01T09:00:00+02:00"))
    assert verdicts(await pricing.report(fall)) == ["rise_not_allowed_now"]
    assert verdicts(await pricing.report(at(station_id, 1_800, "2026-07-01T12:00:00+02:00"))) == ["accepted"]
    assert verdicts(await pricing.report(fall)) == ["accepted"]


async def test_a_pause_in_selling_is_remembered(pricing: Pricing):
    station_id = await pricing.register(**VIENNA)
    for price, clock, outcome in (
        (1_700, "09:00:00", "accepted"), (None, "10:00:00", "accepted"), (1_800, "11:00:00", "rise_not_allowed_now"),
        (1_700, "11:00:00", "accepted"),
    ):  # fmt: skip
        assert verdicts(await pricing.report(at(station_id, price, f"2026-07-01T{clock}+02:00"))) == [outcome]


async def test_a_late_report_is_taken_and_the_finding_kept(pricing: Pricing):
    station_id = await pricing.register()
    late = at(station_id, 1_799, "2026-05-01T12:00:00Z")
    first = (await pricing.report(late)).json()["verdicts"][0]
    assert (first["verdict"], first["rule"]) == ("accepted", None)
    [finding] = first["findings"]
    assert finding["rule"] == "DE/1/report-within-5-minutes"
    assert finding["late_by_seconds"] > 0
    assert (await pricing.report(late)).json()["verdicts"][0] == first | {"repeated": True}
    assert [v["findings"] for v in await stored_verdicts(pricing, late["report_id"])] == [[finding]]
    prompt = at(station_id, 1_699, datetime.now(UTC).isoformat())
    assert (await pricing.report(prompt)).json()["verdicts"][0]["findings"] == []


async def test_confirmations_are_published_once_an_hour(pricing: Pricing):
    station_id = await pricing.register()
    for minutes in ((0,), (30,), (60,), (90, 119), (121,)):
        await pricing.report(*(at(station_id, 1_799, f"2026-05-01T{9 + m // 60:02}:{m % 60:02}:00Z") for m in minutes))
    await pricing.report(at(station_id, 1_899, "2026-05-01T14:00:00Z"))
    events = events_of(await pricing.published("pricing.prices", station_id, 4))
    confirmed = [e.confirmed_at.isoformat() for e in events if isinstance(e, PriceConfirmedV1)]
    assert confirmed == ["2026-05-01T10:00:00+00:00", "2026-05-01T11:01:00+00:00"]
    assert len(events) == 4


async def test_a_region_shows_the_rules_that_hold_with_their_source(pricing: Pricing):
    reply = await read(pricing, "AT")
    [rule] = reply.json()["current"]["rules"]
    assert (rule["kind"], rule["times"], rule["source"]["paragraph"]) == ("rise_times", ["12:00"], "§ 1")
    assert reply.headers["etag"] == '"1.1"'
    nothing = await read(pricing, "XX")
    assert (nothing.json()["current"], nothing.json()["upcoming"], nothing.headers["etag"]) == (None, [], '"0.0"')


@pytest.fixture
async def other(environment: dict[str, str], pricing: Pricing, tmp_path: Path) -> AsyncIterator[Pricing]:
    """Another replica, in a process of its own: it shares no memory with the first."""
    replica = make_replica("other", environment, pricing.issuer)
    try:
        await replica.start(tmp_path / "log")
        assert await eventually(replica.is_ready, 60), (tmp_path / "log").read_text()
        async with httpx.AsyncClient(base_url=replica.url) as client:
            yield replace(pricing, client=client)
    finally:
        await replica.kill()


async def test_a_new_version_holds_at_once_in_every_replica(pricing: Pricing, other: Pricing):
    region = a_region()
    station_id = await pricing.register(country="AQ", time_zone="UTC", region=region)

    async def word_of(replica: Pricing) -> tuple[str, str | None]:
        soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        [verdict] = (await replica.report(at(station_id, 2_000, soon))).json()["verdicts"]
        return verdict["verdict"], verdict["rule"]

    assert [(await word_of(one))[0] for one in (pricing, other)] == ["accepted", "unchanged"]
    for version, most in enumerate((1_000, 900), 1):
        made = await put(pricing, region, ceiling(most))
        assert made.json()["version"] == version
        assert [await word_of(one) for one in (other, pricing)] == [("rejected", f"{region}/{version}/ceiling")] * 2
    assert (await put(other, region)).json()["rules"] == []
    assert [(await word_of(one))[0] for one in (pricing, other)] == ["unchanged"] * 2


async def test_a_version_waits_for_its_time_and_judges_by_the_time_of_the_price(pricing: Pricing):
    region, start = a_region(), datetime.now(UTC) + timedelta(minutes=2)
    station_id = await pricing.register(country="AQ", time_zone="UTC", region=region)
    made = await put(pricing, region, ceiling(1_000), valid_from=start.isoformat())
    assert made.status_code == 200, made.text
    shown = (await read(pricing, region)).json()
    assert (shown["current"], [one["version"] for one in shown["upcoming"]]) == (None, [1])
    times = [start - timedelta(microseconds=1), start]
    assert verdicts(await pricing.report(*(at(station_id, 2_000, time.isoformat()) for time in times))) == [
        "accepted", "above_ceiling",
    ]  # fmt: skip


async def test_a_version_that_has_not_begun_can_be_replaced(pricing: Pricing):
    region, start = a_region(), (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for most in (1_000, 2_000):
        assert (await put(pricing, region, ceiling(most), valid_from=start)).status_code == 200
    shown = (await read(pricing, region)).json()["upcoming"]
    assert [(one["version"], one["rules"][0]["ceilings"][0]["max_mills"]) for one in shown] == [(2, 2_000)]


async def test_the_same_rules_again_make_no_version_whatever_the_tag(pricing: Pricing):
    region = a_region()
    first = await put(pricing, region, ceiling(1_000))
    again = await put(pricing, region, ceiling(1_000), tag='"0.0"')
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"] == '"1.1"'


async def test_of_two_who_edit_at_once_one_must_look_again(pricing: Pricing):
    region = a_region()
    tag = (await read(pricing, region)).headers["etag"]
    replies = await asyncio.gather(*(put(pricing, region, ceiling(1_000 + n), tag=tag) for n in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200, 412, 412, 412, 412]
    refused = next(reply for reply in replies if reply.status_code == 412)
    assert refused.json()["type"] == "urn:forecourt:problem:rules-changed-meanwhile"
    assert refused.headers["etag"] == '"1.1"'
    headers = pricing.issuer.bearer("price-rules:write")
    blind = await pricing.client.put(f"/v1/price-rules/{region}", json={"rules": []}, headers=headers)
    assert (blind.status_code, blind.json()["type"]) == (428, "urn:forecourt:problem:if-match-required")


async def test_rules_are_audited_page_by_page(pricing: Pricing):
    region = a_region()
    for most in (1_000, 2_000, 3_000):
        await put(pricing, region, ceiling(most))
    seen, cursor = [], None
    while cursor is not None or not seen:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        headers = pricing.issuer.bearer("price-rules:write")
        page = (await pricing.client.get(f"/v1/price-rules/{region}/versions", params=params, headers=headers)).json()
        seen += [(one["version"], one["made_by"]) for one in page["versions"]]
        cursor = page["next_cursor"]
    assert seen == [(3, "rule-maker"), (2, "rule-maker"), (1, "rule-maker")]


async def test_a_version_can_never_be_altered(pricing: Pricing):
    for statement in ("UPDATE price_rules SET rules = '[]'", "DELETE FROM price_rules"):
        async with pricing.store.connection() as connection:
            with pytest.raises(asyncpg.RaiseError, match="never changes"):
                await connection.execute(statement)


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "a region that is none": ("at", {"rules": []}, "/region"),
    "in the past": ("AQ", {"rules": [], "valid_from": "2020-01-01T00:00:00Z"}, ""),
    "no zone": ("AQ", {"rules": [], "valid_from": "2090-01-01T00:00:00"}, "/valid_from"),
    "an unknown kind": ("AQ", {"rules": [LAW | {"kind": "tax", "name": "x"}]}, "/rules/0"),
    "a float": ("AQ", {"rules": [ceiling(1) | {"ceilings": [{"max_mills": 1.5}]}]}, "/rules/0/ceiling/ceilings/0"),
    "no source": ("AQ", {"rules": [{k: v for k, v in ceiling(1).items() if k != "source"}]}, "/rules/0/ceiling/source"),
    "the same name twice": ("AQ", {"rules": [ceiling(1), ceiling(2)]}, "/rules"),
    "no rules": ("AQ", {}, "/rules"),
    "a zero byte": ("AQ", {"rules": [ceiling(1) | {"description": "a\0b"}]}, ""),
    "a source that is no link": (
        "AQ",
        {"rules": [ceiling(1) | {"source": {"title": "x", "url": "ftp://x"}}]},
        "/rules",
    ),
}


@pytest.mark.parametrize(("region", "body", "pointer"), BAD.values(), ids=BAD)
async def test_rules_that_make_no_sense_are_refused_with_their_place(
    pricing: Pricing, region: str, body: dict[str, Any], pointer: str
):
    headers = pricing.issuer.bearer("price-rules:write") | {"If-Match": "*"}
    reply = await pricing.client.put(f"/v1/price-rules/{region}", json=body, headers=headers)
    assert reply.status_code == 422, reply.text
    assert reply.json()["detail"]
    if pointer:
        assert reply.json()["errors"][0]["pointer"].startswith(pointer)


async def test_a_forged_cursor_is_a_problem(pricing: Pricing):
    headers = pricing.issuer.bearer("price-rules:write")
    for forged in (encode_cursor(10**30), encode_cursor(2**40), encode_cursor("x"), "%%%"):
        params = {"cursor": forged}
        reply = await pricing.client.get("/v1/price-rules/AT/versions", params=params, headers=headers)
        assert reply.status_code in {400, 422}, (forged, reply.text)


async def test_only_who_may_make_rules_makes_them(pricing: Pricing):
    headers = pricing.issuer.bearer("prices:write")
    asked: list[Callable[[], Awaitable[httpx.Response]]] = [
        lambda: pricing.client.put("/v1/price-rules/AQ", json={"rules": []}, headers=headers),
        lambda: pricing.client.post("/v1/price-rules/AQ/dry-runs", json={}, headers=headers),
        lambda: pricing.client.get("/v1/price-rules/AQ/versions", headers=headers),
    ]
    assert [(await ask()).status_code for ask in asked] == [403] * 3


async def test_a_dry_run_says_what_would_have_been_decided_and_changes_nothing(pricing: Pricing):
    """The same reports for two stations: one judged in a dry run, the other after the rules are law."""
    tried, real = a_region(), a_region()
    noon = LAW | {"kind": "rise_times", "name": "noon", "times": ["12:00"]}
    rules = [noon, ceiling(2_500)]
    steps = [(1_700, 0), (1_800, 30), (1_790, 40), (1_790, 50), (2_600, 60), (1_900, 120), (1_600, 130), (None, 140)]

    async def send(region: str) -> list[dict[str, Any]]:
        station_id = await pricing.register(country="AQ", time_zone="UTC", region=region)
        day = datetime(2026, 5, 1, 10, tzinfo=UTC)
        batch = [at(station_id, price, (day + timedelta(minutes=minute)).isoformat()) for price, minute in steps]
        half = len(batch) // 2
        replies = [await pricing.report(*batch[:half]), await pricing.report(*batch[half:])]
        return [verdict for reply in replies for verdict in reply.json()["verdicts"]]

    before = await send(tried)
    assert {v["verdict"] for v in before} == {"accepted", "unchanged"}
    result = (await try_out(pricing, tried, *rules)).json()
    await make_law(pricing, real, rules)
    after = await send(real)

    def count(verdicts: list[dict[str, Any]], key: str) -> dict[str, int]:
        said = [v[key] for v in verdicts if v[key]]
        return {one: said.count(one) for one in said}

    assert (result["reports"], result["truncated"]) == (len(steps), False)
    assert result["decided"] == count(before, "verdict")
    assert result["would_be"] == count(after, "verdict")
    assert {r["rule"].replace(tried, real): r["rejected"] for r in result["rules"]} == count(after, "rule")
    changed = [(b["verdict"], a["verdict"]) for b, a in zip(before, after, strict=True) if b["verdict"] != a["verdict"]]
    assert sum(one["reports"] for one in result["changes"]) == len(changed) == len(result["examples"])
    example = result["examples"][0]
    assert (example["price_mills"], example["would_be"]["rule"]) == (1_800, f"{tried}/1/noon")
    assert (await read(pricing, tried)).json()["current"] is None


async def make_law(pricing: Pricing, region: str, rules: list[dict[str, Any]]) -> None:
    """Makes rules that held in the past as well, as only a new platform's own can be."""
    version = RuleVersion(region, 1, datetime(2000, 1, 1, tzinfo=UTC), RULES.validate_python(rules))
    stored = StoredVersion(version, "tester", datetime.now(UTC))
    await pricing.store.transact(lambda tx: add_versions(tx, [stored]))


async def test_a_dry_run_begins_with_the_prices_from_before(pricing: Pricing):
    region = a_region()
    station_id = await pricing.register(country="AQ", time_zone="UTC", region=region)
    await pricing.report(at(station_id, 1_700, "2026-05-01T10:00:00Z"))
    since = datetime.now(UTC).isoformat()
    await pricing.report(at(station_id, 1_800, "2026-05-01T10:30:00Z"))
    noon = LAW | {"kind": "rise_times", "name": "noon", "times": ["12:00"]}
    result = (await try_out(pricing, region, noon, **{"from": since})).json()
    assert (result["reports"], result["would_be"]) == (1, {"rejected": 1})
    assert result["changes"] == [{"decided": "accepted", "would_be": "rejected", "reports": 1}]


async def test_a_dry_run_that_holds_too_much_tries_the_newest(pricing: Pricing, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pricing.use_cases.dry_runs.MAX_REPORTS", 3)
    region = a_region()
    station_id = await pricing.register(country="AQ", time_zone="UTC", region=region)
    for minute in range(5):
        await pricing.report(item(station_id, 1_700 + minute, minute))
    result = (await try_out(pricing, region, ceiling(1_703))).json()
    assert (result["reports"], result["truncated"], result["would_be"]) == (3, True, {"accepted": 2, "rejected": 1})


async def test_a_dry_run_takes_a_bounded_window(pricing: Pricing):
    reply = await try_out(pricing, "AQ", **{"from": "2026-01-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"})
    assert reply.status_code == 422
    assert "31 days" in reply.text


async def test_a_new_platform_has_its_rules_once_however_many_replicas_start(pricing: Pricing, settings: Settings):
    async def versions() -> dict[str, int]:
        async with pricing.store.connection() as connection:
            query = "SELECT region, count(*) FROM price_rules WHERE made_by = 'forecourt' GROUP BY 1"
            return {row["region"]: row["count"] for row in await connection.fetch(query)}

    before = await versions()
    async with running(create_app(settings)), running(create_app(settings)):
        assert await eventually(versions) == before
    assert set(before) == {"world", "AT", "DE", "GB", "CN", "CN-BJ"}
    assert set(before.values()) == {1}
