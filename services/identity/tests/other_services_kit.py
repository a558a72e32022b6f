"""The other services of the suite, for tests of what identity asks them: one socket, the real token check."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from servicekit.access import Permission
from servicekit.auth import InvalidToken, Principal, Verifier, bearer_token

NAMES = ("pricing", "stations")


class Others:
    """What they know, how often each was asked, and which of them are down or say something odd."""

    def __init__(self) -> None:
        self.data: dict[str, dict[str, Any]] = {name: {"notes": [f"canary-{name}"]} for name in NAMES}
        self.asked: Counter[str] = Counter()
        self.down: set[str] = set()
        self.instead: dict[str, Any] = {}
        """Fields of a service's answer that are other than they should be; None: no JSON at all."""
        self.let_through = asyncio.Event()
        self.let_through.set()
        self.verifier: Verifier | None = None
        self.askers: list[Principal] = []
        self.url = ""

    @property
    def urls(self) -> dict[str, str]:
        """By name, as the settings want them."""
        return {name: f"{self.url}/{name}/" for name in NAMES}

    async def answer(self, request: web.Request) -> web.Response:
        """As servicekit.personal_data does."""
        name, subject = request.match_info["name"], request.match_info["subject"]
        self.asked[name] += 1
        assert self.verifier is not None
        try:
            principal = await self.verifier.verify(bearer_token(request.headers.get("Authorization")))
        except InvalidToken:
            return web.Response(status=401)
        self.askers.append(principal)
        if Permission.PERSONAL_DATA_READ not in principal.scopes:
            return web.Response(status=403)
        await self.let_through.wait()
        if name in self.down:
            return web.Response(status=503)
        if name in self.instead and self.instead[name] is None:
            return web.Response(text="<html>")
        account = {
            "service": name, "subject": subject, "data": self.data[name], "erased_at": None, "erased": {},
            "merged_into": None,
        }  # fmt: skip
        return web.json_response(account | self.instead.get(name, {}))


@asynccontextmanager
async def running_others() -> AsyncIterator[Others]:
    """They listen on a free local port."""
    others, app = Others(), web.Application()
    app.router.add_get("/{name}/internal/personal-data/{subject}", others.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    others.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield others
    finally:
        await runner.cleanup()
