"""`security-matrix`: who may call which route, from the gateway's table of routes and the table of permissions."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway.routes import ROUTES
from gateway.routing import Route
from local_stack.config import StackError
from servicekit.access import MACHINE, RULES, Reach, Role, holders

ANYONE = "anyone"
CALLERS = (ANYONE, *map(str, Role), MACHINE)
"""The columns: somebody without a token, each role, and machine clients that were made with the scope."""
NO = "-"
WORDS = {Reach.OWN: "own", Reach.STATIONS: "stations", Reach.PLATFORM: "all"}
STEP_UP = "*"
WIDTH = 250
"""More than the table needs: it is never squeezed, a narrow terminal scrolls."""


@dataclass(frozen=True, slots=True)
class Row:
    """One route: the permission that it asks for, and what each caller reaches with it."""

    method: str
    path: str
    permission: str | None
    step_up: bool
    reach: dict[str, str]
    """By caller: `-`, `own`, `stations` (that the caller is bound to) or `all`."""


def security_matrix(
    role: Annotated[str | None, typer.Option(help=f"Only what one may do: {', '.join(CALLERS)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Show who may call which route, and about what.

    `-` not at all, `own` their own things only, `stations` those of stations that they are bound to, `all` everything;
    `*` the sign-in must be of the last five minutes.

    Example: `./forecourt security-matrix --role attendant`
    """
    if role is not None and role not in CALLERS:
        raise StackError(f"nobody is called {role!r}: choose one of {', '.join(CALLERS)}")
    rows = [row for row in map(row_of, ROUTES) if role is None or row.reach[role] != NO]
    if as_json:
        typer.echo(msgspec.json.encode([asdict(row) for row in rows]))
        return
    Console(width=WIDTH, highlight=False).print(_table(rows, CALLERS if role is None else (role,)))


def row_of(route: Route) -> Row:
    """The row of a route."""
    if route.permission is None:
        return Row(route.method, route.path, None, False, dict.fromkeys(CALLERS, "all"))
    rule, held = RULES[route.permission], holders(route.permission)
    reach = {caller: WORDS[rule.reach] if caller in held else NO for caller in CALLERS}
    return Row(route.method, route.path, rule.permission.value, rule.step_up, reach)


def _table(rows: list[Row], callers: tuple[str, ...]) -> Table:
    table = Table("method", "path", "permission", *callers)
    for row in rows:
        table.add_row(row.method, row.path, row.permission or ANYONE, *_cells(row, callers))
    return table


def _cells(row: Row, callers: tuple[str, ...]) -> Iterator[str]:
    for caller in callers:
        word = row.reach[caller]
        yield word + STEP_UP if row.step_up and word != NO else word
