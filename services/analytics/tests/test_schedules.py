"""Scheduled reports on the running service: confirmed, sent once, caught up, given up, and gone with their owner."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from analytics.domain.schedules import MOST_CODES_A_DAY, PAUSES, Reason, Schedule
from analytics.providers.mail import MailFailed
from analytics.use_cases import schedule_work
from analytics.use_cases.schedule_work import send_due
from schemas.events import StaffRoleChangedV1, UserErasedV1, UserMergedV1
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import Analytics
from .mail_kit import Takes, code_in, mails_to, text_of
from .sales_kit import open_station, paid
from .view_kit import take

ZONE = ZoneInfo("Asia/Shanghai")
SCHEDULES = "/v1/report-schedules"


def address() -> str:
    return f"{new_id().hex}@canary-forecourt.example"


class Staff:
    """A manager of a test's operator, as identity told."""

    def __init__(self, analytics: Analytics, subject: UUID | None = None) -> None:
        self.analytics = analytics
        self.subject = subject or new_id()
        self.headers = analytics.manager(sub=str(self.subject))
        self._version = 1

    async def holds(self, *operators: str) -> None:
        """Says, as identity does, where this person is a manager now; the service has heard it afterwards."""
        self._version += 1
        await self.analytics.kafka.publish(StaffRoleChangedV1.model_validate({
            "user_id": self.subject, "version": self._version, "occurred_at": datetime.now(UTC), "changed_by": None,
            "roles": [{"role": "manager", "operators": list(operators), "station_ids": []}] if operators else [],
        }))  # fmt: skip

        async def is_known() -> bool:
            return (await self.analytics.process.readers.find(str(self.subject))).operators == set(operators)

        await eventually(is_known)

    async def ask(self, method: str, path: str = "", status: int = 200, **asked: Any) -> Any:
        """The answer of a route of schedules."""
        headers = {**self.headers, "Idempotency-Key": str(new_id()), **asked.pop("headers", {})}
        answer = await self.analytics.client.request(method, f"{SCHEDULES}{path}", headers=headers, **asked)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def make(self, station_id: UUID | None, status: int = 201, **wanted: Any) -> Any:
        """A new schedule."""
        return await self.ask("POST", status=status, json=body(station_id, address(), **wanted))

    async def confirmed(self, station_id: UUID | None, **wanted: Any) -> Any:
        """One whose recipient sent the code back."""
        made = await self.make(station_id, **wanted)
        code = await self.code(made["recipient"])
        return await self.ask("POST", f"/{made['schedule_id']}/confirm", json={"code": code})

    async def code(self, recipient: str, number: int = 1) -> str:
        """That of the mail that the recipient got as the so-manyth."""
        await send_due(self.analytics.process)

        async def is_there() -> bool:
            return len(mails_to(self.analytics, recipient)) >= number

        await eventually(is_there)
        return code_in(text_of(mails_to(self.analytics, recipient)[number - 1]))


def body(station_id: UUID | None, recipient: str, **wanted: Any) -> dict[str, Any]:
    return {
        "report": "days", "station_id": str(station_id) if station_id else None, "cadence": "daily", "hour": 7,
        "format": "csv", "language": "en", "recipient": recipient,
    } | wanted  # fmt: skip


@pytest.fixture
async def staff(analytics: Analytics) -> Staff:
    return Staff(analytics)


async def due(staff: Staff, made: Any, mailer: Takes, ago: timedelta = timedelta(), replicas: int = 1) -> Any:
    """Lets the time come, so long ago, at which a schedule was to be sent; the schedule after it was tried."""
    process, schedule_id = staff.analytics.process, UUID(made["schedule_id"])
    known = await process.schedules.find(str(staff.subject), schedule_id)
    assert known
    was_due = known.terms.timing.latest(datetime.now(UTC)) - ago
    rows, before = process.store.database.report_schedules, process.mailer
    process.mailer = mailer
    try:
        await rows.update_one({"_id": schedule_id}, {"$set": {"next_at": was_due, "try_at": was_due}})
        await asyncio.gather(*(send_due(process) for _ in range(replicas)))

        async def is_tried() -> bool:
            return await rows.count_documents({"_id": schedule_id, "version": {"$gte": known.version + 2}}) == 1

        await eventually(is_tried)
    finally:
        process.mailer = before
    return await staff.ask("GET", f"/{schedule_id}")


