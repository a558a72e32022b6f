"""Analysts as their page tells them: access, a plain client, files that equal the ledger, the notebook, the end."""

import os
import re
import subprocess

from forecourt.demo_payments import show_fuelling
from forecourt.demo_people import people_of
from forecourt.fuel_stops import OPERATOR
from local_stack.config import REPOSITORY, Config
from local_stack.environment import kafka_credentials
from schemas.catalogue import OBSERVER
from schemas.events import OrderRefundedV1
from servicekit.testkit import KafkaProbe, eventually

from ..platform_kit import COMMAND_TIMEOUT_SECONDS


async def test_what_the_page_for_analysts_says_works(platform: Config):
    """Orders paid in three ways, one ahead of the fuel, and a refund lie behind the figures that must be equal."""
    async with people_of(platform, [OPERATOR]) as cast:
        await show_fuelling(platform, cast)
    probe = KafkaProbe(kafka_credentials(platform, OBSERVER))

    async def the_refund_is_told() -> bool:
        types = {one.headers.get("ce_type") for one in await probe.read("payments.orders")}
        return OrderRefundedV1.type() in types

    await eventually(the_refund_is_told)
    text = (REPOSITORY / "docs" / "analysts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 6
    result = subprocess.run(  # noqa: S603, ASYNC221 - our own page; nothing else runs here meanwhile
        ["/bin/bash", "-c", "set -euo pipefail\n" + "\n".join(blocks)], cwd=REPOSITORY,
        env=os.environ | platform.environment(), capture_output=True, text=True, check=False,
        timeout=COMMAND_TIMEOUT_SECONDS,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "refused: TOPIC_AUTHORIZATION_FAILED" in result.stdout
    assert "analyst-docs-ada.payments.orders forecourt.payments.OrderPlaced.v1" in result.stdout
    assert "the export and the ledger say the same" in result.stdout
    assert "docs-ada reads nothing any more" in result.stdout
