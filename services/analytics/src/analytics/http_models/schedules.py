"""What the routes of scheduled reports take and give."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from analytics.domain.schedules import Cadence, Format, Status
from schemas.base import Moment
from servicekit.http_models import Model, Operator, Shown

SCHEDULE = "01930b5e-7c1a-7000-8000-3f0e2a9b4c18"
STATION = "01930b5e-7c1a-7000-8000-3f0e2a9b4c11"
OVERVIEW = "overview"
ADDRESS = "manager@station.example"
EXAMPLE = {
    "report": "days", "station_id": STATION, "cadence": "daily", "hour": 7, "format": "pdf", "language": "en",
    "recipient": ADDRESS,
}  # fmt: skip
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
ADDRESS_PATTERN = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}$"
"""Of RFC 5321's addresses those that everybody's mail server takes: no quotes, comments, or lines."""
Report = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z-]{0,39}$"),
    Field(description="`overview`, or a report of a station as in its path", examples=["days"]),
]  # fmt: skip
Recipient = Annotated[
    str, StringConstraints(max_length=254, pattern=ADDRESS_PATTERN),
    Field(description="An e-mail address; it gets a code first", examples=[ADDRESS]),
]  # fmt: skip
Hour = Annotated[int, Field(ge=0, le=23, description="In the schedule's time zone; it is sent a little later")]
Language = Annotated[str, StringConstraints(pattern="^(en|zh)$"), Field(examples=["en"])]
TimeZone = Annotated[
    str, StringConstraints(max_length=64), Field(description="IANA name", examples=["Asia/Shanghai"])
]  # fmt: skip
Zone = Annotated[TimeZone | None, Field(description="Of the overview alone; a station has its own", examples=[None])]


class NewSchedule(Model):
    """A report to be sent again and again: of a station, or the overview of an operator."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    report: Report
    station_id: Annotated[UUID | None, Field(examples=[STATION])] = None
    operator: Annotated[Operator | None, Field(description="For the overview", examples=[None])] = None
    time_zone: Zone = None
    cadence: Annotated[Cadence, Field(description="Each time about the day, week or month before", examples=["daily"])]
    hour: Annotated[Hour, Field(examples=[7])]
    format: Annotated[Format, Field(examples=["pdf"])]
    language: Language
    recipient: Recipient

    @model_validator(mode="after")
    def _is_about_one(self) -> "NewSchedule":
        is_overview = self.report == OVERVIEW
        if is_overview and (self.operator is None or self.time_zone is None or self.station_id is not None):
            raise ValueError("the overview needs `operator` and `time_zone`, and no `station_id`")
        if not is_overview and (self.station_id is None or self.operator is not None or self.time_zone is not None):
            raise ValueError("the report of a station needs `station_id`, and neither `operator` nor `time_zone`")
        return self


class ScheduleChange(Model):
    """What is to change; what you leave out, or send as null, stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"hour": 8}]})

    cadence: Annotated[Cadence | None, Field(examples=["weekly"])] = None
    hour: Annotated[Hour | None, Field(examples=[8])] = None
    format: Annotated[Format | None, Field(examples=["xlsx"])] = None
    language: Language | None = None
    recipient: Recipient | None = None
    status: Annotated[
        Literal["active", "paused"] | None, Field(description="`active`: one that was paused or suspended goes on")
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> "ScheduleChange":
        if not self.model_dump(exclude_none=True):
            raise ValueError("say at least one thing that is to change")
        return self


class ScheduleConfirmation(Model):
    """What the recipient got."""

    code: Annotated[
        str, StringConstraints(min_length=1, max_length=40), Field(description="Of the mail", examples=["ABCD-EFGH"])
    ]


class ScheduleRun(Shown):
    """What became of one report."""

    due_at: Moment
    first_day: date
    last_day: date
    ended_at: Moment
    tries: Annotated[int, Field(ge=1, examples=[1])]
    reason: Annotated[
        str | None, Field(description="Why it was not sent, a word, expect new ones; null: it was", examples=[None])
    ]


class Schedule(Shown):
    """A report that is sent again and again."""

    schedule_id: Annotated[UUID, Field(examples=[SCHEDULE])]
    report: Report
    station_id: UUID | None
    operator: Operator | None
    time_zone: TimeZone
    cadence: Cadence
    hour: Annotated[int, Field(examples=[7])]
    format: Format
    language: Language
    recipient: Annotated[str, Field(examples=[ADDRESS])]
    status: Status
    reason: Annotated[
        str | None,
        Field(description="Why it is suspended, or could not send its code: a word, expect new ones", examples=[None]),
    ]
    next_at: Annotated[Moment | None, Field(description="When the next report is due; null: none is")]
    created_at: Moment
    runs: Annotated[list[ScheduleRun], Field(description="The latest ten reports, the last one first")]


class SchedulePage(Shown):
    """A page of schedules, the newest first; there are more where `next_cursor` is not null."""

    schedules: list[Schedule]
    next_cursor: str | None
