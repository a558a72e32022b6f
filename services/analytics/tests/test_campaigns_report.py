"""The report of campaigns over HTTP, on the real database: what they gave, what changed, and for whom."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Thread, current_thread
from typing import Any
from uuid import UUID

import httpx
import pytest

from analytics.domain.campaign_report import CampaignAcross, CampaignDay, CampaignRow, CampaignTotals
from analytics.domain.campaign_windows import window_of
from analytics.domain.metrics import METRICS
from analytics.http_models.campaigns import CampaignShown
from analytics.use_cases import campaign_across, campaigns_report
from schemas.base import Event
from schemas.events import CampaignEndedV1, CampaignPublishedV1, PointsAccruedV1
from servicekit.ids import new_id

from .conftest import Analytics
from .sales_kit import open_station, paid
from .test_prices_report import somewhere
from .test_reports import read
from .view_kit import take

BEGINS = datetime(2026, 3, 29, 16, tzinfo=UTC)
"""A midnight in Shanghai."""
DAYS, BEFORE = 7, 56
DAY = timedelta(days=1)
APRIL = {"from": "2026-03-30", "to": "2026-04-05"}


def published(analytics: Analytics, campaign_id: UUID, version: int = 1, **fields: Any) -> CampaignPublishedV1:
    standard: dict[str, Any] = {
        "campaign_id": campaign_id, "version": version, "name": "canary-spring", "audience": "some", "discount": None,
        "operators": [analytics.operator], "starts_at": BEGINS, "occurred_at": BEGINS - DAY,
    }  # fmt: skip
    return CampaignPublishedV1.model_validate(standard | fields)


def accrued(station: UUID, at: datetime, points: int, campaigns: list[UUID] | None = None) -> PointsAccruedV1:
    return PointsAccruedV1(
        driver_id=str(new_id()), version=1, entry_id=new_id(), points=points, balance=points, occurred_at=at,
        reason="order", expires_at=at + 365 * DAY, station_id=station, campaign_ids=campaigns,
    )  # fmt: skip


def part(campaign_id: object, minor: int) -> dict[str, Any]:
    return {"kind": "campaign", "amount_minor": minor, "reason": "2 off", "reference": str(campaign_id)}


def weeks(station: UUID, days: int, seed: int, common: list[int]) -> list[Event]:
    """Some fills at noon on each day from BEFORE days before the campaign on; all stations share what is common."""
    chance = Random(seed)  # noqa: S311 - demand is no secret
    first = BEGINS - BEFORE * DAY + timedelta(hours=4)
    return [
        paid(station, first + day * DAY, volume_ml=chance.randint(30_000, 50_000))
        for day in range(days)
        for _ in range(4 + common[day])
    ]


async def test_an_effect_is_told_from_the_weeks_before_and_from_stations_without_it(analytics: Analytics):
    place, common = somewhere(), [day * day % 3 for day in range(BEFORE + DAYS)]
    stations = [await open_station(analytics, **place | {"lat": place["lat"] + number / 100}) for number in range(4)]
    own, campaign = stations[0], new_id()
    events = [event for seed, one in enumerate(stations) for event in weeks(one, BEFORE + DAYS, seed, common)]
    noons = [BEGINS + day * DAY + timedelta(hours=4) for day in range(DAYS) for _ in range(4)]
    given = [paid(own, at, breakdown=[part(campaign, 200)], paid_minor=27_800) for at in noons]
    await take(
        analytics, *events, *given, published(analytics, campaign, station_ids=[own]),
        CampaignEndedV1(campaign_id=campaign, version=2, occurred_at=BEGINS + 30 * DAY),
        accrued(own, noons[0], 40, [campaign]), accrued(own, noons[0], 20),
    )  # fmt: skip
    report = await read(analytics, own, "campaigns", **APRIL)
    [row] = report["rows"]
    assert (row["campaign_id"], row["campaign"], row["held_hours"]) == (str(campaign), "canary-spring", 7 * 24)
    assert (row["held_from"], row["held_until"]) == ("2026-03-29T16:00:00Z", "2026-04-28T16:00:00Z")
    assert (row["campaign_orders"], row["campaign_discount_minor"]) == (28, 28 * 200)
    assert (row["campaign_points"], report["totals"]["points"], report["totals"]["accruals"]) == (40, 60, 2)
    assert (row["verdict"], row["compared_days"], row["compared_weeks"]) == ("more", 7, 8)
    assert row["compared_stations"] == 3
    assert 4_000 < row["uplift_low_basis_points"] < row["uplift_basis_points"] < row["uplift_high_basis_points"]
    litres = row["additional_volume_ml"] / 1_000
    assert row["additional_litre_mills"] == round(28 * 200 * 10 / litres)
    assert row["finding"].startswith("About +")
    assert "3 comparable stations" in row["finding"]
    assert [day["campaign_orders"] for day in report["days"]] == [4] * 7

    without = await read(analytics, stations[1], "campaigns", **APRIL)
    assert (without["rows"], without["totals"]["campaigns"]) == ([], 0), "it was not one of its stations"


async def test_of_a_station_alone_the_plain_change_is_told_and_no_effect(analytics: Analytics):
    own, campaign = await open_station(analytics, **somewhere()), new_id()
    await take(
        analytics, *weeks(own, BEFORE + DAYS, 1, [0, 1, 2, 1, 0, 1, 0] * 9), published(analytics, campaign)
    )  # fmt: skip
    [row] = (await read(analytics, own, "campaigns", **APRIL))["rows"]
    assert "Other campaigns" not in row["finding"]
    assert (row["compared_stations"], row["campaign_orders"], row["verdict"]) == (0, 0, "too_few_stations")
    assert row["finding"].startswith("Not enough comparable stations (fewer than 3) to tell the campaign from growth")
    assert abs(row["uplift_basis_points"]) < 2_000
    assert [row[f"uplift_{end}_basis_points"] for end in ("low", "high")] == [None, None]
    assert (row["additional_volume_ml"], row["additional_litre_mills"]) == (None, None)


async def test_a_campaign_whose_start_was_put_off_after_it_began_disturbs_others(analytics: Analytics):
    own, campaign, moved = await open_station(analytics, **somewhere()), new_id(), new_id()
    began, later = BEGINS - 20 * DAY, BEGINS + 300 * DAY
    await take(
        analytics, *weeks(own, BEFORE + DAYS, 1, [0, 1, 2, 1, 0, 1, 0] * 9), published(analytics, campaign),
        published(analytics, moved, starts_at=began, occurred_at=began),
        published(analytics, moved, version=2, starts_at=later, occurred_at=began + 5 * DAY),
    )  # fmt: skip
    [row] = (await read(analytics, own, "campaigns", **APRIL))["rows"]
    assert row["campaign_id"] == str(campaign)
    assert "Other campaigns began or ended as well" in row["finding"]


async def test_a_campaign_for_one_grade_is_judged_by_that_grade(analytics: Analytics):
    own, campaign = await open_station(analytics, **somewhere()), new_id()
    diesel = [paid(own, BEGINS + day * DAY, fuel="diesel_b0") for day in range(DAYS) for _ in range(9)]
    demand = weeks(own, BEFORE + DAYS, 1, [0, 1, 2, 1, 0, 1, 0] * 9)
    await take(analytics, *demand, *diesel, published(analytics, campaign, fuels=["petrol_95"]))
    [row] = (await read(analytics, own, "campaigns", **APRIL))["rows"]
    assert abs(row["uplift_basis_points"]) < 2_000, "with diesel it would be twice as much"
    assert "Only the campaign's grades" in row["finding"]


async def test_a_campaign_that_nobody_told_of_is_listed_by_what_it_gave(analytics: Analytics):
    own = await open_station(analytics)
    await take(analytics, paid(own, BEGINS, breakdown=[part("of-long-ago", 300)], paid_minor=27_700))
    [row] = (await read(analytics, own, "campaigns", **APRIL))["rows"]
    assert (row["campaign_id"], row["campaign"], row["campaign_discount_minor"]) == ("of-long-ago", None, 300)
    assert (row["verdict"], row["uplift_basis_points"], row["held_hours"]) == ("not_held", None, 0)


async def test_only_so_many_campaigns_are_compared_and_the_others_say_so(
    analytics: Analytics, monkeypatch: pytest.MonkeyPatch
):
    threads: list[Thread] = []

    def watched(*about: Any) -> Any:
        threads.append(current_thread())
        return window_of(*about)

    monkeypatch.setattr(campaigns_report, "window_of", watched)
    own, ids = await open_station(analytics), [new_id() for _ in range(21)]
    await take(analytics, *(published(analytics, one) for one in ids))
    rows = (await read(analytics, own, "campaigns", **APRIL))["rows"]
    assert [row["campaign_id"] for row in rows] == sorted(str(one) for one in ids)
    assert [row["verdict"] for row in rows] == ["too_few_weeks"] * 20 + ["not_compared"]
    assert len(threads) == 20, "of the others nothing is worked out"
    assert current_thread() not in threads, "the loop answers others meanwhile"


async def test_what_began_too_long_ago_or_is_to_come_is_not_judged(analytics: Analytics):
    own, old, paused = await open_station(analytics), new_id(), new_id()
    long_ago = BEGINS - 400 * DAY
    await take(
        analytics, published(analytics, old, starts_at=long_ago, occurred_at=long_ago),
        published(analytics, paused, occurred_at=BEGINS - 3 * DAY),
        CampaignEndedV1(campaign_id=paused, version=2, occurred_at=BEGINS - DAY),
    )  # fmt: skip
    [row] = (await read(analytics, own, "campaigns", **APRIL))["rows"]
    assert (row["campaign_id"], row["verdict"]) == (str(old), "too_long_ago")
    assert row["finding"].startswith("Not enough data: it began more than 182 days before")


async def test_it_comes_as_files_and_is_compared_with_other_days(analytics: Analytics):
    own, campaign = await open_station(analytics), new_id()
    await take(
        analytics, paid(own, BEGINS, breakdown=[part(campaign, 300)], paid_minor=27_700),
        paid(own, BEGINS - 3 * DAY, breakdown=[part(campaign, 200)], paid_minor=27_800),
        published(analytics, campaign, starts_at=BEGINS - 5 * DAY, occurred_at=BEGINS - 5 * DAY),
    )  # fmt: skip
    report = await read(analytics, own, "campaigns", compare="previous", **APRIL)
    [compared] = report["comparison"]["rows"]
    assert compared["before"]["campaign_discount_minor"] == 200
    assert compared["changes"]["campaign_discount_minor"] == 5_000
    for ending, first in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")):
        path = f"/v1/reports/stations/{own}/campaigns.{ending}"
        answer = await analytics.client.get(path, params=APRIL, headers=analytics.manager())
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(first)
    strangers = analytics.manager(operators=["berta-oil"])
    answer = await analytics.client.get(f"/v1/reports/stations/{own}/campaigns", headers=strangers)
    assert (answer.status_code, "no-such-station" in answer.text) == (404, True)


async def across(analytics: Analytics, campaign: object, **claims: Any) -> httpx.Response:
    path = f"/v1/reports/overview/campaigns/{campaign}"
    answer = await analytics.client.get(path, params=APRIL, headers=analytics.manager(**claims))
    if answer.status_code == 200:
        CampaignShown.model_validate_json(answer.content, extra="forbid")
    return answer


async def test_all_stations_of_a_campaign_are_judged_as_one(analytics: Analytics):
    place, common, campaign = somewhere(), [day * day % 3 for day in range(BEFORE + DAYS)], new_id()
    stations = [await open_station(analytics, **place) for _ in range(5)]
    events = [event for seed, one in enumerate(stations) for event in weeks(one, BEFORE + DAYS, seed, common)]
    given = [
        paid(one, BEGINS + day * DAY, breakdown=[part(campaign, 200)], paid_minor=27_800, fuel="petrol_95")
        for one in stations[:2] for day in range(DAYS) for _ in range(4)
    ]  # fmt: skip
    opened, far = await open_station(analytics, **place), await open_station(analytics, **somewhere())
    events += weeks(far, BEFORE + DAYS, 7, common)
    events += [paid(opened, BEGINS + day * DAY, fuel="petrol_95") for day in range(DAYS) for _ in range(30)]
    terms = published(analytics, campaign, station_ids=[*stations[:2], opened], fuels=["petrol_95"])
    await take(analytics, *events, *given, terms, accrued(stations[0], BEGINS, 30, [campaign]))
    answer = await across(analytics, campaign)
    [row] = answer.json()["rows"]
    assert (row["stations"], row["compared_stations"], row["time_zone"]) == (3, 3, "Asia/Shanghai")
    assert (row["campaign_orders"], row["campaign_discount_minor"], row["campaign_points"]) == (56, 56 * 200, 30)
    assert (row["verdict"], row["compared_days"]) == ("more", 7)
    assert 4_000 < row["uplift_low_basis_points"] < 8_000 < row["uplift_high_basis_points"] < 12_000
    assert row["additional_litre_mills"] == round(56 * 200 * 10 / (row["additional_volume_ml"] / 1_000))
    for refused in (
        await across(analytics, campaign, operators=["berta-oil"]), await across(analytics, new_id())
    ):  # fmt: skip
        assert (refused.status_code, "no-such-campaign" in refused.text) == (404, True)


async def test_a_campaign_at_too_many_stations_is_not_added_up(analytics: Analytics, monkeypatch: pytest.MonkeyPatch):
    campaign = new_id()
    for _ in range(2):
        await open_station(analytics)
    await take(analytics, published(analytics, campaign))
    [row] = (await across(analytics, campaign)).json()["rows"]
    assert (row["stations"], row["verdict"]) == (2, "too_few_weeks")
    monkeypatch.setattr(campaign_across, "MOST_STATIONS", 1)
    answer = await across(analytics, campaign)
    assert (answer.status_code, "too-many-stations" in answer.text) == (422, True)


def test_every_figure_is_defined():
    for kind in (CampaignAcross, CampaignRow, CampaignDay, CampaignTotals):
        assert {field.name for field in fields(kind)} <= METRICS.keys()
