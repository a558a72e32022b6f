"""Schemathesis asks every operation of the merged OpenAPI document what it allows and forbids, as its command does."""

import asyncio
import sys
from pathlib import Path

import pytest

from identity.domain import SCOPES
from local_stack.config import Config

from ..platform_kit import client_of

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
)  # fmt: skip
EXAMPLES = 8
"""For each operation; docs/operations.md has the longer run."""


@pytest.mark.parametrize("scopes", [(), SCOPES], ids=["a stranger", "every scope"])
async def test_no_server_error_and_no_answer_that_is_not_described(
    platform: Config, tmp_path: Path, scopes: tuple[str, ...]
):
    headers = []
    if scopes:
        async with client_of(platform, "fuzzing", *scopes) as client:
            headers = ["--header", f"Authorization: Bearer {await client.token()}"]
    fuzzing = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{platform.gateway_url}/openapi.json",
        "--checks", ",".join(CHECKS), "--phases", "examples,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "4",
        "--continue-on-failure", "--generation-database", "none", "--request-timeout", "30", *headers,
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await fuzzing.communicate()
    assert fuzzing.returncode == 0, output.decode()
