"""The README's commands do what it says: every `sh` block is run as it stands, in order, in one shell."""

import os
import re
import subprocess

from local_stack.config import REPOSITORY, Config
from local_stack.services import SERVICE_BY_NAME

from ..platform_kit import COMMAND_TIMEOUT_SECONDS


def test_the_readmes_commands_work(platform: Config):
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "make " not in block]
    assert len(blocks) >= 4
    script = "set -euo pipefail\n" + "\n".join(blocks).replace("http://127.0.0.1:8080", platform.gateway_url).replace(
        "http://127.0.0.1:8089", SERVICE_BY_NAME["simulators"].url(platform)
    )
    result = subprocess.run(  # noqa: S603 - our own README
        ["/bin/bash", "-c", script], cwd=REPOSITORY, env=os.environ | platform.environment(), capture_output=True,
        text=True, check=False, timeout=COMMAND_TIMEOUT_SECONDS,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert '"verdict":"accepted"' in result.stdout
    assert '"distance_m"' in result.stdout
    assert '"net_price_mills"' in result.stdout
    assert '"status":"scheduled"' in result.stdout
    assert '"plate":"京A12345"' in result.stdout
    assert "pricing.PriceChanged.v1" in result.stdout
