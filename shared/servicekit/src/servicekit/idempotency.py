"""Idempotency keys: the reply is stored in the transaction of the effect, and given again for the same key.

An effect that goes on outside of its transaction (a charge at a provider) stores an unfinished reply first, which says
where to look, and `finish` puts the last one into its place: whatever dies in between, nothing is done twice.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from servicekit.postgres import Connection
from servicekit.problems import Problem

MAX_KEY_CHARACTERS = 255
UNFINISHED = 102
"""The status of a reply that `finish` will replace; given out as 202 when that has not happened for long."""
FINISH_WITHIN = timedelta(seconds=20)
"""Longer than a provider is waited for."""
PATIENCE_SECONDS = 12.0
"""Less than the gateway waits for a service."""
LOOK_AGAIN_SECONDS = 0.05
IN_FLIGHT = "request-in-flight"


@dataclass(frozen=True, slots=True)
class Reply:
    """A stored answer: HTTP status and body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """Who asks what under which key; `body` is the raw request body, so that a changed one is noticed."""

    caller: str
    route: str
    key: str
    body: bytes

    @property
    def digest(self) -> bytes:
        """What is kept of the body."""
        return hashlib.sha256(self.body).digest()


def require_key(key: str | None) -> str:
    """The key, or Problem 400 where it is missing or too long."""
    if not key or len(key) > MAX_KEY_CHARACTERS:
        raise Problem(
            400, "idempotency-key-missing", f"Send an Idempotency-Key header of 1 to {MAX_KEY_CHARACTERS} characters."
        )
    return key


async def once(tx: Connection, request: IdempotentRequest, effect: Callable[[], Awaitable[Reply]]) -> Reply:
    """Runs the effect, or gives the first reply again.

    Problem 409 while the first request is still running, 422 where the key came with another body before.
    The transaction lock is released with the transaction, so a request that failed leaves nothing behind.
    """
    name = f"{request.caller}|{request.route}|{request.key}"
    if not await tx.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1))", name):
        raise _in_flight()
    if (first := await recall(tx, request)) is not None:
        return first
    reply = await effect()
    await keep(tx, request, reply)
    return reply


async def keep(tx: Connection, request: IdempotentRequest, reply: Reply) -> None:
    """Stores a reply; for `once` alone, and for a refusal that counts, which the caller gives again by itself."""
    await tx.execute(
        "INSERT INTO idempotency_keys (caller, route, key, request_hash, status, reply) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        request.caller, request.route, request.key, request.digest, reply.status, reply.body,
    )  # fmt: skip


async def recall(tx: Connection, request: IdempotentRequest) -> Reply | None:
    """The first reply, where there was one; the Problems are those of `once`."""
    row = await tx.fetchrow(
        """SELECT request_hash, status, reply, created_at FROM idempotency_keys
           WHERE (caller, route, key) = ($1, $2, $3)""",
        request.caller, request.route, request.key,
    )  # fmt: skip
    return replay(row, request) if row else None


def replay(row: Mapping[str, Any], request: IdempotentRequest) -> Reply:
    """The reply of a key's row (request_hash, status, reply, created_at); the Problems are those of `once`."""
    if row["request_hash"] != request.digest:
        raise Problem(422, "idempotency-key-reused", "This Idempotency-Key came with another body; use a new key.")
    if row["status"] != UNFINISHED:
        return Reply(row["status"], row["reply"])
    if row["created_at"] > datetime.now(UTC) - FINISH_WITHIN:
        raise _in_flight()
    return Reply(202, row["reply"])


async def finish(tx: Connection, request: IdempotentRequest, reply: Reply) -> None:
    """Puts the last reply into the place of the unfinished one that the effect gave."""
    await tx.execute(
        "UPDATE idempotency_keys SET (status, reply) = ($4, $5) WHERE (caller, route, key) = ($1, $2, $3)",
        request.caller, request.route, request.key, reply.status, reply.body,
    )  # fmt: skip


async def patiently(ask: Callable[[], Awaitable[Reply]], patience_seconds: float = PATIENCE_SECONDS) -> Reply:
    """The reply; one that is being made is waited for, so that all who ask the same at once get the same.

    Raises the Problem 409 of `once` when it takes too long.
    """
    end = asyncio.get_running_loop().time() + patience_seconds
    while True:
        try:
            return await ask()
        except Problem as problem:
            if problem.slug != IN_FLIGHT or asyncio.get_running_loop().time() > end:
                raise
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _in_flight() -> Problem:
    return Problem(409, "request-in-flight", "The first request with this Idempotency-Key is still running.")
