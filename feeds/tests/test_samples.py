"""The samples of all feeds hold their traps, and the readers find in them exactly what was written."""

from collections import Counter
from itertools import chain

import msgspec
import pytest

from feeds import FEEDS
from feeds.base import PriceRecord, RowProblem, StationRecord, Why
from feeds.samples import SAMPLES, SMALLEST, Sample, write_sample
from schemas.events import PriceReport
from stations.domain.profile import Refusal, judge

STATION_ID = "00060029-0003-4444-8888-acdc00000003"
NOT_TRAPPED = {"tankerkoenig"}


def found(feed: str, sample: Sample) -> Counter[str]:
    """What the readers make of a sample, under the names of `Sample.holds`; shortages of grades with a price count."""
    counts: Counter[str] = Counter()
    for record in FEEDS[feed].stations(sample.stations):
        counts["stations" if isinstance(record, StationRecord) else "bad_stations"] += 1
    priced: set[tuple[str, str]] = set()
    for record in FEEDS[feed].prices(sample.prices):
        if isinstance(record, RowProblem):
            counts["unmapped" if record.grade else record.why.value] += 1
            continue
        key = record.external_id, record.report["fuel"]
        counts["not_sold" if record.absence and key not in priced else "changes"] += 1
        if not record.absence:
            priced.add(key)
    return counts


def test_every_feed_has_a_sample():
    assert SAMPLES.keys() == FEEDS.keys()


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("stations", [SMALLEST, 200])
def test_all_that_was_written_is_found(feed, stations, tmp_path):
    for sample in write_sample(feed, tmp_path, stations, seed=5):
        holds = Counter({name: count for name, count in sample.holds.items() if name != "absurd"})
        assert found(feed, sample) == +holds


@pytest.mark.parametrize("feed", sorted(FEEDS.keys() - NOT_TRAPPED))
def test_every_kind_of_trap_is_there(feed, tmp_path):
    holds = sum((Counter(sample.holds) for sample in write_sample(feed, tmp_path)), Counter())
    assert {"bad_stations", "unreadable", "unmapped", "absurd"} <= (+holds).keys()


@pytest.mark.parametrize("feed", FEEDS)
def test_a_seed_gives_the_same_bytes_and_another_seed_others(feed, tmp_path):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sample(feed, tmp_path / folder, SMALLEST, seed)
    for first in (tmp_path / "a").iterdir():
        second, third = (tmp_path / folder / first.name for folder in "bc")
        assert first.read_bytes() == second.read_bytes() != third.read_bytes()
        assert first.stat().st_mtime == second.stat().st_mtime or feed != "uk" or "careless" not in first.name


@pytest.mark.parametrize("feed", FEEDS)
def test_services_can_judge_every_record(feed, tmp_path):
    """A record that breaks the contract would take the whole request with it; a station in it is refused alone."""
    for sample in write_sample(feed, tmp_path, SMALLEST):
        stations = [one for one in FEEDS[feed].stations(sample.stations) if isinstance(one, StationRecord)]
        verdicts = judge([record.payload for record in stations])
        refused = [one for one in verdicts if isinstance(one, Refusal)]
        assert refused == [] or feed == "tankerkoenig"
        for record in FEEDS[feed].prices(sample.prices):
            if isinstance(record, PriceRecord):
                PriceReport.model_validate_json(msgspec.json.encode({"station_id": STATION_ID, **record.report}))


@pytest.mark.parametrize("feed", FEEDS)
def test_a_second_reading_gives_the_same_reports_once_each(feed, tmp_path):
    for sample in write_sample(feed, tmp_path, SMALLEST):
        first, second = (
            [one.report["report_id"] for one in FEEDS[feed].prices(sample.prices) if isinstance(one, PriceRecord)]
            for _ in range(2)
        )
        assert first == second
        assert len(set(first)) == len(first)


def test_problems_say_where_and_why(tmp_path):
    problems = [
        (feed, one)
        for feed in FEEDS
        for sample in write_sample(feed, tmp_path / feed, SMALLEST)
        for one in chain(FEEDS[feed].stations(sample.stations), FEEDS[feed].prices(sample.prices))
        if isinstance(one, RowProblem)
    ]
    assert {one.why for _, one in problems} == set(Why)
    assert all(one.line > 0 and one.reason and one.text for _, one in problems)
    assert all((one.grade is not None) == (one.why in {Why.LEFT_OUT, Why.UNKNOWN_GRADE}) for _, one in problems)
