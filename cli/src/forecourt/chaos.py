"""`chaos`: orders under faults of everything around them, and an account of what became of each yuan."""

import asyncio
import json
from typing import Annotated

import aiohttp
import typer
from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn
from rich.table import Table

from feeds.platform import PlatformError
from forecourt.chaos_account import Account, gaps, take_account
from forecourt.chaos_drivers import Trial
from forecourt.chaos_monkey import Monkey
from forecourt.chaos_world import chaos_world
from forecourt.console import errors, out
from forecourt.simulate_providers import providers
from local_stack.config import Config, StackError

app = typer.Typer(
    help="Break things on purpose.", no_args_is_help=True, rich_markup_mode="markdown", add_completion=False
)


@app.callback()
def _describe() -> None:
    """Break things on purpose, and see that nothing is lost."""


@app.command()
def payments(
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders.")] = 500,
    seed: Annotated[int, typer.Option(help="The same number draws the same orders, faults and kills.")] = 1,
    kills: Annotated[bool, typer.Option("--kills/--no-kills", help="Kill processes and databases, too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Let drivers fuel and pay while providers fail and processes die; then count every yuan on both sides.

    Exit code 1 where an order is lost, doubled, unbalanced or stuck.

    Example: `./forecourt chaos payments --orders 200 --seed 7`
    """
    config = Config.from_environment()
    try:
        account = asyncio.run(_play(config, orders, seed, kills))
    except (PlatformError, aiohttp.ClientError) as error:
        raise StackError(f"{error}: is the platform up? `./forecourt status`") from error
    out.print_json(json.dumps(account.shown())) if as_json else _print(account)
    if not account.is_clean:
        raise typer.Exit(1)


async def _play(config: Config, orders: int, seed: int, kills: bool) -> Account:
    async with providers(config) as outside:
        before = await gaps(config, outside)
    errors.print("[dim]stations, drivers, payers and fuel cards come ...[/]")
    async with chaos_world(config, seed) as world:
        trial, monkey = Trial(world, seed), Monkey(config, world.outside, seed, kills=kills)
        columns = (*Progress.get_default_columns(), SpinnerColumn(), TimeElapsedColumn())
        with Progress(*columns, console=errors) as progress:
            task = progress.add_task("orders", total=orders)
            async with monkey.at_work():
                await trial.run(orders, lambda: progress.advance(task))
            errors.print("[dim]the faults are over; what is under way comes to its end ...[/]")
            return await take_account(config, world, trial, monkey, before)


def _print(account: Account) -> None:
    table = Table("end state", "orders", box=None, padding=(0, 2))
    for state, count in account.by_state.items():
        table.add_row(state, f"{count:,}")
    out.print(table)
    for what, counts in (
        ("killed", account.kills),
        ("faults that struck", account.faults),
        ("gave up", account.gave_up),
    ):
        out.print(f"{what}: {', '.join(f'{name} {count:,}' for name, count in counts.items()) or 'none'}")
    colour = "green" if account.is_clean else "bold red"
    out.print(f"[{colour}]lost: {len(account.lost)}, doubled: {len(account.doubled)}, "
              f"unbalanced: {len(account.unbalanced)}, stuck: {len(account.stuck)}[/]")  # fmt: skip
    for name, cases in account.cases().items():
        for case in cases:
            out.print(f"  {name}: {case}")
