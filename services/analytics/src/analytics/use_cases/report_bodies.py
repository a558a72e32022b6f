"""A report as JSON: as `http_models.reports` says, straight from its dataclasses, since some have thousands of rows."""

from dataclasses import fields
from typing import Any

import msgspec

from analytics.domain.periods import Period
from analytics.domain.reports import aligned, changes
from analytics.use_cases.reporting import Reading

_JSON = msgspec.json.Encoder()


def body_of(reading: Reading) -> bytes:
    """The whole answer."""
    head, station = reading.head, reading.station
    return _JSON.encode({
        "report": head.report, "station_id": station.station_id, "station": station.name,
        "operator": station.operator, "time_zone": head.period.zone.key, "currency": head.currency,
        **_days(head.period), "made_at": head.made_at, "complete_until": head.complete_until,
        **{field.name: getattr(reading.report, field.name) for field in fields(reading.report)},
        "comparison": _comparison(reading),
    })  # fmt: skip


def _days(period: Period) -> dict[str, Any]:
    return {"first_day": period.first_day, "last_day": period.last_day}


def _comparison(reading: Reading) -> dict[str, Any] | None:
    report, before, earlier = reading.report, reading.before, reading.head.compared_with
    if before is None or earlier is None:
        return None
    has_totals = report.totals is not None
    return {
        **_days(earlier), "totals": before.totals,
        "changes": changes(report.totals, before.totals) if has_totals else {}, "rows": _rows(reading),
    }  # fmt: skip


def _rows(reading: Reading) -> list[Any] | None:
    kind, now, before = reading.kind, reading.report.rows, reading.before
    if not kind.identity or before is None:
        return None
    earlier = aligned(now, before.rows, kind.identity, reading.head.period, reading.compare)
    return [{"before": old, "changes": changes(row, old)} for row, old in zip(now, earlier, strict=True)]