def last_time(made: Any) -> datetime:
    """When a daily schedule was due last."""
    return datetime.fromisoformat(made["next_at"]) - timedelta(days=1)


async def test_a_report_is_sent_to_whoever_confirmed_it(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made = await staff.make(station_id, format="xlsx")
    assert (made["status"], made["next_at"], made["time_zone"]) == ("unconfirmed", None, "Asia/Shanghai")
    code = await staff.code(made["recipient"])
    wrong = await staff.ask("POST", f"/{made['schedule_id']}/confirm", 422, json={"code": "AAAA-AAAA"})
    assert wrong["type"].endswith("code-refused")
    active = await staff.ask("POST", f"/{made['schedule_id']}/confirm", json={"code": f" {code.lower()} "})
    next_at = datetime.fromisoformat(active["next_at"])
    assert (active["status"], next_at.astimezone(ZONE).hour) == ("active", 7)
    again = await staff.ask("POST", f"/{made['schedule_id']}/confirm", json={"code": code})
    assert again == active
    mailer = Takes()
    sent = await due(staff, made, mailer)
    (mail,) = mailer.sent
    assert mail.to == made["recipient"]
    assert mail.attachment
    yesterday = next_at.astimezone(ZONE).date() - timedelta(days=2)
    assert mail.attachment.name == f"forecourt-days-forecourt-chaoyang-{yesterday}.xlsx"
    assert mail.attachment.content.startswith(b"PK")
    (run,) = sent["runs"]
    assert (run["first_day"], run["last_day"], run["reason"]) == (str(yesterday), str(yesterday), None)
    assert sent["next_at"] == active["next_at"]


async def test_a_report_says_what_was_sold(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made = await staff.confirmed(station_id)
    at = last_time(made) - timedelta(days=1)
    await take(analytics, *(paid(station_id, at) for _ in range(3)))
    mailer = Takes()
    await due(staff, made, mailer)
    (mail,) = mailer.sent
    assert mail.attachment
    assert "840.00" in mail.attachment.content.decode("utf-8-sig")
    assert "Revenue: 840.00 CNY" in mail.text
    assert "Forecourt Chaoyang" in mail.subject


async def test_the_overview_of_an_operator_is_sent(analytics: Analytics, staff: Staff) -> None:
    await open_station(analytics)
    await staff.holds(analytics.operator)
    made = await staff.confirmed(
        None, report="overview", operator=analytics.operator, time_zone="Europe/Berlin", cadence="weekly",
        format="pdf", language="zh",
    )  # fmt: skip
    mailer = Takes()
    sent = await due(staff, made, mailer)
    (mail,) = mailer.sent
    assert mail.attachment
    assert mail.attachment.content.startswith(b"%PDF")
    days = [datetime.fromisoformat(sent["runs"][0][name]).date() for name in ("first_day", "last_day")]
    assert [day.weekday() for day in days] == [0, 6]


async def test_after_an_outage_one_report_is_sent_and_no_flood(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made, mailer = await staff.confirmed(station_id), Takes()
    sent = await due(staff, made, mailer, ago=timedelta(days=3))
    (run,) = sent["runs"]
    assert len(mailer.sent) == 1
    assert datetime.fromisoformat(run["due_at"]) == last_time(made)
    assert sent["next_at"] == made["next_at"]


async def test_of_replicas_that_look_at_once_one_sends(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made, mailer = await staff.confirmed(station_id), Takes()
    await due(staff, made, mailer, replicas=4)
    assert [mail.to for mail in mailer.sent if mail.to == made["recipient"]] == [made["recipient"]]


async def test_one_that_hangs_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    claims, both_began = iter(["one", "other"]), asyncio.Barrier(2)

    class Due:
        async def claim(self, _: datetime) -> Any:
            return next(claims, None)

    async def carry_on(*_: Any) -> None:
        await both_began.wait()

    monkeypatch.setattr(schedule_work, "carry_on", carry_on)
    process: Any = SimpleNamespace(schedules=Due())
    assert await asyncio.wait_for(send_due(process), 5) == 2


async def test_one_that_dies_in_the_middle_loses_it_to_another_and_the_mail_keeps_its_name(
    analytics: Analytics, staff: Staff
) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made, mailer, process = await staff.confirmed(station_id), Takes(), analytics.process
    at = datetime.now(UTC) + timedelta(hours=1)  # nobody but this test looks so far ahead
    rows = process.store.database.report_schedules
    await rows.update_one({"_id": UUID(made["schedule_id"])}, {"$set": {"next_at": last_time(made), "try_at": at}})
    process.mailer, before = mailer, process.mailer
    try:
        claims = [one async for one in _claimed(process, at, UUID(made["schedule_id"]))]
        assert len(claims) == 1  # and whoever has it dies, right after the mail was taken
        await send_mail_only(process, claims[0], at)
        assert [one async for one in _claimed(process, at, UUID(made["schedule_id"]))] == []
        await send_due(process, at + timedelta(minutes=6))
    finally:
        process.mailer = before
    mine = [mail.key for mail in mailer.sent if mail.to == made["recipient"]]
    assert len(mine) == 2
    assert len(set(mine)) == 1
    (run,) = (await staff.ask("GET", f"/{made['schedule_id']}"))["runs"]
    assert run["tries"] == 2


async def _claimed(process: Any, at: datetime, schedule_id: UUID) -> AsyncIterator[Schedule]:
    while one := await process.schedules.claim(at):
        if one.schedule_id == schedule_id:
            yield one


async def send_mail_only(process: Any, claimed: Any, at: datetime) -> None:
    await schedule_work._send_report(process, claimed, claimed.terms.timing.latest(at))


async def test_what_cannot_be_sent_is_tried_again_then_given_up_and_says_why(
    analytics: Analytics, staff: Staff
) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made = await staff.confirmed(station_id)
    mailer = Takes([MailFailed("mail-server-unreachable") for _ in range(len(PAUSES) + 1)])
    for _ in PAUSES:
        tried = await due(staff, made, mailer)
        assert tried["runs"] == []
        assert datetime.fromisoformat(tried["next_at"]) == last_time(made)
    given_up = await due(staff, made, mailer)
    (run,) = given_up["runs"]
    assert (run["reason"], run["tries"]) == ("mail-server-unreachable", len(PAUSES) + 1)
    assert given_up["status"] == "active"
    refused = Takes([MailFailed("recipient-refused", is_final=True) for _ in range(4)])
    last = given_up
    for _ in range(4):
        last = await due(staff, made, refused)
    assert (last["status"], last["reason"], last["next_at"]) == ("suspended", "undeliverable", None)
    assert len(last["runs"]) == 5
    on = await staff.ask("PATCH", f"/{made['schedule_id']}", json={"status": "active"})
    assert (on["status"], on["reason"]) == ("active", None)


async def test_without_the_right_nothing_is_sent_until_it_is_back(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made, mailer = await staff.confirmed(station_id), Takes()
    await staff.holds("another-operator")
    stopped = await due(staff, made, mailer)
    assert mailer.sent == []
    assert (stopped["status"], stopped["reason"]) == ("suspended", Reason.NOT_YOURS)
    stranger = Staff(analytics, staff.subject)
    stranger.headers = analytics.manager(sub=str(staff.subject), operators=["another-operator"])
    await stranger.ask("PATCH", f"/{made['schedule_id']}", 404, json={"status": "active"})
    assert (await staff.ask("PATCH", f"/{made['schedule_id']}", json={"status": "active"}))["status"] == "active"


async def test_a_change_counts_from_the_next_report_on(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made = await staff.confirmed(station_id)
    path = f"/{made['schedule_id']}"
    changed = await staff.ask("PATCH", path, json={"hour": 9, "cadence": "monthly", "language": "zh"})
    at = datetime.fromisoformat(changed["next_at"]).astimezone(ZONE)
    assert (at.day, at.hour, changed["language"]) == (1, 9, "zh")
    paused = await staff.ask("PATCH", path, json={"status": "paused"})
    assert (paused["status"], paused["next_at"]) == ("paused", None)
    other = address()
    asked = await staff.ask("PATCH", path, json={"recipient": other})
    assert (asked["status"], asked["recipient"]) == ("unconfirmed", other)
    await staff.ask("PATCH", path, 409, json={"status": "active"})
    first = await staff.code(other)
    await staff.ask("POST", f"{path}/code")
    second = await staff.code(other, number=2)
    await staff.ask("POST", f"{path}/confirm", 422, json={"code": first})
    assert (await staff.ask("POST", f"{path}/confirm", json={"code": second}))["status"] == "active"
    await staff.ask("POST", f"{path}/code", 409)
    await staff.ask("DELETE", path, 204)
    await staff.ask("DELETE", path, 404)
    await staff.ask("GET", path, 404)


async def test_a_code_is_good_for_a_day_and_few_tries(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    schedules = analytics.store.database.report_schedules
    for spoil in ("tries", "age"):
        made = await staff.make(station_id)
        path, code = f"/{made['schedule_id']}/confirm", await staff.code(made["recipient"])
        if spoil == "tries":
            for _ in range(5):
                await staff.ask("POST", path, 422, json={"code": "WRNG-WRNG"})
        else:
            past = datetime.now(UTC) - timedelta(seconds=1)
            await schedules.update_one({"_id": UUID(made["schedule_id"])}, {"$set": {"code.expires_at": past}})
        refused = await staff.ask("POST", path, 409, json={"code": code})
        assert refused["type"].endswith("code-expired")


async def test_so_many_codes_go_out_a_day(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    made = await staff.make(station_id)
    for _ in range(MOST_CODES_A_DAY - 1):
        await staff.ask("POST", f"/{made['schedule_id']}/code")
    refused = await staff.ask("POST", f"/{made['schedule_id']}/code", 429)
    assert refused["type"].endswith("too-many-codes")
    await staff.make(station_id, status=429)
    readers = analytics.store.database.report_readers
    ago = datetime.now(UTC) - timedelta(days=1, seconds=1)
    await readers.update_one({"_id": str(staff.subject)}, {"$set": {"codes": [ago] * MOST_CODES_A_DAY}})
    await staff.ask("POST", f"/{made['schedule_id']}/code")


async def test_the_same_request_makes_one_schedule(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    key, wanted = {"Idempotency-Key": str(new_id())}, body(station_id, address())
    answers = await asyncio.gather(*(staff.ask("POST", status=201, json=wanted, headers=key) for _ in range(4)))
    assert len({one["schedule_id"] for one in answers}) == 1
    await staff.ask("POST", status=422, json=wanted | {"hour": 8}, headers=key)
    await staff.ask("POST", status=400, json=wanted, headers={"Idempotency-Key": ""})
    assert len((await staff.ask("GET"))["schedules"]) == 1
    replies = analytics.store.database.idempotency_keys.find({"caller": str(staff.subject)})
    assert [b"canary" in one["reply"] async for one in replies] == [False]


async def test_schedules_are_listed_in_pages_and_shown_to_their_owner_alone(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    made = [(await staff.make(station_id))["schedule_id"] for _ in range(3)]
    first = await staff.ask("GET", "?limit=2")
    rest = await staff.ask("GET", f"?limit=2&cursor={first['next_cursor']}")
    assert [one["schedule_id"] for one in first["schedules"] + rest["schedules"]] == made[::-1]
    assert rest["next_cursor"] is None
    colleague = Staff(analytics)
    assert (await colleague.ask("GET"))["schedules"] == []
    for method, path, asked in (
        ("GET", "", {}), ("DELETE", "", {}), ("PATCH", "", {"json": {"hour": 1}}), ("POST", "/code", {}),
        ("POST", "/confirm", {"json": {"code": "AAAA-AAAA"}}),
    ):  # fmt: skip
        refused = await colleague.ask(method, f"/{made[0]}{path}", 404, **asked)
        assert refused["type"].endswith("no-such-schedule")
    assert (await staff.ask("GET", f"/{made[0]}"))["schedule_id"] == made[0]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"recipient": "nobody"}, 422), ({"recipient": "a@b.example\r\nBcc: c@d.example"}, 422),
        ({"recipient": '"a b"@c.example'}, 422), ({"recipient": "a@b.example, c@d.example"}, 422),
        ({"hour": 24}, 422), ({"cadence": "hourly"}, 422), ({"language": "de"}, 422), ({"format": "exe"}, 422),
        ({"report": "nothing"}, 422), ({"report": "overview"}, 422), ({"operator": "demo-oil"}, 422),
        ({"station_id": None}, 422), ({"station_id": "01930b5e-7c1a-7000-8000-3f0e2a9b4c11"}, 404),
        ({"report": "overview", "station_id": None, "operator": "nobodys", "time_zone": "Asia/Shanghai"}, 404),
        ({"report": "overview", "station_id": None, "operator": "nobodys", "time_zone": "../etc/passwd"}, 422),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(
    analytics: Analytics, staff: Staff, wanted: dict[str, Any], status: int
) -> None:
    refused = await staff.ask("POST", status=status, json=body(await open_station(analytics), address()) | wanted)
    assert "canary" not in str(refused)
    assert refused["detail"]


async def test_a_person_has_them_told_handed_over_and_erased(analytics: Analytics, staff: Staff) -> None:
    station_id = await open_station(analytics)
    await staff.holds(analytics.operator)
    made, process, survivor = await staff.confirmed(station_id), analytics.process, Staff(analytics)
    await survivor.holds(analytics.operator)
    inside = analytics.issuer.bearer("personal-data:read", sub="identity")

    async def told(subject: UUID) -> list[Any]:
        answer = await analytics.client.get(f"/internal/personal-data/{subject}", headers=inside)
        return answer.json()["data"]["report_schedules"]

    assert [one["recipient"] for one in await told(staff.subject)] == [made["recipient"]]
    stored = await process.store.database.report_schedules.find_one({"_id": UUID(made["schedule_id"])})
    assert stored
    assert made["recipient"].encode() not in stored["recipient"]
    gone = {"user_id": staff.subject, "version": 9, "occurred_at": datetime.now(UTC)}
    await analytics.kafka.publish(UserMergedV1.model_validate(gone | {"into_user_id": survivor.subject}))

    async def is_handed_over() -> bool:
        return [one["recipient"] for one in await told(survivor.subject)] == [made["recipient"]]

    await eventually(is_handed_over)
    assert (await survivor.ask("GET", f"/{made['schedule_id']}"))["recipient"] == made["recipient"]
    await analytics.kafka.publish(UserErasedV1.model_validate(gone | {"user_id": survivor.subject}))

    async def is_gone() -> bool:
        return await process.store.database.report_schedules.count_documents({"_id": UUID(made["schedule_id"])}) == 0

    await eventually(is_gone)
    await survivor.make(station_id, status=401)
    assert await process.store.database.report_readers.count_documents({"_id": str(survivor.subject)}) == 0
