"""Schemathesis asks every operation of the merged OpenAPI document what it allows and forbids, as its command does."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from local_stack.config import Config
from servicekit.access import MACHINE, STATION_ROLES, Role

from .operations import Api, Operation
from .people import People, Session

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
)  # fmt: skip
EXAMPLES = 4
"""For each operation; docs/operations.md has the longer run."""
OPERATOR, REGION = "fuzzing", "AQ"
"""Whose stations, and where prices get odd rules: nothing that another test looks at."""
ENDS_THE_CALLER = {("delete", "/v1/me")}
"""Nobody could go on asking after it."""


async def test_security_28_a_stranger_finds_no_server_error_and_no_undescribed_answer(
    platform: Config, api: Api, tmp_path: Path
):
    assert asked_all(len(api.operations)) in await fuzz(platform, tmp_path, "")


@pytest.mark.parametrize("role", [Role.DRIVER, Role.OWNER, Role.ADMIN, MACHINE])
async def test_security_28_whoever_is_signed_in_finds_none_either(
    platform: Config, api: Api, people: People, station_id: str, tmp_path: Path, role: str
):
    """Each asks what the role may do, about things that are there; it would listen to a stream without end."""
    asked = [one for one in api.protected() if role in one.holders and not one.is_endless]
    mine = [one for one in asked if one.key not in ENDS_THE_CALLER]
    assert mine
    known = {"path.station_id": station_id, "query.station_id": station_id, "path.region": REGION}
    lines = ["[parameters]", *(f'"{name}" = "{value}"' for name, value in known.items()), ""]
    caller = await sign_in(people, role)
    options = ["--header", f"Authorization: {caller.authorization}", *only(mine)]
    assert asked_all(len(mine)) in await fuzz(platform, tmp_path, "\n".join(lines), *options)


@pytest.fixture(scope="module")
async def station_id(api: Api, people: People) -> str:
    """A station of the operator whose staff and machine ask."""
    machine = await sign_in(people, MACHINE)
    answer = await api.ask(api.operations["post", "/v1/stations"], machine.authorization, {"operator": OPERATOR})
    assert answer.status in {201, 409}, answer.text
    return answer.document["station_id"]


async def sign_in(people: People, role: str) -> Session:
    """Somebody of that role."""
    if role == Role.DRIVER:
        return await people.driver("fuzzing")
    if role == MACHINE:
        return await people.machine("fuzzing", [OPERATOR])
    return await people.staff(f"fuzzing-{role}", [role], [OPERATOR] if role in STATION_ROLES else ())


def asked_all(count: int) -> str:
    """The line by which Schemathesis says how many operations it asked."""
    return f"Tested: {count}\n"


def only(operations: Iterable[Operation]) -> list[str]:
    """Options that leave all other operations out."""
    return [part for one in operations for part in ("--include-operation-id", one.document["operationId"])]


async def fuzz(platform: Config, folder: Path, settings: str, *options: str) -> str:
    """What Schemathesis says; fails with what it found. With `settings` parameters name what is there."""
    (folder / "schemathesis.toml").write_text(settings)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{platform.gateway_url}/openapi.json",
        "--checks", ",".join(CHECKS), "--phases", "examples,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "4",
        "--continue-on-failure", "--generation-database", "none", "--request-timeout", "30", *options,
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
