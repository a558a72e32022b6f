"""When reports are sent, about which days, and what becomes of a schedule with each try. Pure."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain.documents import SUPPRESSED, Document, KeyFigure
from analytics.domain.file_names import file_name
from analytics.domain.schedule_mails import code_mail, report_mail
from analytics.domain.schedules import (
    MOST_FAILURES,
    MOST_RUNS,
    MOST_WRONG_CODES,
    PAUSES,
    SETTLING,
    Cadence,
    Code,
    Format,
    Reason,
    Run,
    Schedule,
    Status,
    Terms,
    Timing,
    code_of,
    new_code,
)
from servicekit.ids import new_id

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
TIMINGS = st.builds(
    Timing, st.sampled_from(Cadence), st.integers(0, 23), st.sampled_from(ZONES).map(lambda name: ZoneInfo(name))
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def schedule(**fields: object) -> Schedule:
    terms = Terms("days", new_id(), None, "Asia/Shanghai", Cadence.DAILY, 7, Format.PDF, "en")
    known = Schedule(new_id(), "owner", terms, "someone@canary-forecourt.example", Status.UNCONFIRMED, NOW)
    return replace(known.active(NOW), **fields)  # pyright: ignore[reportArgumentType]


@given(TIMINGS, MOMENTS)
@settings(deadline=None)
def test_what_was_due_last_and_what_is_due_next_enclose_the_moment(timing: Timing, now: datetime) -> None:
    latest, following = timing.latest(now), timing.following(now)
    assert latest <= now < following
    assert timing.latest(following) == following
    assert timing.latest(following - timedelta(microseconds=1)) == latest
    assert timing.following(latest) == following


@given(TIMINGS, MOMENTS)
@settings(deadline=None)
def test_reports_one_after_another_are_about_all_days_once(timing: Timing, now: datetime) -> None:
    first = timing.latest(now)
    following = timing.following(now)
    (_, last_day), (next_day, end) = timing.days(first), timing.days(following)
    assert next_day == last_day + timedelta(days=1)
    assert end < following.astimezone(timing.zone).date()


@pytest.mark.parametrize(
    ("cadence", "days"),
    [
        (Cadence.DAILY, (date(2026, 11, 25), date(2026, 11, 25))),
        (Cadence.WEEKLY, (date(2026, 11, 16), date(2026, 11, 22))),
        (Cadence.MONTHLY, (date(2026, 10, 1), date(2026, 10, 31))),
    ],
)
def test_a_report_is_about_the_day_week_or_month_before(cadence: Cadence, days: tuple[date, date]) -> None:
    timing = Timing(cadence, 7, ZoneInfo("Asia/Shanghai"))
    assert timing.days(timing.latest(NOW)) == days


@pytest.mark.parametrize(
    ("day", "hour", "due_at"),
    [
        (date(2026, 3, 28), 2, datetime(2026, 3, 29, 1, tzinfo=UTC)),  # two o'clock is skipped: at three, then
        (date(2026, 10, 24), 2, datetime(2026, 10, 25, 0, tzinfo=UTC)),  # it comes twice: the first time
        (date(2026, 7, 1), 7, datetime(2026, 7, 2, 5, tzinfo=UTC)),
    ],
)
def test_the_hour_is_that_of_the_stations_clocks(day: date, hour: int, due_at: datetime) -> None:
    timing = Timing(Cadence.DAILY, hour, ZoneInfo("Europe/Berlin"))
    assert timing.following(datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)) == due_at + SETTLING


def test_a_report_that_is_not_sent_is_tried_later_and_later_then_given_up() -> None:
    due_at, known = NOW, schedule()
    for tries, pause in enumerate(PAUSES, start=1):
        known = replace(known, tries=tries).failed(due_at, "away", NOW, for_good=False)
        assert (known.try_at, known.runs) == (NOW + pause, ())
    last = replace(known, tries=len(PAUSES) + 1)
    assert not last.was_interrupted
    given_up = last.failed(due_at, "away", NOW, for_good=False)
    assert [(run.reason, run.tries) for run in given_up.runs] == [("away", len(PAUSES) + 1)]
    assert (given_up.status, given_up.failures, given_up.tries) == (Status.ACTIVE, 1, 0)
    assert given_up.try_at == given_up.next_at == known.terms.timing.following(NOW)
    assert replace(known, tries=len(PAUSES) + 2).was_interrupted


def test_many_that_were_given_up_suspend_it_and_one_that_was_sent_forgives_them() -> None:
    known = schedule()
    for _ in range(MOST_FAILURES - 1):
        known = replace(known, tries=1).failed(NOW, "refused", NOW, for_good=True)
    assert known.status is Status.ACTIVE
    sent = known.done(Run(NOW, date.min, date.min, NOW, 1, None), NOW)
    assert sent.failures == 0
    stopped = replace(known, tries=1).failed(NOW, "refused", NOW, for_good=True)
    assert (stopped.status, stopped.reason, stopped.try_at) == (Status.SUSPENDED, Reason.UNDELIVERABLE, None)
    for _ in range(MOST_RUNS + 3):
        sent = sent.done(Run(NOW, date.min, date.min, NOW, 1, None), NOW)
    assert len(sent.runs) == MOST_RUNS


def test_each_change_has_a_version_of_its_own() -> None:
    known = replace(schedule(), tries=1, code=Code(b"", NOW))
    run = Run(NOW, date.min, date.min, NOW, 1, None)
    changes = [
        known.asking(NOW), known.active(NOW), known.resting(Status.PAUSED), known.sent_code(), known.refusing(),
        known.done(run, NOW), known.failed(NOW, "away", NOW, for_good=False),
        known.failed_code("away", NOW, for_good=False), known.failed_code("away", NOW, for_good=True),
    ]  # fmt: skip
    assert all(changed.version > known.version for changed in changes)


def test_a_code_wears_out() -> None:
    code = Code(b"", NOW + timedelta(seconds=1))
    assert code.is_good(NOW)
    assert not code.is_good(NOW + timedelta(seconds=1))
    assert not replace(code, wrong_tries=MOST_WRONG_CODES).is_good(NOW)
    made = {new_code() for _ in range(50)}
    assert len(made) == 50
    assert all(code_of(f" {one.lower().replace('-', ' - ')}\n") == one.replace("-", "") for one in made)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("cadence", list(Cadence))
def test_mails_say_what_they_are_about_in_either_language(language: str, cadence: Cadence) -> None:
    terms = replace(schedule().terms, language=language, cadence=cadence)
    _, asking = code_mail(terms, "canary-Station", "ABCD-EFGH")
    assert "ABCD-EFGH" in asking
    assert "canary-Station" in asking
    figures = [KeyFigure("paid_minor", 12_345, 12_000, 288), KeyFigure("orders", SUPPRESSED)]
    document = Document(
        "days", "Days", "日报", "canary-Station", date(2026, 11, 25), date(2026, 11, 25), "CNY", NOW, None, [],
        key_figures=figures,
    )  # fmt: skip
    subject, text = report_mail(terms, document)
    assert "canary-Station" in subject
    assert "2026-11-25" in subject
    assert "123.45 CNY (+2.9%)" in text
    assert "<5:" in text


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ("Chaoyang East=1+1", "forecourt-days-chaoyang-east-1-1-2026-11-01-2026-11-30.xlsx"),
        ("朝阳油站", "forecourt-days-2026-11-01-2026-11-30.xlsx"),
        ('../..\r\n"; x="Ärger', "forecourt-days-x-arger-2026-11-01-2026-11-30.xlsx"),
        ("a" * 200, f"forecourt-days-{'a' * 40}-2026-11-01-2026-11-30.xlsx"),
    ],
)
def test_a_file_is_called_by_what_is_in_it_and_nothing_else(about: str, name: str) -> None:
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    document = Document("days", "Days", "日报", about, first, last, "CNY", NOW, None, [])
    assert file_name(document, "xlsx") == name
    assert file_name(replace(document, last_day=first), "pdf").endswith("2026-11-01.pdf")
