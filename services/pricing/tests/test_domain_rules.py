"""Price rules, without I/O: in integers, to the second, in any zone."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pricing.domain.dry_runs import DryRun, Past
from pricing.domain.reports import Decided, Knowledge, Outcome, Report, Sender, Station, Verdict, decide
from pricing.domain.rule_book import Finding, RuleBook, RuleVersion, in_force, upcoming
from pricing.http_models.rules import NewRules
from pricing.repository.rules import RULES
from pricing.use_cases.rules import seeds
from schemas.vocabulary import Fuel

VIENNA = ZoneInfo("Europe/Vienna")
SEEDED = RuleBook(seeds())
SENDER = Sender("client", frozenset({"operator"}), frozenset())
CLOCK_CHANGES = (date(2026, 3, 29), date(2026, 10, 25))
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


def station(country: str = "AT", zone: str = "Europe/Vienna", currency: str = "EUR", region: str | None = None):
    return Station(UUID(int=1), "operator", currency, None, False, country, region, zone)


def report(price_mills: int | None, effective_at: datetime, **fields: Any) -> Report:
    standard = {
        "report_id": f"{price_mills}@{effective_at}", "station_id": UUID(int=1), "fuel": Fuel.E5,
        "price_mills": price_mills, "currency": "EUR", "effective_at": effective_at.astimezone(UTC),
        "submitted_at": effective_at, "received_at": effective_at + timedelta(days=1), "sender": SENDER,
    }  # fmt: skip
    return Report(**(standard | fields))


def verdicts(at: Station, *reports: Report, book: RuleBook = SEEDED) -> list[Verdict]:
    return decide(reports, Knowledge({at.station_id: at}, {}, {}, book)).verdicts


def words(at: Station, *reports: Report, book: RuleBook = SEEDED) -> list[str]:
    return [verdict.reason or verdict.outcome for verdict in verdicts(at, *reports, book=book)]


def book_of(*rules: dict[str, Any], region: str = "AT", valid_from: datetime = ALWAYS) -> RuleBook:
    return RuleBook([version_of(*rules, region=region, valid_from=valid_from)])


def version_of(*rules: dict[str, Any], region: str = "AT", version: int = 1, valid_from: datetime = ALWAYS):
    common = {"name": "rule", "description": "A rule.", "source": {"title": "A law"}}
    return RuleVersion(region, version, valid_from, RULES.validate_python([common | rule for rule in rules]))


def vienna(day: date, *clock: int) -> datetime:
    return datetime(day.year, day.month, day.day, *clock, tzinfo=VIENNA)


@pytest.mark.parametrize("day", [date(2026, 7, 1), date(2026, 1, 1), *CLOCK_CHANGES])
def test_austria_takes_a_rise_at_noon_in_vienna_and_at_no_other_time(day: date):
    before = report(1_700, vienna(day - timedelta(days=1), 13))
    outcomes = {
        (11, 59, 59): "rise_not_allowed_now", (11, 59, 59, 999_999): "rise_not_allowed_now", (12, 0, 0): "accepted",
        (12, 0, 59, 999_999): "accepted", (12, 1, 0): "rise_not_allowed_now", (0, 0, 0): "rise_not_allowed_now",
        (13, 0, 0): "rise_not_allowed_now",
    }  # fmt: skip
    for clock, outcome in outcomes.items():
        assert words(station(), before, report(1_701, vienna(day, *clock))) == ["accepted", outcome], clock
        assert words(station(), before, report(1_699, vienna(day, *clock))) == ["accepted", "accepted"], clock


def test_the_verdict_names_the_rule():
    morning = vienna(date(2026, 7, 1), 8)
    refused = verdicts(station(), report(1_700, morning), report(1_800, morning + timedelta(hours=1)))[1]
    assert refused.rule == "AT/1/rise-only-at-noon"
    assert verdicts(station(), report(17, morning))[0].rule == "world/1/sane-bounds-eur"
    assert verdicts(station("XX", currency="XXX"), report(-1, morning, currency="XXX"))[0].rule == "world/1/sane-bounds"


def test_noon_is_for_one_rise_and_its_corrections():
    day = date(2026, 7, 1)
    noon = vienna(day, 12)
    reports = [
        report(1_700, vienna(day, 8)), report(1_800, noon), report(1_810, noon),
        report(1_820, noon + timedelta(seconds=1)), report(1_790, noon + timedelta(seconds=2)),
        report(1_800, noon + timedelta(seconds=3)), report(1_800, noon + timedelta(days=1)),
    ]  # fmt: skip
    assert words(station(), *reports) == [
        "accepted", "accepted", "accepted", "rise_not_allowed_now", "accepted", "rise_not_allowed_now", "accepted",
    ]  # fmt: skip


def test_a_pause_in_selling_is_no_way_round_the_rule():
    day = date(2026, 7, 1)
    assert words(
        station(), report(1_700, vienna(day, 8)), report(None, vienna(day, 9)), report(1_800, vienna(day, 10)),
        report(1_700, vienna(day, 11)), report(1_800, vienna(day, 12)),
    ) == ["accepted", "accepted", "rise_not_allowed_now", "accepted", "accepted"]  # fmt: skip


def test_what_changes_nothing_is_no_rise():
    day = date(2026, 7, 1)
    assert words(
        station(), report(1_700, vienna(day, 10)), report(1_700, vienna(day, 11)), report(1_800, vienna(day, 9))
    ) == ["accepted", "unchanged", "superseded"]


def test_the_first_price_of_a_grade_is_no_rise_and_adblue_is_no_fuel():
    morning = vienna(date(2026, 7, 1), 9)
    assert words(station(), report(1_700, morning)) == ["accepted"]
    adblue = [report(price, morning + timedelta(minutes=price), fuel=Fuel.ADBLUE) for price in (700, 800)]
    assert words(station(), *adblue) == ["accepted", "accepted"]


def test_rises_may_be_limited_to_weekdays_and_several_times():
    book = book_of({"kind": "rise_times", "times": ["06:00", "18:30"], "weekdays": [1, 3], "within_seconds": 600})
    monday = date(2026, 11, 23)
    start = report(1_000, vienna(monday - timedelta(days=1), 1))

    def outcome(day: int, *clock: int) -> str:
        return words(station(), start, report(1_100, vienna(monday + timedelta(days=day), *clock)), book=book)[1]

    assert outcome(0, 6) == outcome(0, 18, 39, 59) == outcome(2, 6, 9, 59) == "accepted"
    assert outcome(1, 6) == outcome(0, 18, 40) == outcome(0, 18, 29, 59) == "rise_not_allowed_now"


ZONES = st.sampled_from(["Europe/Vienna", "Asia/Shanghai", "Australia/Sydney", "America/St_Johns", "Pacific/Chatham"])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(ZONES, MOMENTS, st.integers(0, 23), st.integers(0, 59), st.integers(1, 3_600))
def test_a_rise_is_taken_exactly_where_the_clock_on_the_wall_says_so(
    zone: str, moment: datetime, hour: int, minute: int, within: int
):
    rule = {"kind": "rise_times", "times": [f"{hour:02}:{minute:02}"], "within_seconds": within}
    wall = moment.astimezone(ZoneInfo(zone))
    seconds = (wall.hour - hour) * 3_600 + (wall.minute - minute) * 60 + wall.second
    expected = "accepted" if 0 <= seconds < within else "rise_not_allowed_now"
    before = report(1_000, moment - timedelta(days=2))
    assert words(station(zone=zone), before, report(1_001, moment), book=book_of(rule))[1] == expected


@given(st.integers(-10, 20_000), st.integers(1, 10_000), st.integers(0, 10_000))
def test_bounds_include_their_ends(price: int, low: int, width: int):
    book = book_of({"kind": "bounds", "currency": "EUR", "min_mills": low, "max_mills": low + width})
    [word] = words(station(), report(price, ALWAYS), book=book)
    assert word == ("accepted" if low <= price <= low + width else "outside_sane_bounds")


def test_without_a_rule_a_price_still_keeps_to_the_contract():
    [verdict] = verdicts(station(), report(10_000_001, ALWAYS), book=RuleBook())
    assert (verdict.reason, verdict.rule) == ("outside_sane_bounds", None)


def test_hydrogen_may_cost_more_than_a_litre():
    assert words(station(), report(15_000, ALWAYS, fuel=Fuel.HYDROGEN)) == ["accepted"]
    assert words(station(), report(15_000, ALWAYS)) == ["outside_sane_bounds"]


BEIJING = station("CN", "Asia/Shanghai", "CNY", "CN-BJ")


def test_a_ceiling_holds_for_whole_days_of_the_stations_own_time():
    def word(price: int, moment: str, fuel: Fuel = Fuel.PETROL_92, at: Station = BEIJING) -> str:
        return words(at, report(price, datetime.fromisoformat(moment), currency="CNY", fuel=fuel))[0]

    assert word(8_050, "2022-03-04T00:00:00+08:00") == "accepted"
    assert word(8_051, "2022-03-03T23:59:59+08:00") == "accepted"
    assert word(8_051, "2022-03-04T00:00:00+08:00") == "above_ceiling"
    assert word(8_051, "2022-03-17T23:59:59+08:00") == "above_ceiling"
    assert word(8_051, "2022-03-18T00:00:00+08:00") == "accepted"
    assert word(7_711, "2023-03-18T12:00:00+08:00") == "above_ceiling"
    assert word(8_051, "2022-03-04T12:00:00+08:00", Fuel.PETROL_98) == "accepted"
    shanghai = station("CN", "Asia/Shanghai", "CNY", "CN-SH")
    assert word(8_051, "2022-03-04T12:00:00+08:00", at=shanghai) == "accepted"


@given(MOMENTS, ZONES, st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_ceiling_is_that_of_the_local_day(moment: datetime, zone: str, price: int, ceiling: int):
    day = moment.astimezone(ZoneInfo(zone)).date().isoformat()
    entry = {"fuel": "e5", "max_mills": ceiling, "first_day": day, "last_day": day}
    book = book_of({"kind": "ceiling", "currency": "EUR", "ceilings": [entry]})
    [word] = words(station(zone=zone), report(price, moment), book=book)
    assert word == ("above_ceiling" if price > ceiling else "accepted")


@pytest.mark.parametrize(("country", "zone", "currency", "minutes"), [
    ("DE", "Europe/Berlin", "EUR", 5), ("GB", "Europe/London", "GBP", 30),
])  # fmt: skip
def test_a_late_report_is_taken_and_noted(country: str, zone: str, currency: str, minutes: int):
    at, moment = station(country, zone, currency), datetime(2026, 5, 1, 12, tzinfo=UTC)

    def finding(late: timedelta) -> tuple[Finding, ...]:
        submitted_at = moment + timedelta(minutes=minutes) + late
        [verdict] = verdicts(at, report(1_700, moment, currency=currency, submitted_at=submitted_at))
        assert verdict.outcome == "accepted"
        return verdict.findings

    rule = f"{country}/1/report-within-{minutes}-minutes"
    assert finding(timedelta()) == ()
    assert finding(timedelta(microseconds=1)) == (Finding(rule, 1),)
    assert finding(timedelta(seconds=90)) == (Finding(rule, 90),)


def test_a_confirmation_is_no_change_that_could_be_late():
    moment, late = datetime(2026, 5, 1, 12, tzinfo=UTC), {"submitted_at": datetime(2026, 5, 2, tzinfo=UTC)}
    reports = [report(1_700, moment), report(1_700, moment + timedelta(hours=1), **late), report(1_800, moment, **late)]
    assert [len(v.findings) for v in verdicts(station("DE", "Europe/Berlin"), *reports)] == [0, 0, 1]


def test_a_late_reports_finding_is_told_again_with_its_verdict():
    at = station("DE", "Europe/Berlin")
    late = report(1_700, datetime(2026, 5, 1, tzinfo=UTC), submitted_at=datetime(2026, 5, 2, tzinfo=UTC))
    [first] = verdicts(at, late)
    known = Knowledge({at.station_id: at}, {}, {late.identity: Decided(late.says, first)}, SEEDED)
    assert decide([late], known).verdicts == [first._replace(repeated=True)]


def test_a_region_its_country_and_the_world_all_have_a_say():
    def bounds(region: str, low: int) -> RuleVersion:
        return version_of({"kind": "bounds", "min_mills": low, "max_mills": 9_000}, region=region)

    book = RuleBook([bounds("world", 10), bounds("AT", 100), bounds("AT-9", 1_000)])

    def rule(price: int, region: str | None) -> str | None:
        return verdicts(station(region=region), report(price, ALWAYS), book=book)[0].rule

    assert rule(5, "AT-9") == "AT-9/1/rule"
    assert rule(500, "AT-9") == "AT-9/1/rule"
    assert rule(500, "AT-8") is None
    assert rule(50, None) == "AT/1/rule"
    assert verdicts(station("IT"), report(50, ALWAYS), book=book)[0].rule is None
    assert verdicts(station("IT"), report(5, ALWAYS), book=book)[0].rule == "world/1/rule"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1_000, 2_000)), max_size=8), st.integers(0, 25))
def test_the_rules_of_a_time_are_those_of_the_version_that_began_last(starts: list[tuple[int, int]], hour: int):
    versions = [
        version_of({"kind": "bounds", "min_mills": 1, "max_mills": most}, version=number, valid_from=hours(start))
        for number, (start, most) in enumerate(starts, 1)
    ]
    holding = in_force(versions, hours(hour))
    begun = [(start, number) for number, (start, _) in enumerate(starts, 1) if start <= hour]
    assert (holding and (holding.valid_from, holding.version)) == (
        (hours(max(begun)[0]), max(begun)[1]) if begun else None
    )
    [verdict] = verdicts(station(), report(2_001, hours(hour)), book=RuleBook(versions))
    assert verdict.rule == (f"AT/{max(begun)[1]}/rule" if begun else None)
    later = upcoming(versions, hours(hour))
    assert [one.valid_from for one in later] == sorted({hours(start) for start, _ in starts if start > hour})


def hours(number: int) -> datetime:
    return datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=number)


def test_a_confirmation_is_told_once_an_hour():
    at, start = station("IT", "Europe/Rome"), datetime(2026, 5, 1, tzinfo=UTC)
    knowledge = Knowledge({at.station_id: at}, {}, {}, SEEDED)

    def told(*minutes: int) -> list[int]:
        nonlocal knowledge
        decision = decide([report(1_700, start + timedelta(minutes=one)) for one in minutes], knowledge)
        knowledge = Knowledge(knowledge.stations, {**knowledge.prices, **decision.prices}, {}, SEEDED)
        confirmed = [decision.prices[key].confirmed_at for key in decision.told]
        return [(one - start) // timedelta(minutes=1) for one in confirmed]

    assert told(0) == []
    assert told(30, 59) == []
    assert told(60) == [60]
    assert told(90, 119) == []
    assert told(121, 200) == [200]
    assert told(250) == []


BAD_RULES = {
    "an unknown kind": {"kind": "tax"},
    "bounds upside down": {"kind": "bounds", "min_mills": 2, "max_mills": 1},
    "a float": {"kind": "bounds", "min_mills": 1.5, "max_mills": 2},
    "no time": {"kind": "rise_times", "times": []},
    "an impossible time": {"kind": "rise_times", "times": ["24:00"]},
    "a day that ends before it begins": {
        "kind": "ceiling", "currency": "CNY",
        "ceilings": [{"fuel": "e5", "max_mills": 1, "first_day": "2026-01-02", "last_day": "2026-01-01"}],
    },
    "two ceilings on a day": {
        "kind": "ceiling", "currency": "CNY",
        "ceilings": [{"fuel": "e5", "max_mills": 1, "first_day": day} for day in ("2026-01-01", "2026-01-02")],
    },
    "a name with spaces": {"kind": "reporting_deadline", "within_seconds": 5, "name": "a b"},
    "a plain http source": {
        "kind": "reporting_deadline", "within_seconds": 5, "source": {"title": "x", "url": "http://x"},
    },
}  # fmt: skip


@pytest.mark.parametrize("wrong", BAD_RULES.values(), ids=BAD_RULES)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        version_of(wrong)


def test_two_rules_of_one_name_are_refused():
    rule = {"kind": "reporting_deadline", "name": "a", "description": "A.", "source": {"title": "A"}}
    with pytest.raises(ValidationError, match="two rules are named a"):
        NewRules.model_validate({"rules": [rule | {"within_seconds": 1}, rule | {"within_seconds": 2}]})


STEPS = st.lists(st.tuples(st.sampled_from([1_700, 1_800, 1_900, None]), st.integers(0, 300)), max_size=30)


@given(STEPS, st.integers(1, 7))
def test_a_dry_run_says_what_would_have_been_decided(steps: list[tuple[int | None, int]], chunk: int):
    """However the reports are cut, and whatever was decided on them in truth."""
    at, day = station(), datetime(2026, 5, 1, 7, tzinfo=UTC)
    reports = [
        report(price, day + timedelta(minutes=minute), report_id=str(n)) for n, (price, minute) in enumerate(steps)
    ]
    decided = verdicts(at, *reports, book=RuleBook())
    proposed = book_of({"kind": "rise_times", "times": ["10:00"], "within_seconds": 3_600})
    dry_run = DryRun(proposed, {})
    for start in range(0, len(reports), chunk):
        past = [Past(*pair) for pair in zip(reports, decided, strict=True)][start : start + chunk]
        dry_run.add(past, {at.station_id: at})
    expected = [verdict.outcome for verdict in verdicts(at, *reports, book=proposed)]
    assert dry_run.would_be == Counter(expected)
    assert dry_run.decided == Counter(verdict.outcome for verdict in decided)
    assert dry_run.refused_by.total() == expected.count(Outcome.REJECTED)
    changes = [(d.outcome, e) for d, e in zip(decided, expected, strict=True) if d.outcome != e]
    assert dry_run.changed == Counter(changes)
