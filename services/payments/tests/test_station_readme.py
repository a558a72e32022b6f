"""The README's tables of exceptions and of reconciliation are those that the service works with."""

from pathlib import Path

from payments.domain.exceptions import ACTIONS
from payments.repository.bill_checks import CHECKS as BILL_CHECKS
from payments.repository.checks import CHECKS

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_readme_has_every_action() -> None:
    rows = [
        f"| `{kind}` | `{action}`{f' (`{rule.asks}`)' if rule.asks else ''} | {rule.what} |"
        for kind, actions in ACTIONS.items()
        for action, rule in actions.items()
    ]
    assert [row for row in rows if row not in README] == []


def test_the_readme_has_every_check() -> None:
    rows = [f"| `{check.name}` | {check.what} |" for check in (*CHECKS, *BILL_CHECKS)]
    assert [row for row in rows if row not in README] == []
