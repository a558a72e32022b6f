"""Schemathesis asks every operation of the merged OpenAPI document what it allows and forbids, as its command does."""

import asyncio
import sys
from pathlib import Path

import aiohttp

from identity.domain import SCOPES
from local_stack.config import Config

from ..platform_kit import client_of
from .operations import Api

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
)  # fmt: skip
EXAMPLES = 8
"""For each operation; docs/operations.md has the longer run."""
OPERATOR, REGION = "fuzzing", "AQ"
"""Whose stations, and where prices get odd rules: nothing that another test looks at."""


async def test_a_stranger_finds_no_server_error_and_no_undescribed_answer(platform: Config, tmp_path: Path):
    await fuzz(platform, tmp_path, "")


async def test_a_client_with_every_scope_finds_none_either(platform: Config, tmp_path: Path):
    async with client_of(platform, OPERATOR, *SCOPES) as client:
        token = f"Bearer {await client.token()}"
    async with aiohttp.ClientSession(platform.gateway_url) as http, http.get("/openapi.json") as reply:
        api = Api(http, await reply.json())
        imports = api.operations["post", "/v1/station-imports"]
        status, verdict = await api.ask(imports, token, {"operator": OPERATOR})
        assert status == 200, verdict
    station_id = verdict["results"][0]["station_id"]
    known = {"path.station_id": station_id, "query.station_id": station_id, "path.region": REGION}
    lines = ["[parameters]", *(f'"{name}" = "{value}"' for name, value in known.items()), ""]
    await fuzz(platform, tmp_path, "\n".join(lines), "--header", f"Authorization: {token}")


async def fuzz(platform: Config, folder: Path, settings: str, *options: str) -> None:
    """Fails with what Schemathesis found; with `settings` parameters name what is there."""
    (folder / "schemathesis.toml").write_text(settings)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{platform.gateway_url}/openapi.json",
        "--checks", ",".join(CHECKS), "--phases", "examples,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "4",
        "--continue-on-failure", "--generation-database", "none", "--request-timeout", "30", *options,
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
