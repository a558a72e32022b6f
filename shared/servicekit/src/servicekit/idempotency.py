"""Idempotency keys: the reply is stored in the transaction of the effect, and given again for the same key."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from servicekit.postgres import Connection
from servicekit.problems import Problem

MAX_KEY_CHARACTERS = 255


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
        raise Problem(409, "request-in-flight", "The first request with this Idempotency-Key is still running.")
    digest = hashlib.sha256(request.body).digest()
    row = await tx.fetchrow(
        "SELECT request_hash, status, reply FROM idempotency_keys WHERE (caller, route, key) = ($1, $2, $3)",
        request.caller, request.route, request.key,
    )  # fmt: skip
    if row is None:
        reply = await effect()
        await tx.execute(
            "INSERT INTO idempotency_keys (caller, route, key, request_hash, status, reply) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            request.caller, request.route, request.key, digest, reply.status, reply.body,
        )  # fmt: skip
        return reply
    if row["request_hash"] != digest:
        raise Problem(422, "idempotency-key-reused", "This Idempotency-Key came with another body; use a new key.")
    return Reply(row["status"], row["reply"])
