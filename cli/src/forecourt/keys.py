"""`keys`: the key files that protect personal data and signing keys: looked at, rotated while all works, pruned."""

import json
import time
from typing import Annotated, Any

import typer
from rich.table import Table

from forecourt.console import errors, out
from forecourt.service_commands import answer
from local_stack import keyrings
from local_stack.config import Config, StackError
from local_stack.services import UPSTREAMS
from servicekit.keyring import SETTLE_SECONDS, parse_keys

NAMES = (*(service.name for service in UPSTREAMS), keyrings.AUDIT)
WITH_MORE = ("identity", "payments", "loyalty")
"""Services whose ring seals more than data keys."""
SHOWN_DIGITS = 8
PRUNE_AFTER_SECONDS = 60.0
"""What began before the newest key sealed has ended by then: no request may take longer than half of it."""

app = typer.Typer(
    help="Keys that protect stored data.", no_args_is_help=True, rich_markup_mode="markdown", add_completion=False
)
Name = Annotated[str, typer.Argument(help=f"Whose keys: {', '.join(NAMES)}.")]
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]


@app.command()
def status(
    names: Annotated[list[str] | None, typer.Argument(help=f"Whose: {', '.join(NAMES)}; all by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every key and how much of what it protects.

    Example: `./forecourt keys status identity`
    """
    reports = {name: _report(_known(name), name) for name in names or NAMES}
    if as_json:
        out.print_json(json.dumps(reports))
        return
    table = Table("service", "key", "", "protects", box=None)
    for name, report in reports.items():
        lost = {key for count in report["uses"].values() for key in count} - set(report["keys"])
        for key in [*report["keys"], *sorted(lost)]:
            mark = "current" if key == report["current"] else "not in the key file" if key in lost else ""
            table.add_row(name, key[:SHOWN_DIGITS], mark, _protects(report, key))
    out.print(table)


@app.command()
def rotate(name: Name) -> None:
    """Give a service a new key and bring what the older ones protect under it; nothing stops, nobody signs in again.

    Example: `./forecourt keys rotate identity`
    """
    config = _known(name)
    if not _has_staged(config, name):
        keyrings.stage(config, name)
    _settle("every process learns the new key")
    keyrings.promote(config, name)
    _settle("every process begins to use it")
    if name == keyrings.AUDIT:
        out.print("new entries of the audit log are under the new key; the older keys stay, to check the older entries")
    else:
        renew(name)


@app.command()
def renew(name: Name) -> None:
    """Bring what older keys protect under the current one: what `rotate` ends with, to be gone on with.

    Example: `./forecourt keys renew identity`
    """
    config = _known(name)
    _not_audit(name)
    module, *arguments = _command(name, "renew-keys", [])
    left = _old_uses(answer(config, name, module, *arguments))
    if left:
        out.print(f"still under older keys, until they run out: {left}", markup=False)
    else:
        out.print(f"all of {name} is under its current key; `./forecourt keys prune {name}` drops the others")


@app.command()
def prune(name: Name) -> None:
    """Drop the older keys of a service, where nothing needs them any more: what they sealed is lost for ever.

    Example: `./forecourt keys prune identity`
    """
    config = _known(name)
    _not_audit(name)
    if (age := time.time() - keyrings.path(config, name).stat().st_mtime) < PRUNE_AFTER_SECONDS:
        raise StackError(f"the keys changed {age:.0f} s ago: try again in {PRUNE_AFTER_SECONDS - age:.0f} s")
    if left := _old_uses(_report(config, name)):
        raise StackError(f"older keys of {name} still protect {left}: `./forecourt keys renew {name}`, or wait")
    keyrings.prune(config, name)
    out.print(f"{name} has its current key only")


def _known(name: str) -> Config:
    if name not in NAMES:
        raise StackError(f"{name!r} has no keys: choose one of {', '.join(NAMES)}")
    return Config.from_environment()


def _not_audit(name: str) -> None:
    if name == keyrings.AUDIT:
        raise StackError("the audit log keeps all of its keys: each checks the entries that were made with it")


def _has_staged(config: Config, name: str) -> bool:
    """Whether an earlier rotation was interrupted before its key became the current one."""
    keys = parse_keys(keyrings.path(config, name).read_text())
    return next(iter(keys.by_id)) != keys.current


def _settle(what: str) -> None:
    errors.print(f"[dim]{what} ({SETTLE_SECONDS:.0f} s)[/]")
    time.sleep(SETTLE_SECONDS)


def _report(config: Config, name: str) -> dict[str, Any]:
    """The keys of a service and their uses; see servicekit.rewrap.report."""
    if name == keyrings.AUDIT:
        keys = parse_keys(keyrings.path(config, name).read_text())
        return {"current": keys.current.hex(), "keys": [one.hex() for one in keys.by_id], "uses": {}}
    module, *arguments = _command(name, "count-key-uses", ["--count"])
    return answer(config, name, module, *arguments)


def _command(name: str, own: str, options: list[str]) -> list[str]:
    """A service that seals more than data keys with its ring has a command of its own."""
    return [f"{name}.commands", own] if name in WITH_MORE else ["servicekit.rewrap", name, *options]


def _protects(report: dict[str, Any], key: str) -> str:
    uses = [f"{count[key]:,} {kind}" for kind, count in report["uses"].items() if count.get(key)]
    return ", ".join(uses)


def _old_uses(report: dict[str, Any]) -> str:
    """What is under other keys than the current one, in words; also under a key that the file no longer has."""
    old: dict[str, int] = {
        kind: sum(n for key, n in count.items() if key != report["current"]) for kind, count in report["uses"].items()
    }
    return ", ".join(f"{n:,} {kind}" for kind, n in old.items() if n)
