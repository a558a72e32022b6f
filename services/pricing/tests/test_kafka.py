"""Reports by topic, the outbox and the relay, on the real Kafka."""

import json
from uuid import UUID

from pricing.main import create_app
from pricing.settings import Settings
from pricing.use_cases import reports as use_cases
from pricing.use_cases.stations import record_stations
from schemas.events import PriceReportsSubmittedV1
from servicekit.consumer import Received
from servicekit.envelope import Headers
from servicekit.ids import new_id
from servicekit.testkit import Issuer, KafkaProbe, eventually, running

from .conftest import OPERATOR, Pricing, any_message, item, station_event, verdicts

TOPIC = "pricing.reports"


def headers(token: str | None, event_id: str | None = None) -> Headers:
    standard: Headers = [
        ("ce_specversion", b"1.0"), ("ce_id", (event_id or str(new_id())).encode()), ("ce_source", b"urn:test"),
        ("ce_type", PriceReportsSubmittedV1.type().encode()),
    ]  # fmt: skip
    return [*standard, ("authorization", f"Bearer {token}".encode())] if token else standard


def body(*items: dict) -> bytes:
    return json.dumps({"submitted_at": "2026-04-30T10:00:00Z", "reports": items}).encode()


async def price_of(pricing: Pricing, station_id: UUID) -> int | None:
    reply = await pricing.client.get("/v1/prices", params={"station_id": str(station_id)})
    return reply.json()["prices"][0]["price_mills"] if reply.json()["prices"] else None


async def test_reports_by_topic_follow_the_same_rules(pricing: Pricing):
    station_id = await pricing.register()
    token = pricing.issuer.token("prices:write", operators=[OPERATOR])
    await pricing.kafka.send(TOPIC, body(item(station_id, 1_799), item(station_id, 17, 1)), headers=headers(token))
    await pricing.published("pricing.prices", station_id, 1)
    await pricing.published("pricing.rejections", station_id, 1)
    assert await price_of(pricing, station_id) == 1_799


async def test_the_same_message_twice_counts_once(pricing: Pricing):
    station_id = await pricing.register()
    token = pricing.issuer.token("prices:write", operators=[OPERATOR])
    for price in (1_799, 1_899):  # the second has the first one's id, so it is the first one
        sent = body(item(station_id, price))
        await pricing.kafka.send(TOPIC, sent, key=b"one", headers=headers(token, f"same-{station_id}"))
    other = await pricing.register()
    await pricing.kafka.send(TOPIC, body(item(other, 1_599)), key=b"one", headers=headers(token))
    await pricing.published("pricing.prices", other, 1)
    assert await price_of(pricing, station_id) == 1_799


async def test_nobody_can_use_up_another_senders_message_ids(pricing: Pricing):
    mine, other = await pricing.register(), await pricing.register(operator="other")
    sent = f"same-{mine}"
    thief = pricing.issuer.token("prices:write", sub="thief", operators=["other"])
    owner = pricing.issuer.token("prices:write", sub="owner", operators=[OPERATOR])
    await pricing.kafka.send(TOPIC, body(item(other, 1_599)), key=b"one", headers=headers(thief, sent))
    await pricing.kafka.send(TOPIC, body(item(mine, 1_799)), key=b"one", headers=headers(owner, sent))
    await pricing.published("pricing.prices", mine, 1)
    assert await price_of(pricing, mine) == 1_799


async def test_poison_goes_to_the_dead_letters_and_the_rest_flows_on(pricing: Pricing):
    station_id = await pricing.register()
    token = pricing.issuer.token("prices:write", operators=[OPERATOR])
    marker = str(station_id).encode()
    poison = {
        "no JSON": (b"{" + marker, headers(token)),
        "no token": (body(item(station_id, 1_111)), headers(None)),
        "wrong scope": (body(item(station_id, 1_222)), headers(pricing.issuer.token("stations:write"))),
        "no headers": (marker, []),
    }
    for value, its_headers in poison.values():
        await pricing.kafka.send(TOPIC, value, key=b"one-partition", headers=its_headers)
    await pricing.kafka.send(TOPIC, body(item(station_id, 1_799)), key=b"one-partition", headers=headers(token))
    await pricing.published("pricing.prices", station_id, 1)
    assert await price_of(pricing, station_id) == 1_799
    letters = [x for x in await pricing.store.dead_letters("waiting", 100) if marker in (x.message.value or b"")]
    assert len(letters) == len(poison)


async def test_a_dead_letter_is_replayed_once_its_cause_is_mended(pricing: Pricing, monkeypatch):
    station_id = await pricing.register()
    token = pricing.issuer.token("prices:write", operators=[OPERATOR])
    real = use_cases.submit_reports

    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(use_cases, "submit_reports", broken)
        await pricing.kafka.send(TOPIC, body(item(station_id, 1_799)), headers=headers(token))

        async def buried() -> list:
            letters = await pricing.store.dead_letters("waiting", 100)
            return [x for x in letters if str(station_id).encode() in (x.message.value or b"")]

        [letter] = await eventually(buried)
    assert use_cases.submit_reports is real
    assert "a bug" in letter.error
    assert await pricing.store.request_replay([letter.id], "tester") == 1
    await pricing.published("pricing.prices", station_id, 1)

    async def settled() -> bool:
        return any(x.id == letter.id for x in await pricing.store.dead_letters("replayed", 100))

    assert await eventually(settled)


async def test_what_was_committed_before_a_crash_leaves_after_it(settings: Settings, issuer: Issuer, kafka: KafkaProbe):
    """The process dies between the commit and the relay: the next one publishes, once."""
    app = create_app(settings)
    async with running(app) as client:
        app.state.kit.tasks["relay"].cancel()
        pricing = Pricing(client, app.state.store, issuer, settings, kafka)
        station_id = await pricing.register()
        assert verdicts(await pricing.report(item(station_id, 1_799))) == ["accepted"]
        assert not await pricing.outbox_is_empty()
    restarted = create_app(settings)
    async with running(restarted) as client:
        pricing = Pricing(client, restarted.state.store, issuer, settings, kafka)
        await eventually(pricing.outbox_is_empty)
        assert len(await pricing.published("pricing.prices", station_id, 1)) == 1


async def test_stations_events_out_of_order_leave_the_newest(pricing: Pricing):
    station_id = new_id()
    newest = station_event(station_id, version=3, currency="GBP")
    for event in (newest, station_event(station_id, version=2)):
        received = [Received(event, any_message())]
        await pricing.store.transact(lambda tx, received=received: record_stations(tx, received))
    assert verdicts(await pricing.report(item(station_id, 1_799))) == ["wrong_currency"]
