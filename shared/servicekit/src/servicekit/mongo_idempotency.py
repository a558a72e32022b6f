"""`servicekit.idempotency` for MongoDB, in the collection `idempotency_keys`.

Nobody waits for another here: of two requests with one key that come at once both run, the store lets one of them
commit, and the other's transaction runs again and finds the first one's reply.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase

from servicekit.idempotency import IdempotentRequest, Reply, replay


async def once(
    database: AsyncIOMotorDatabase[Any], tx: AsyncIOMotorClientSession, request: IdempotentRequest,
    effect: Callable[[], Awaitable[Reply]],
) -> Reply:  # fmt: skip
    """Runs the effect, or gives the first reply again, in the transaction `tx`.

    Problem 422 where the key came with another body before.
    """
    key = {"caller": request.caller, "route": request.route, "key": request.key}
    name = {"_id": key}
    if (first := await database.idempotency_keys.find_one(name, session=tx)) is not None:
        return replay(first, request)
    reply = await effect()
    document = {
        **name, "caller": request.caller, "request_hash": request.digest, "status": reply.status, "reply": reply.body,
        "created_at": datetime.now(UTC),
    }  # fmt: skip
    await database.idempotency_keys.insert_one(document, session=tx)
    return reply


async def forget(database: AsyncIOMotorDatabase[Any], tx: AsyncIOMotorClientSession, caller: str) -> int:
    """Deletes the replies of a caller who is gone; how many."""
    return (await database.idempotency_keys.delete_many({"caller": caller}, session=tx)).deleted_count
