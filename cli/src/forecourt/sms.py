"""`sms`: the screen of every phone, since no message of a local stack leaves the machine."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

import aiohttp
import typer

from forecourt.console import out
from local_stack.config import Config, StackError
from local_stack.services import SERVICE_BY_NAME

POLL_SECONDS = 0.5
ARRIVAL_SECONDS = 15.0
TIMEOUT = aiohttp.ClientTimeout(total=5.0)
MAX_SHOWN = 2_000
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


def sms(
    phone: Annotated[str | None, typer.Option(help="Only this phone's, e.g. +8613800138000.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, until Ctrl-C.")] = False,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=MAX_SHOWN, help="The newest so many.")] = 20,
    code: Annotated[bool, typer.Option("--code", help="Wait for a sign-in code, and print just that.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for other programs.")] = False,
) -> None:
    """Show the text messages that phones got: sign-in codes, and news about the account.

    Example: `./forecourt sms --phone +8613800138000 --follow`
    """
    if code:
        if phone is None:
            raise typer.BadParameter("say whose: --phone +8613800138000", param_hint="--code")
        typer.echo(asyncio.run(newest_code(Config.from_environment(), phone)))
        return
    asyncio.run(_show(Config.from_environment(), phone, follow, count, as_json))


async def newest_code(config: Config, phone: str, since: datetime | None = None) -> str:
    """The newest sign-in code that the phone (E.164) got, one that came after `since`; waits for it to arrive.

    Raises StackError where none comes.
    """
    return await code_from(SERVICE_BY_NAME["simulators"].url(config), phone, since)


async def newest_message(config: Config, phone: str) -> str:
    """The text of the newest message that the phone (E.164) got. Raises StackError where there is none."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        messages = await _messages(session, SERVICE_BY_NAME["simulators"].url(config), phone, 1)
    if not messages:
        raise StackError("the phone got no message: see `./forecourt logs identity`")
    return messages[-1]["text"]


async def code_from(simulators_url: str, phone: str, since: datetime | None = None) -> str:
    """See `newest_code`; for simulators that listen elsewhere."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        while True:
            for message in reversed(await _messages(session, simulators_url, phone, 20)):
                is_new = since is None or datetime.fromisoformat(message["received_at"]) >= since
                if is_new and (found := CODE.search(message["text"])):
                    return found[0]
            if time.monotonic() > deadline:
                raise StackError("the phone got no code: see `./forecourt logs identity`")
            await asyncio.sleep(0.03)


async def _show(config: Config, phone: str | None, follow: bool, count: int, as_json: bool) -> None:
    async for message in _arrivals(SERVICE_BY_NAME["simulators"].url(config), phone, count, follow):
        line = json.dumps(message, ensure_ascii=False) if as_json else _line(message)
        out.print(line, soft_wrap=True, markup=False, highlight=not as_json)


async def _arrivals(url: str, phone: str | None, count: int, follow: bool) -> AsyncIterator[dict[str, Any]]:
    newest, limit = "", count
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        while True:
            for message in await _messages(session, url, phone, limit):
                if message["id"] > newest:  # ids are in the order of time
                    newest = message["id"]
                    yield message
            if not follow:
                return
            limit = MAX_SHOWN
            await asyncio.sleep(POLL_SECONDS)


async def _messages(session: aiohttp.ClientSession, url: str, phone: str | None, limit: int) -> list[dict[str, Any]]:
    parameters: dict[str, str | int] = {"limit": limit} | ({"phone": phone} if phone else {})
    try:
        async with session.get(f"{url}/control/sms/messages", params=parameters) as response:
            response.raise_for_status()
            return await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise StackError(f"the simulators do not answer ({error}): start them with `./forecourt up`") from error


def _line(message: dict[str, Any]) -> str:
    received = datetime.fromisoformat(message["received_at"]).astimezone()
    return f"{received:%H:%M:%S}  {message['phone']}  {message['text']}  ({message['provider']})"
