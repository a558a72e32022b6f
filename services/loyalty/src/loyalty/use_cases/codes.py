"""Codes that stand for something for a while: made and shown once, kept as keyed hashes, good once.

Whoever tries a code does so inside `trying`, which counts what was wrong: so nobody guesses on and on. A code that was
never made, was used, or has expired is refused in the same words.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from loyalty.domain.codes import FORGET_WRONG_AFTER, MOST_WRONG, code_of, new_code
from loyalty.repository import codes as repository
from loyalty.repository.codes import Code
from loyalty.use_cases.context import Loyalty
from servicekit.erasures import require_present
from servicekit.idempotency import IdempotentRequest, Reply, keep, once, recall
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.telemetry import CODES_REFUSED

REFUSED = 422
CODE = "codes.code"
"""What the keyed hash of a code is for."""
Result = TypeVar("Result")


class CodeNotGood(Exception):
    """No code like this, for what it was shown for; `trying` counts it and tells the caller."""


async def make(loyalty: Loyalty, tx: Connection, purpose: str, subject: str, *, expires_at: datetime) -> str:
    """A new code that stands for the subject; one that stood for it before, and was not used, does no more."""
    await repository.withdraw(tx, purpose, [subject])
    (code,) = await make_many(loyalty, tx, purpose, subject, 1, expires_at=expires_at)
    return code


async def make_many(
    loyalty: Loyalty, tx: Connection, purpose: str, subject: str, count: int, *, expires_at: datetime
) -> list[str]:
    """So many new codes, each of which stands for the subject once, beside those that do."""
    made = [new_code() for _ in range(count)]
    hashes = [loyalty.ring.hash(code_of(code), CODE) for code in made]
    await repository.insert(tx, purpose, subject, hashes, expires_at)
    return made


async def find(
    loyalty: Loyalty, tx: Connection, purposes: Sequence[str], code: str, *, caller: str, at: datetime
) -> Code:
    """What a code stands for, without using it up. Raises CodeNotGood, or Problem 429 after too many wrong ones."""
    await _require_tries_left(tx, caller, at)
    found = await repository.find(tx, loyalty.ring.hashes(code_of(code), CODE), purposes, at)
    if found is None:
        raise CodeNotGood
    return found


async def spend(tx: Connection, code: Code, at: datetime) -> None:
    """Uses up a code that was found. Raises CodeNotGood where somebody else was first."""
    if not await repository.spend(tx, code.code_id, at):
        raise CodeNotGood


async def use(
    loyalty: Loyalty, tx: Connection, purposes: Sequence[str], code: str, *, caller: str, at: datetime
) -> Code:
    """What a code stands for, and uses it up. Raises as `find` does; call it inside `trying`."""
    found = await find(loyalty, tx, purposes, code, caller=caller, at=at)
    await spend(tx, found, at)
    return found


async def trying(
    loyalty: Loyalty, caller: str, work: Callable[[Connection], Awaitable[Result]],
    asked: IdempotentRequest | None = None,
) -> Result:  # fmt: skip
    """Does work, in which the caller tries a code, in a transaction.

    Of a caller's tries one goes on at a time. What was done before a code turned out to be wrong is taken back, and
    the wrong try stays counted. Raises Problem 401 where the caller is gone, 422 `code-refused`, 429.
    """
    now = datetime.now(UTC)

    async def attempt(tx: Connection) -> tuple[Result] | None:
        await require_present(loyalty.erasures, tx, caller)
        await repository.lock_tries(tx, caller, now)
        if asked and (first := await recall(tx, asked)) and first.status == REFUSED:
            raise _refused()
        try:
            async with tx.transaction():
                return (await work(tx),)
        except CodeNotGood:
            await repository.count_wrong(tx, caller, now, now - FORGET_WRONG_AFTER)
            if asked:
                await keep(tx, asked, Reply(REFUSED, b""))
            return None

    done = await loyalty.store.transact(attempt)
    if done is None:
        CODES_REFUSED.labels("wrong").inc()
        raise _refused()
    return done[0]


async def trying_once(
    loyalty: Loyalty, asked: IdempotentRequest, effect: Callable[[Connection], Awaitable[Reply]]
) -> Reply:
    """The same for a request with an Idempotency-Key: sent again it is no other try, whatever became of the first."""
    return await trying(loyalty, asked.caller, lambda tx: once(tx, asked, lambda: effect(tx)), asked)


def _refused() -> Problem:
    return Problem(
        REFUSED, "code-refused", "The code is not good, was used, or has expired: look at it again, or ask for a new "
        "one where you got it.",
    )  # fmt: skip


async def _require_tries_left(tx: Connection, caller: str, at: datetime) -> None:
    tries = await repository.wrong_tries(tx, caller, at - FORGET_WRONG_AFTER)
    if tries is None or tries[0] < MOST_WRONG:
        return
    CODES_REFUSED.labels("limited").inc()
    wait = int((tries[1] + FORGET_WRONG_AFTER - at).total_seconds()) + 1
    raise Problem(
        429, "too-many-tries", f"Too many codes were wrong; try again in {wait // 60 + 1} minutes.",
        headers={"Retry-After": str(wait)},
    )  # fmt: skip
