"""Orders under faults of providers and kill -9 of what carries them: afterwards every yuan is where it belongs."""

import json

from local_stack.config import Config

from ..platform_kit import forecourt

ORDERS = 30


def test_no_order_is_lost_doubled_unbalanced_or_stuck(platform: Config) -> None:
    result = forecourt(platform, "chaos", "payments", "--orders", str(ORDERS), "--seed", "7", "--json", check=False)
    account = json.loads(result.stdout)
    assert {name: account[name] for name in ("lost", "doubled", "unbalanced", "stuck")} == {
        "lost": 0, "doubled": 0, "unbalanced": 0, "stuck": 0
    }, account["cases"]  # fmt: skip
    assert sum(account["orders"].values()) > ORDERS * 0.8, account["gave_up"]
    assert result.returncode == 0
