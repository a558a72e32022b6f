"""Replicas of the service, each a process of its own."""

import asyncio
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from servicekit.testkit import Issuer

COMMAND = (sys.executable, "-m", "servicekit.serve", "pricing.main:create_app")


@dataclass
class Replica:
    """One process of the service, which Postgres knows by its name."""

    name: str
    environment: dict[str, str]
    url: str
    process: asyncio.subprocess.Process | None = None

    async def start(self, log: Path) -> None:
        """Starts it, or starts it again."""
        with log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *COMMAND, env=self.environment, stdout=output, stderr=output
            )

    async def is_ready(self) -> bool:
        """Whether it answers, and all that it needs."""
        try:
            async with httpx.AsyncClient(base_url=self.url) as client:
                return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def kill(self) -> None:
        """kill -9."""
        if self.process and self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
            await self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_replica(name: str, environment: dict[str, str], issuer: Issuer) -> Replica:
    port, dsn = free_port(), environment["PRICING_POSTGRES_DSN"]
    mine = {
        "PRICING_PORT": str(port), "PRICING_ISSUER": issuer.url, "PRICING_JWKS_URL": issuer.jwks_url,
        "PRICING_POSTGRES_DSN": f"{dsn}{'&' if '?' in dsn else '?'}application_name={name}",
    }  # fmt: skip
    return Replica(name, environment | mine, f"http://127.0.0.1:{port}")
