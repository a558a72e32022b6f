"""`forecourt sms` against the simulators behind a real socket: what came, what comes, and codes for other programs."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from forecourt import sms
from local_stack.config import Config, StackError
from local_stack.services import SERVICE_BY_NAME
from servicekit.testkit import canary_phone, eventually
from simulators.sms import SmsNetwork, SmsSettings, control_router

OFFSET = SERVICE_BY_NAME["simulators"].port_offset


@pytest.fixture
def network() -> SmsNetwork:
    return SmsNetwork(SmsSettings(aliyun_key_secret=SecretStr("secret"), twilio_auth_token=SecretStr("token")))


@pytest.fixture
async def config(network: SmsNetwork, tmp_path: Path) -> AsyncIterator[Config]:
    """A stack of which only the simulated phones are there."""
    app = FastAPI()
    app.include_router(control_router(network))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        task = asyncio.create_task(server.serve(sockets=[listener]))

        async def started() -> bool:
            return server.started

        await eventually(started)
        yield Config(tmp_path, listener.getsockname()[1] - OFFSET)
        server.should_exit = True
        await task


async def test_newest_code_waits_for_the_message(network: SmsNetwork, config: Config) -> None:
    phone, since = canary_phone(), datetime.now(UTC)
    network.deliver("aliyun", phone, "Your code is 111111.").received_at = since - timedelta(seconds=1)
    network.deliver("twilio", canary_phone(), "Your code is 222222.")
    assert await sms.newest_code(config, phone) == "111111"
    waiting = asyncio.create_task(sms.newest_code(config, phone, since))
    network.deliver("aliyun", phone, "Order 12345678 was changed.")
    network.deliver("aliyun", phone, "【Forecourt】您的验证码是012345,5分钟内有效。")
    assert await waiting == "012345"


async def test_code_that_never_comes_is_said_so(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms, "ARRIVAL_SECONDS", 0)
    with pytest.raises(StackError, match="got no code"):
        await sms.newest_code(config, canary_phone())


async def test_shows_the_newest_messages_as_lines(
    network: SmsNetwork, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = canary_phone()
    for number in range(5):
        network.deliver("aliyun", phone, f"[bold]{number}[/] of a long text " + "x" * 200)
    await sms._show(config, phone, follow=False, count=2, as_json=True)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["text"][:8] for line in lines] == ["[bold]3[", "[bold]4["]
    await sms._show(config, None, follow=False, count=1, as_json=False)
    assert f"{phone}  [bold]4[/] of" in capsys.readouterr().out


async def test_follows_what_comes_and_shows_nothing_twice(
    network: SmsNetwork, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms, "POLL_SECONDS", 0.01)
    for text in ("old", "older"):
        network.deliver("aliyun", canary_phone(), text)
    url, shown = SERVICE_BY_NAME["simulators"].url(config), list[str]()
    arrivals = sms._arrivals(url, None, 1, follow=True)
    shown.append((await anext(arrivals))["text"])
    for text in ("new", "newer"):
        network.deliver("aliyun", canary_phone(), text)
        shown.append((await anext(arrivals))["text"])
    assert shown == ["older", "new", "newer"]


async def test_simulators_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"\./forecourt up"):
        await sms.newest_code(Config(tmp_path, 18_999), canary_phone())
