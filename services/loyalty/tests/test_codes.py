"""Codes: not to be guessed, nowhere in clear, good once, and few wrong tries for anybody."""

import asyncio
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.domain.codes import CODE_CHARACTERS, FORGET_WRONG_AFTER, MOST_WRONG, code_of, new_code
from loyalty.use_cases import codes, coupon_work
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.telemetry import CODES_REFUSED

from .conftest import Loyalty

PURPOSE = "test"
SOON = timedelta(minutes=5)


def test_a_code_is_sixty_random_bits_that_nobody_takes_for_another():
    made = {new_code() for _ in range(2_000)}
    assert len(made) == 2_000
    letters = set("".join(made)) - {"-"}
    assert len(letters) == 32
    assert not letters & set("01IO")
    assert letters <= set(string.ascii_uppercase + string.digits)
    assert {len(code_of(one)) for one in made} == {CODE_CHARACTERS}


@given(st.sampled_from([" ", "-", ".", "", "·"]), st.booleans())
def test_gaps_and_lower_case_do_not_matter(gap: str, lower: bool):
    code = new_code()
    typed = code.replace("-", gap)
    assert code_of(typed.lower() if lower else typed) == code_of(code)


async def make(loyalty: Loyalty, subject: str, life: timedelta = SOON) -> str:
    """A code that stands for the subject."""
    ends = datetime.now(UTC) + life
    return await loyalty.store.transact(
        lambda tx: codes.make(loyalty.process, tx, PURPOSE, subject, expires_at=ends)
    )  # fmt: skip


async def use(loyalty: Loyalty, code: str, caller: str, purpose: str = PURPOSE, at: datetime | None = None) -> str:
    """What the code stands for; it is used up."""
    moment = at or datetime.now(UTC)

    async def work(tx: Connection) -> str:
        return (await codes.use(loyalty.process, tx, [purpose], code, caller=caller, at=moment)).subject

    return await codes.trying(loyalty.process, caller, work)


async def slug_of(loyalty: Loyalty, code: str, caller: str, **instead: object) -> str:
    """The problem that a code makes."""
    with pytest.raises(Problem) as caught:
        await use(loyalty, code, caller, **instead)  # pyright: ignore[reportArgumentType]
    return caught.value.slug


async def test_a_code_is_stored_as_a_keyed_hash_alone(loyalty: Loyalty):
    code = await make(loyalty, "thing")
    row = (await loyalty.rows("SELECT * FROM codes"))[0]
    assert code_of(code) not in str(row)
    assert code_of(code).encode().hex() not in row["code_hash"].hex()
    assert row["code_hash"] == loyalty.process.ring.hash(code_of(code), codes.CODE)


async def test_a_code_is_good_once_for_its_purpose_and_its_time(loyalty: Loyalty):
    caller = str(new_id())
    code = await make(loyalty, "thing")
    late = datetime.now(UTC) + SOON
    refused = [
        await slug_of(loyalty, new_code(), caller), await slug_of(loyalty, code, caller, purpose="other"),
        await slug_of(loyalty, code, caller, at=late),
    ]  # fmt: skip
    assert await use(loyalty, code.lower().replace("-", " "), caller) == "thing"
    assert {*refused, await slug_of(loyalty, code, caller)} == {"code-refused"}


async def test_a_new_code_takes_the_place_of_the_one_before(loyalty: Loyalty):
    caller = str(new_id())
    first, second = await make(loyalty, "thing"), await make(loyalty, "thing")
    assert await slug_of(loyalty, first, caller) == "code-refused"
    assert await use(loyalty, second, caller) == "thing"


async def test_of_many_who_use_a_code_at_once_one_does(loyalty: Loyalty):
    code = await make(loyalty, "thing")
    answers = await asyncio.gather(
        *(use(loyalty, code, str(new_id())) for _ in range(20)), return_exceptions=True
    )  # fmt: skip
    assert [one for one in answers if isinstance(one, str)] == ["thing"]
    assert {one.slug for one in answers if isinstance(one, Problem)} == {"code-refused"}


def refused_so_far() -> list[float]:
    """How many codes were wrong, and how many came after too many wrong ones, as the metrics say."""
    return [CODES_REFUSED.labels(outcome)._value.get() for outcome in ("wrong", "limited")]


async def test_whoever_guesses_is_stopped_also_when_all_guesses_come_at_once(loyalty: Loyalty):
    caller, other = str(new_id()), str(new_id())
    code = await make(loyalty, "thing")
    before = refused_so_far()
    guesses = (slug_of(loyalty, new_code(), caller) for _ in range(MOST_WRONG + 15))
    slugs = await asyncio.gather(*guesses)
    assert slugs.count("code-refused") == MOST_WRONG
    assert slugs.count("too-many-tries") == 15
    assert [after - was for after, was in zip(refused_so_far(), before, strict=True)] == [MOST_WRONG, 15]
    assert await slug_of(loyalty, code, caller) == "too-many-tries"  # the right one, too
    assert await use(loyalty, code, other) == "thing"


async def test_how_long_to_wait_is_said_and_then_it_may_go_on(loyalty: Loyalty):
    caller = str(new_id())
    code = await make(loyalty, "thing")
    for _ in range(MOST_WRONG):
        await slug_of(loyalty, new_code(), caller)
    with pytest.raises(Problem) as caught:
        await use(loyalty, code, caller)
    wait = int(caught.value.headers["Retry-After"])
    assert 0 < wait <= FORGET_WRONG_AFTER.total_seconds() + 1
    assert code not in str(caught.value)
    await loyalty.sql("UPDATE code_tries SET since = since - $1::interval", timedelta(seconds=wait))
    assert await use(loyalty, code, caller) == "thing"
    await slug_of(loyalty, new_code(), caller)
    assert await loyalty.sql("SELECT wrong FROM code_tries WHERE caller = $1", caller) == 1


async def test_what_was_done_before_a_wrong_code_is_taken_back(loyalty: Loyalty):
    caller = str(new_id())

    async def work(tx: Connection) -> None:
        await tx.execute("INSERT INTO members (driver_id) VALUES ($1)", caller)
        await codes.use(loyalty.process, tx, [PURPOSE], new_code(), caller=caller, at=datetime.now(UTC))

    with pytest.raises(Problem):
        await codes.trying(loyalty.process, caller, work)
    assert await loyalty.sql("SELECT count(*) FROM members WHERE driver_id = $1", caller) == 0
    assert await loyalty.sql("SELECT wrong FROM code_tries WHERE caller = $1", caller) == 1


async def test_old_codes_and_tries_are_forgotten(loyalty: Loyalty):
    await make(loyalty, "old", -coupon_work.FORGET_CODES_AFTER)
    await make(loyalty, "new", -SOON)
    await slug_of(loyalty, new_code(), "old")
    await loyalty.sql("UPDATE code_tries SET since = since - $1::interval", FORGET_WRONG_AFTER)
    await slug_of(loyalty, new_code(), "new")
    await coupon_work.forget(loyalty.process)
    assert await loyalty.sql("SELECT array_agg(subject) FROM codes") == ["new"]
    assert await loyalty.sql("SELECT array_agg(caller) FROM code_tries") == ["new"]
