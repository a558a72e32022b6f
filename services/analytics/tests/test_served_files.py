"""Each report's path with an ending gives it as a file: the same figures in the reader's language, to its own staff."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from analytics.domain.schedules import Format
from analytics.use_cases.report_files import MEDIA_TYPES
from analytics.use_cases.report_kinds import REPORTS
from servicekit.turns import Turns

from .conftest import Analytics
from .sales_kit import open_station, paid
from .view_kit import take

DAYS = "from=2026-03-01&to=2026-03-03"
BEGINNINGS = {Format.CSV: b"\xef\xbb\xbf", Format.XLSX: b"PK", Format.PDF: b"%PDF-1.7"}


async def sold(analytics: Analytics) -> UUID:
    """A station with three fills on the second of March."""
    station_id = await open_station(analytics)
    at = datetime(2026, 3, 2, 4, tzinfo=UTC)
    await take(analytics, *(paid(station_id, at + timedelta(minutes=one)) for one in range(3)))
    return station_id


def paths() -> list[str]:
    return ["overview", *(f"stations/{{station_id}}/{kind.name}" for kind in REPORTS)]


@pytest.mark.parametrize("form", list(Format))
async def test_every_report_is_there_as_a_file(analytics: Analytics, form: Format) -> None:
    station_id, manager = await sold(analytics), analytics.manager()
    for path in paths():
        asked = f"/v1/reports/{path.format(station_id=station_id)}.{form}?{DAYS}&compare=previous"
        answer = await analytics.client.get(asked, headers=manager)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPES[form]
        assert answer.content.startswith(BEGINNINGS[form])
        name = path.rpartition("/")[2]
        assert f'filename="forecourt-{name}-' in answer.headers["content-disposition"]
        assert answer.headers["content-disposition"].endswith(f'2026-03-01-2026-03-03.{form}"')
        assert answer.headers["cache-control"] == "no-store"


async def test_a_file_says_what_the_report_says_in_the_readers_language(analytics: Analytics) -> None:
    station_id = await sold(analytics)
    path, manager = f"/v1/reports/stations/{station_id}/days", analytics.manager()
    report = (await analytics.client.get(f"{path}?{DAYS}", headers=manager)).json()
    chinese = await analytics.client.get(f"{path}.csv?{DAYS}&language=zh", headers=manager)
    liked = await analytics.client.get(f"{path}.csv?{DAYS}", headers=manager | {"Accept-Language": "zh-CN"})
    assert chinese.headers["content-language"] == liked.headers["content-language"] == "zh"
    rows = list(csv.reader(io.StringIO(chinese.content.decode("utf-8-sig"), newline="")))
    assert "收入 (CNY)" in rows[0]
    revenue = [row[rows[0].index("收入 (CNY)")] for row in rows[1:4]]
    assert revenue == [f"{row['paid_minor'] / 100:.2f}" for row in report["rows"]] == ["0.00", "840.00", "0.00"]


@pytest.mark.parametrize("form", list(Format))
async def test_a_file_is_for_the_stations_own_staff(analytics: Analytics, form: Format) -> None:
    station_id, stranger = await sold(analytics), analytics.manager(operators=["another-operator"])
    path = f"/v1/reports/stations/{station_id}/days.{form}"
    refused = await analytics.client.get(path, headers=stranger)
    assert (refused.status_code, refused.json()["type"]) == (404, "urn:forecourt:problem:no-such-station")
    assert (await analytics.client.get(path, headers=analytics.driver())).status_code == 403
    bad = await analytics.client.get(f"{path}?from=2026-03-03&to=2026-03-01", headers=analytics.manager())
    assert (bad.status_code, bad.json()["type"]) == (422, "urn:forecourt:problem:bad-period")
    odd = await analytics.client.get(f"{path}?language=de", headers=analytics.manager())
    assert odd.status_code == 422


async def test_where_too_many_are_made_at_once_one_comes_again(analytics: Analytics) -> None:
    station_id = await open_station(analytics)
    before, analytics.process.file_turns = analytics.process.file_turns, Turns("A place", at_once=1, most_waiting=0)
    path, manager = f"/v1/reports/stations/{station_id}/days.csv", analytics.manager()
    try:
        async with analytics.process.file_turns.take():
            answers = await asyncio.gather(*(analytics.client.get(path, headers=manager) for _ in range(2)))
    finally:
        analytics.process.file_turns = before
    assert [one.status_code for one in answers] == [503, 503]
    assert all(one.headers["retry-after"] for one in answers)
