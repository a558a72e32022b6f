"""Price reports and prices over HTTP, on the real stores."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from schemas.events import PriceChangedV1, PriceReportRejectedV1
from servicekit.cursors import encode_cursor
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import OPERATOR, Pricing, events_of, item, verdicts


async def test_a_change_is_stored_published_and_told_with_its_four_times(pricing: Pricing):
    station_id = await pricing.register()
    assert verdicts(await pricing.report(item(station_id, 1_799))) == ["accepted"]
    [message] = await pricing.published("pricing.prices", station_id, 1)
    event = message.event()
    assert isinstance(event, PriceChangedV1)
    assert (event.price_mills, event.previous_price_mills, event.version) == (1_799, None, 1)
    assert message.headers["ce_type"] == "forecourt.pricing.PriceChanged.v1"
    assert message.headers["traceparent"]

    async def price() -> dict | None:
        reply = await pricing.client.get("/v1/prices", params={"station_id": str(station_id)})
        [found] = reply.json()["prices"]
        return found if found["published_at"] else None

    told = await eventually(price) or {}
    assert told["effective_at"] == "2026-04-30T10:00:00Z"
    assert told["effective_at"] < told["submitted_at"] <= told["received_at"] <= told["published_at"]
    assert told["age_seconds"] > 0


async def test_each_report_of_a_batch_has_its_verdict(pricing: Pricing):
    mine, foreign, closed = [await pricing.register(**f) for f in ({}, {"operator": "other"}, {"currency": "GBP"})]
    batch = [
        item(mine, 1_799, 5), item(mine, 1_799, 6), item(mine, 1_699, 4), item(mine, 17), item(foreign, 1_799),
        item(closed, 1_799), item(new_id(), 1_799), item(mine, 1_799, effective_at="2090-01-01T00:00:00Z"),
    ]  # fmt: skip
    assert verdicts(await pricing.report(*batch)) == [
        "accepted", "unchanged", "superseded", "outside_sane_bounds", "not_your_station", "wrong_currency",
        "unknown_station", "too_far_in_future",
    ]  # fmt: skip
    rejected = events_of(await pricing.published("pricing.rejections", mine, 2))
    assert [e.reason for e in rejected if isinstance(e, PriceReportRejectedV1)] == [
        "outside_sane_bounds", "too_far_in_future",
    ]  # fmt: skip


async def test_a_confirmation_outlives_its_batch(pricing: Pricing):
    """P at 10:00, P again at 10:20, then late news of Q at 10:10: at 10:20 it was P, so P stands."""
    station_id = await pricing.register()
    for (price, minute), outcome in {
        (1_799, 0): "accepted",
        (1_799, 20): "unchanged",
        (1_899, 10): "superseded",
    }.items():
        assert verdicts(await pricing.report(item(station_id, price, minute))) == [outcome]
    assert verdicts(await pricing.report(item(station_id, 1_899, 21), item(station_id, 1_899, 30))) == [
        "accepted", "unchanged",
    ]  # fmt: skip
    assert verdicts(await pricing.report(item(station_id, 1_999, 25))) == ["superseded"]


async def test_the_same_batch_again_publishes_nothing_and_repeats_the_verdicts(pricing: Pricing):
    station_id = await pricing.register()
    batch = [item(station_id, 1_799, 0), item(station_id, 1_899, 1), item(station_id, 17, 2)]
    first = await pricing.report(*batch)
    await eventually(pricing.outbox_is_empty)
    again = await pricing.report(*batch)
    assert verdicts(again) == verdicts(first)
    assert [v["repeated"] for v in again.json()["verdicts"]] == [True, True, False]
    assert await pricing.outbox_is_empty()
    assert len(await pricing.published("pricing.prices", station_id, 2)) == 2
    assert len(await pricing.published("pricing.rejections", station_id, 1)) == 1


async def test_concurrent_reports_of_one_price_give_each_version_once(pricing: Pricing):
    station_id = await pricing.register()
    replies = await asyncio.gather(*(pricing.report(item(station_id, 1_700 + n, n)) for n in range(20)))
    versions = [v["version"] for reply in replies for v in reply.json()["verdicts"] if v["verdict"] == "accepted"]
    assert sorted(versions) == list(range(1, len(versions) + 1))
    events = events_of(await pricing.published("pricing.prices", station_id, len(versions)))
    assert [e.version for e in events if isinstance(e, PriceChangedV1)] == sorted(versions)
    assert events[-1].price_mills == 1_719  # pyright: ignore[reportAttributeAccessIssue]


async def test_history_pages_through_all_changes(pricing: Pricing):
    station_id = await pricing.register()
    await pricing.report(*(item(station_id, 1_700 + n, n) for n in range(7)), item(station_id, 1_500, 3))
    query = {"fuel": "e5", "limit": 3, "from": "2026-04-30T00:00:00Z", "to": "2026-05-01T00:00:00Z"}
    seen, cursor = [], None
    while True:
        params = query | ({"cursor": cursor} if cursor else {})
        page = (await pricing.client.get(f"/v1/stations/{station_id}/prices/history", params=params)).json()
        seen += page["entries"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [e["effective_at"] for e in seen] == sorted((e["effective_at"] for e in seen), reverse=True)
    assert len(seen) == 8
    assert [e["price_mills"] for e in seen if e["superseded"]] == [1_500]


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-04-30T00:00:00"}, {"from": "0001-01-01T00:00:00+23:00"}, {"to": "0001-01-01T00:00:00Z"},
        {"to": "9999-12-31T23:59:59-23:00"},
        {"cursor": encode_cursor(["2026-04-30T00:00:00Z", "\0"])},
        {"cursor": encode_cursor(["0001-01-01T00:00:00+23:00", "x"])},
        {"cursor": encode_cursor(["2026-04-30T00:00:00", "x"])},
    ],
)  # fmt: skip
async def test_history_refuses_what_no_database_holds(pricing: Pricing, query: dict[str, str]):
    station_id = await pricing.register()
    reply = await pricing.client.get(f"/v1/stations/{station_id}/prices/history", params={"fuel": "e5"} | query)
    assert reply.status_code in {400, 422}, reply.text


async def test_report_ids_that_nobody_can_have_sent_are_refused(pricing: Pricing):
    headers = pricing.issuer.bearer("prices:write", operators=[OPERATOR])
    for report_id in ("\0", "", "x" * 65):
        reply = await pricing.client.get("/v1/price-reports", params={"report_id": report_id}, headers=headers)
        assert reply.status_code == 422, report_id


async def test_a_sender_finds_its_verdicts_and_nobody_elses(pricing: Pricing):
    station_id = await pricing.register()
    sent = item(station_id, 1_799)
    await pricing.report(sent, sub="me")

    async def ask(sub: str) -> list[dict]:
        headers = pricing.issuer.bearer("prices:write", sub=sub, operators=[OPERATOR])
        reply = await pricing.client.get("/v1/price-reports", params={"report_id": sent["report_id"]}, headers=headers)
        return reply.json()["verdicts"]

    assert [v["verdict"] for v in await ask("me")] == ["accepted"]
    assert await ask("somebody-else") == []


async def test_an_idempotency_key_gives_the_first_reply_again_and_refuses_another_body(pricing: Pricing):
    station_id = await pricing.register()
    headers = pricing.issuer.bearer("prices:write", operators=[OPERATOR]) | {"Idempotency-Key": str(new_id())}

    async def send(price_mills: int, body: dict) -> httpx.Response:
        body = {"reports": [body | {"price_mills": price_mills}]}
        return await pricing.client.post("/v1/price-reports", json=body, headers=headers)

    body = item(station_id, None)
    first = await send(1_799, body)
    assert (await send(1_799, body)).content == first.content
    assert (await send(1_899, body)).json()["type"] == "urn:forecourt:problem:idempotency-key-reused"


BAD_BODIES = {
    "no JSON": (b"{", 400),
    "not UTF-8": (b'{"reports": "\xff"}', 400),
    "a list": (b"[]", 422),
    "no reports": (b'{"reports": []}', 422),
    "unknown field": (b'{"reports": [], "extra": 1}', 422),
    "endless nesting": (b'{"reports":' + b"[" * 100_000, 400),
}


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_bad_body_is_a_problem(pricing: Pricing, body: bytes, status: int):
    headers = pricing.issuer.bearer("prices:write") | {"Content-Type": "application/json"}
    reply = await pricing.client.post("/v1/price-reports", content=body, headers=headers)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["detail"]
    assert reply.json()["trace_id"]


BAD_FIELDS = {
    "a float": {"price_mills": 1799.5},
    "a text": {"price_mills": "1799"},
    "absurdly large": {"price_mills": 10**30},
    "no zone": {"effective_at": "2026-04-30T10:00:00"},
    "year one": {"effective_at": "0001-01-01T00:00:00+23:59"},
    "unknown grade": {"fuel": "kerosene"},
    "no id": {"report_id": ""},
    "a zero byte": {"report_id": "a\0b"},
    "not a station": {"station_id": "1"},
    "unknown field": {"colour": "red"},
}


@pytest.mark.parametrize("wrong", BAD_FIELDS.values(), ids=BAD_FIELDS)
async def test_a_bad_item_names_its_place_and_nothing_is_half_done(pricing: Pricing, wrong: dict):
    station_id = await pricing.register()
    reply = await pricing.report(item(station_id, 1_799), item(station_id, 1_899, 1) | wrong)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["pointer"].startswith("/reports/1/")
    prices = await pricing.client.get("/v1/prices", params={"station_id": str(station_id)})
    assert prices.json()["prices"] == []


async def test_more_reports_than_allowed_are_refused(pricing: Pricing):
    reply = await pricing.report(*[item(new_id(), 1_799)] * 5_001)
    assert reply.status_code == 422
    assert "5000" in reply.text


async def test_an_oversized_body_is_refused_before_it_is_read(pricing: Pricing):
    headers = pricing.issuer.bearer("prices:write")
    big = b" " * (pricing.settings.max_body_bytes + 1)
    reply = await pricing.client.post("/v1/price-reports", content=big, headers=headers)
    assert reply.status_code == 413
    assert reply.json()["type"] == "urn:forecourt:problem:body-too-large"


async def test_unknown_stations_are_named(pricing: Pricing):
    known, unknown = await pricing.register(), new_id()
    reply = await pricing.client.get("/v1/prices", params={"station_id": [str(known), str(unknown)]})
    assert reply.json() == {"prices": [], "unknown_stations": [str(unknown)]}
    history = await pricing.client.get(f"/v1/stations/{unknown}/prices/history", params={"fuel": "e5"})
    assert history.status_code == 404


async def test_tokens_are_checked(pricing: Pricing):
    async def status(**headers: str) -> int:
        reply = await pricing.client.post("/v1/price-reports", json={"reports": []}, headers=headers)
        return reply.status_code

    expired = int(datetime.now(UTC).timestamp()) - 1
    assert await status() == 401
    assert await status(Authorization="Bearer nonsense") == 401
    for claims in ({"iss": "http://other"}, {"aud": "other"}, {"exp": expired}, {"exp": None}, {"typ": "JWT"}):
        assert await status(**pricing.issuer.bearer("prices:write", **claims)) == 401, claims
    assert await status(**pricing.issuer.bearer("stations:write")) == 403
    assert await status(**pricing.issuer.bearer("prices:write")) == 422
