"""`audit`, run as a person runs it, on the real database."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from forecourt.audit import app, logged_heads
from identity.settings import Settings
from identity.use_cases import audit
from identity.use_cases.context import Identity
from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.migrations import migrate
from servicekit.postgres import PostgresStore
from servicekit.testkit import settings_from

EMPTY = """
    ALTER TABLE audit_log DISABLE TRIGGER append_only;
    TRUNCATE audit_log;
    ALTER TABLE audit_log ENABLE ALWAYS TRIGGER append_only;
    UPDATE audit_head SET sequence = 0, hash = '', anchor = ''"""
CUT = """
    ALTER TABLE audit_log DISABLE TRIGGER append_only;
    DELETE FROM audit_log WHERE sequence = 2;
    ALTER TABLE audit_log ENABLE ALWAYS TRIGGER append_only"""


@pytest.fixture
async def identity(
    infrastructure: Config, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Identity]:  # fmt: skip
    """Identity's store with three entries in its audit log."""
    environment = service_environment(infrastructure, "identity")
    await migrate("identity", environment)
    for name, value in infrastructure.environment().items():
        monkeypatch.setenv(name, value)
    settings = settings_from(Settings, environment)
    async with PostgresStore.connect(settings) as store:
        await _execute(store, EMPTY)
        identity = Identity(settings, store)
        for number in range(3):
            await store.transact(
                lambda tx, n=number: audit.append(identity, tx, "operator", "tried", f"id-{n}", {"n": n})
            )
        yield identity
        await _execute(store, EMPTY)


async def _execute(store: PostgresStore, statement: str) -> None:
    async with store.connection() as connection:
        await connection.execute(statement)


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `audit` with these arguments."""
    capfd.readouterr()
    code: Any = app(list(arguments), standalone_mode=False)
    captured = capfd.readouterr()
    return code or 0, str(captured.out), str(captured.err)


async def test_entries_are_listed(identity: Identity, capfd: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(run(capfd, "list", "--json", "--limit", "2")[1])
    assert [(one["sequence"], one["subject"], one["details"]) for one in listed] == [
        (3, "id-2", {"n": 2}), (2, "id-1", {"n": 1}),
    ]  # fmt: skip
    assert "id-1" in run(capfd, "list", "--subject", "id-1")[1]


async def test_security_43_check_names_the_first_entry_that_is_wrong(
    identity: Identity, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capfd, "verify", "--json")
    assert (code, json.loads(out)["entries"]) == (0, 3)
    await _execute(identity.store, CUT)
    code, _, err = run(capfd, "verify")
    assert code == 1
    assert "broken at entry 2" in err


async def test_security_43_check_compares_with_what_the_service_logged(
    identity: Identity, infrastructure: Config, capfd: pytest.CaptureFixture[str]
) -> None:
    log = infrastructure.data / "logs" / "identity.log"
    noted = {"message": audit.NOTE, "sequence": 9, "hash": "ab" * 40}
    log.write_text("\n".join(["not JSON, audit log head", json.dumps(noted), json.dumps(noted)[:40]]))
    try:
        assert logged_heads(infrastructure) == [f"9:{noted['hash']}"]
        code, _, err = run(capfd, "verify")
    finally:
        log.unlink()
    assert code == 1
    assert "went to entry 9" in err
    code, _, err = run(capfd, "verify", "--head", "three")
    assert code == 2
