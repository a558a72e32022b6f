"""Text messages on their way: sent after a crash, by the next provider, never blindly, never for nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from identity.domain.caller import Caller
from identity.domain.messages import MAX_ATTEMPTS, MessageKind, TextMessage
from identity.domain.phones import parse_phone
from identity.repository import messages as repository
from identity.settings import Settings
from identity.use_cases import messages, otp
from identity.use_cases.context import Identity as Process
from servicekit.postgres import PostgresStore
from servicekit.store import StoreUnavailable
from servicekit.testkit import canary_phone, eventually

DEVICE = "device-of-its-owner"
CALLER = Caller("198.51.100.7")


@asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[Process]:
    """A process of the service that sends only when it is told to."""
    async with PostgresStore.connect(settings) as store:
        process = Process(settings, store)
        async with process.http:
            yield process


@pytest.fixture
async def process(settings: Settings, simulators: httpx.AsyncClient) -> AsyncIterator[Process]:
    await simulators.delete("/control/sms")
    async with replica(settings) as process:
        yield process


async def sql(process: Process, statement: str, *arguments: Any) -> Any:
    async with process.store.connection() as connection:
        return await connection.fetchval(statement, *arguments)


async def pass_time(process: Process, age: timedelta) -> None:
    await sql(process, "UPDATE sms_messages SET due_at = due_at - $1::interval, expires_at = expires_at - $1", age)


async def send_all(process: Process) -> int:
    """Attempts until no message is due; how many."""
    attempts = 0
    while await messages.send_next(process):
        attempts += 1
        assert attempts < 50
    return attempts


async def providers_of(simulators: httpx.AsyncClient, phone: str) -> list[str]:
    """By which provider a phone got its messages, in order."""
    answer = await simulators.get("/control/sms/messages", params={"phone": phone})
    return [message["provider"] for message in answer.json()]


async def break_down(simulators: httpx.AsyncClient, provider: str, **fault: Any) -> None:
    response = await simulators.post("/control/sms/faults", json={"provider": provider} | fault)
    assert response.status_code == 204, response.text


async def test_code_is_sent_though_its_process_died_after_the_commit(
    settings: Settings, process: Process, simulators: httpx.AsyncClient
) -> None:
    phone = canary_phone()
    async with replica(settings) as dying:
        await otp.request_code(dying, phone, DEVICE, CALLER)
    assert await send_all(process) == 1
    assert await providers_of(simulators, phone) == ["aliyun"]
    assert await sql(process, "SELECT count(*) FROM sms_messages") == 0
    assert await sql(process, "SELECT sent_at IS NOT NULL FROM otp_requests")


async def test_message_whose_sender_died_is_sent_again_once_it_had_time_to_arrive(
    process: Process, simulators: httpx.AsyncClient
) -> None:
    phone = canary_phone()
    await otp.request_code(process, phone, DEVICE, CALLER)
    async with process.store.connection() as connection:
        assert await repository.claim_message(connection)  # and dies here
    assert await send_all(process) == 0
    await pass_time(process, timedelta(seconds=31))
    assert await send_all(process) == 1
    assert len(await providers_of(simulators, phone)) == 1


async def test_message_that_may_have_been_sent_is_sent_twice_at_most(
    process: Process, simulators: httpx.AsyncClient
) -> None:
    phone = canary_phone()
    await otp.request_code(process, phone, DEVICE, CALLER)
    for provider in ("aliyun", "twilio"):
        await break_down(simulators, provider, kind="status", code="502", times=10)
    for _ in range(6):
        await send_all(process)
        await pass_time(process, timedelta(seconds=31))
    assert await sql(process, "SELECT attempts FROM sms_messages") == 2
    async with process.store.connection() as connection:
        assert await repository.delete_dead_messages(connection) == 1


async def test_provider_that_takes_a_message_and_does_not_answer_is_not_overtaken_by_another(
    settings: Settings, simulators: httpx.AsyncClient
) -> None:
    assert settings.sms.aliyun
    hasty = settings.sms.model_copy(update={"aliyun": settings.sms.aliyun.model_copy(update={"timeout_seconds": 0.2})})
    await simulators.delete("/control/sms")
    await break_down(simulators, "aliyun", kind="hang_after_accepting", seconds=1)
    phone = canary_phone()
    async with replica(settings.model_copy(update={"sms": hasty})) as process:
        sent = await otp.request_code(process, phone, DEVICE, CALLER)
        await send_all(process)
        assert await providers_of(simulators, phone) == ["aliyun"]
        assert await sql(process, "SELECT sent_at IS NOT NULL FROM otp_requests")
        await pass_time(process, timedelta(seconds=31))
        await send_all(process)
        assert await providers_of(simulators, phone) == ["aliyun", "twilio"]
        codes = {
            message["text"].split("码是")[1][:6]
            for message in (await simulators.get("/control/sms/messages", params={"phone": phone})).json()
        }
        assert await otp.prove(process, str(sent.id), codes.pop()) == phone
        assert not codes, "both show the same code"


async def test_used_code_is_not_sent_again(process: Process, simulators: httpx.AsyncClient) -> None:
    await break_down(simulators, "aliyun", kind="status", code="502")
    phone, sent_codes = canary_phone(), list[str]()
    request = await otp.request_code(process, phone, DEVICE, CALLER)
    (row,) = [await sql(process, "SELECT sealed FROM sms_messages")]
    message_id = await sql(process, "SELECT id FROM sms_messages")
    sent_codes += [process.ring.open(row, f"sms_messages.sealed|{message_id}").decode().split('"code":"')[1][:6]]
    await send_all(process)
    assert await otp.prove(process, str(request.id), sent_codes[0]) == phone
    await pass_time(process, timedelta(seconds=31))
    assert await send_all(process) == 0


async def test_expired_code_is_not_sent(process: Process, simulators: httpx.AsyncClient) -> None:
    phone = canary_phone()
    await otp.request_code(process, phone, DEVICE, CALLER)
    await pass_time(process, timedelta(minutes=5))
    assert await send_all(process) == 0
    assert await providers_of(simulators, phone) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error", "code": "isv.BUSINESS_LIMIT_CONTROL"},
        {"kind": "error", "code": "isv.AMOUNT_NOT_ENOUGH"},
        {"kind": "error", "code": "Throttling.User"},
    ],
)
async def test_next_provider_sends_at_once_what_the_first_did_not(
    process: Process, simulators: httpx.AsyncClient, fault: dict[str, Any]
) -> None:
    await break_down(simulators, "aliyun", **fault)
    phone = canary_phone()
    await otp.request_code(process, phone, DEVICE, CALLER)
    assert await send_all(process) == 2
    assert await providers_of(simulators, phone) == ["twilio"]


async def test_phone_that_does_not_exist_is_given_up(process: Process, simulators: httpx.AsyncClient) -> None:
    await break_down(simulators, "aliyun", kind="error", code="isv.MOBILE_NUMBER_ILLEGAL")
    phone = canary_phone()
    await otp.request_code(process, phone, DEVICE, CALLER)
    assert await send_all(process) == 1
    assert await sql(process, "SELECT count(*) FROM sms_messages") == 0
    assert await sql(process, "SELECT sent_at IS NULL FROM otp_requests")


async def test_message_that_nobody_takes_is_tried_less_and_less_often_then_given_up(
    process: Process, simulators: httpx.AsyncClient
) -> None:
    for provider, code in (("aliyun", "isv.AMOUNT_NOT_ENOUGH"), ("twilio", "20429")):
        await break_down(simulators, provider, kind="error", code=code, times=100)
    await otp.request_code(process, canary_phone(), DEVICE, CALLER)
    attempts = await send_all(process)
    assert attempts == 2
    for _ in range(MAX_ATTEMPTS):
        await pass_time(process, timedelta(seconds=31))
        attempts += await send_all(process)
    assert attempts == MAX_ATTEMPTS
    assert await sql(process, "SELECT count(*) FROM sms_messages") == 0


async def test_replicas_never_send_one_message_at_the_same_time(
    settings: Settings, process: Process, simulators: httpx.AsyncClient
) -> None:
    phones = [canary_phone() for _ in range(12)]
    for phone in phones:
        await otp.request_code(process, phone, DEVICE, CALLER)
    async with replica(settings) as other:
        attempts = await asyncio.gather(*(send_all(one) for one in (process, other, process, other)))
    assert sum(attempts) == len(phones)
    assert [len(await providers_of(simulators, phone)) for phone in phones] == [1] * len(phones)


async def test_queued_message_tells_nobody_its_phone_or_code(process: Process) -> None:
    phone = canary_phone()
    await otp.request_code(process, phone, DEVICE, CALLER)
    for table in ("sms_messages", "otp_requests", "limit_counts"):
        stored = await sql(process, f"SELECT string_agg(t::text, '') FROM {table} t")  # noqa: S608
        for text in (phone, phone.removeprefix("+86"), DEVICE, CALLER.address):
            assert text not in stored
            assert text.encode().hex() not in stored


async def test_notice_goes_with_the_change_it_tells_of(process: Process, simulators: httpx.AsyncClient) -> None:
    told = TextMessage(parse_phone(canary_phone()), MessageKind.LOGIN_CHANGED)

    async def work(tx: Any, fails: bool) -> None:
        await messages.tell(process, tx, told)
        if fails:
            raise LookupError

    with pytest.raises(LookupError):
        await process.store.transact(lambda tx: work(tx, True))
    assert await send_all(process) == 0
    await process.store.transact(lambda tx: work(tx, False))
    assert await send_all(process) == 1
    assert await providers_of(simulators, told.phone.number) == ["aliyun"]


async def test_senders_go_on_when_the_database_comes_back(
    process: Process, simulators: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that came while it was away are sent; nothing has to be restarted."""

    connection: Callable[[], AbstractAsyncContextManager[Any]] = process.store.connection
    phone, away = canary_phone(), 2

    def flaky() -> AbstractAsyncContextManager[Any]:
        nonlocal away
        if away:
            away -= 1
            raise StoreUnavailable("away")
        return connection()

    await otp.request_code(process, phone, DEVICE, CALLER)
    monkeypatch.setattr(process.store, "connection", flaky)
    monkeypatch.setattr(messages, "IDLE_SECONDS", 0.01)
    sending = asyncio.create_task(messages.send_messages(process))
    try:

        async def arrived() -> bool:
            return await providers_of(simulators, phone) == ["aliyun"]

        await eventually(arrived)
    finally:
        sending.cancel()
