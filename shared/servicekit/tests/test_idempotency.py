"""Idempotency keys on the real Postgres: one effect, one answer."""

import asyncio

import pytest

from servicekit.idempotency import (
    FINISH_WITHIN,
    MAX_KEY_CHARACTERS,
    UNFINISHED,
    IdempotentRequest,
    Reply,
    finish,
    once,
    patiently,
    require_key,
)
from servicekit.postgres import Connection, PostgresStore
from servicekit.problems import Problem
from servicekit.testkit import eventually

from .conftest import PostgresBackend

REQUEST = IdempotentRequest("a-client", "POST /v1/things", "key-1", b'{"amount":1}')


async def ask(backend: PostgresBackend, store: PostgresStore, request: IdempotentRequest, reply: Reply) -> Reply:
    """One request whose effect is a note."""

    async def work(tx: Connection) -> Reply:
        async def effect() -> Reply:
            await backend.note(store, tx, reply.body.decode())
            return reply

        return await once(tx, request, effect)

    return await store.transact(work)


@pytest.mark.parametrize("key", [None, "", "x" * (MAX_KEY_CHARACTERS + 1)])
def test_a_missing_or_endless_key_is_a_400(key: str | None):
    with pytest.raises(Problem) as caught:
        require_key(key)
    assert (caught.value.status, caught.value.slug) == (400, "idempotency-key-missing")


def test_a_key_of_any_allowed_length_is_taken():
    assert require_key("x" * MAX_KEY_CHARACTERS) == "x" * MAX_KEY_CHARACTERS


@pytest.mark.parametrize("status", [200, 422, 500])
async def test_the_first_reply_is_given_again_whatever_it_was(postgres: PostgresBackend, status: int):
    async with postgres.connect() as store:
        first = await ask(postgres, store, REQUEST, Reply(status, b"first"))
        again = await ask(postgres, store, REQUEST, Reply(200, b"second"))
        assert first == again == Reply(status, b"first")
        assert await postgres.notes(store) == ["first"]


async def test_a_changed_body_is_a_422(postgres: PostgresBackend):
    async with postgres.connect() as store:
        await ask(postgres, store, REQUEST, Reply(200, b"first"))
        changed = IdempotentRequest(REQUEST.caller, REQUEST.route, REQUEST.key, b'{"amount":2}')
        with pytest.raises(Problem) as caught:
            await ask(postgres, store, changed, Reply(200, b"second"))
        assert (caught.value.status, caught.value.slug) == (422, "idempotency-key-reused")
        assert await postgres.notes(store) == ["first"]


async def test_keys_of_other_callers_and_routes_are_other_keys(postgres: PostgresBackend):
    others = [
        IdempotentRequest("another", REQUEST.route, REQUEST.key, REQUEST.body),
        IdempotentRequest(REQUEST.caller, "POST /v1/others", REQUEST.key, REQUEST.body),
    ]
    async with postgres.connect() as store:
        await ask(postgres, store, REQUEST, Reply(200, b"first"))
        for request in others:
            assert await ask(postgres, store, request, Reply(200, b"own")) == Reply(200, b"own")


async def test_while_the_first_is_running_the_second_is_a_409(postgres: PostgresBackend):
    started, finish = asyncio.Event(), asyncio.Event()

    async def slow(tx: Connection) -> Reply:
        async def effect() -> Reply:
            started.set()
            await finish.wait()
            return Reply(200, b"first")

        return await once(tx, REQUEST, effect)

    async with postgres.connect() as store:
        first = asyncio.create_task(store.transact(slow))
        await started.wait()
        with pytest.raises(Problem) as caught:
            await ask(postgres, store, REQUEST, Reply(200, b"second"))
        assert (caught.value.status, caught.value.slug) == (409, "request-in-flight")
        finish.set()
        assert await first == Reply(200, b"first")
        assert await ask(postgres, store, REQUEST, Reply(200, b"third")) == Reply(200, b"first")


async def test_a_request_that_failed_leaves_the_key_free(postgres: PostgresBackend):
    async def fail(tx: Connection) -> Reply:
        async def effect() -> Reply:
            raise RuntimeError("before the commit")

        return await once(tx, REQUEST, effect)

    async with postgres.connect() as store:
        with pytest.raises(RuntimeError):
            await store.transact(fail)
        assert await ask(postgres, store, REQUEST, Reply(200, b"second")) == Reply(200, b"second")


async def test_all_who_ask_at_once_wait_for_the_reply_that_is_being_made(postgres: PostgresBackend):
    async with postgres.connect() as store:

        async def first() -> Reply:
            await ask(postgres, store, REQUEST, Reply(UNFINISHED, b"look there"))
            reply = Reply(200, b"last")
            await asyncio.sleep(0.05)  # its work outside of the transaction
            await store.transact(lambda tx: finish(tx, REQUEST, reply))
            return reply

        async def again() -> Reply:
            return await patiently(lambda: ask(postgres, store, REQUEST, Reply(200, b"second")))

        made = asyncio.create_task(first())
        await eventually(lambda: postgres.notes(store))
        replies = await asyncio.gather(made, *(again() for _ in range(5)))
        assert set(replies) == {Reply(200, b"last")}
        assert await postgres.notes(store) == ["look there"]


async def test_what_was_never_finished_says_where_to_look(postgres: PostgresBackend):
    async with postgres.connect() as store:
        await ask(postgres, store, REQUEST, Reply(UNFINISHED, b"look there"))
        with pytest.raises(Problem, match="still running"):
            await patiently(lambda: ask(postgres, store, REQUEST, Reply(200, b"second")), 0.0)
        async with store.connection() as connection:
            age = "UPDATE idempotency_keys SET created_at = created_at - $1::interval"
            await connection.execute(age, FINISH_WITHIN)
        assert await ask(postgres, store, REQUEST, Reply(200, b"second")) == Reply(202, b"look there")
