"""`simulate`: what is outside of the platform, played by hand: payers, providers in trouble, a station's pumps."""

import asyncio
import json
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from forecourt.console import out
from forecourt.fuel_stops import OPERATOR
from forecourt.simulate_providers import Provider, Providers, faults_of, providers, trade_named
from forecourt.simulate_station import run_station, show_json, show_line
from forecourt.traffic import Traffic, drive
from local_stack.config import Config, StackError
from simulators.pump_dispenses import Habits

app = typer.Typer(
    help="Play what is outside: payers, providers in trouble, a station's pumps.", no_args_is_help=True,
    rich_markup_mode="markdown", add_completion=False,
)  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]


@app.command()
def pay(
    what: Annotated[str, typer.Argument(help="An order's or recharge's id, a prepay_id, a tradeNO, or our number.")],
    decline: Annotated[bool, typer.Option("--decline", help="Do not pay; the payment goes on waiting.")] = False,
    late: Annotated[bool, typer.Option("--late", help="Pay although it was closed or has expired.")] = False,
    as_json: AsJson = False,
) -> None:
    """Do what the payer does on the phone: confirm what WeChat or Alipay asks for, or decline.

    Example: `./forecourt simulate pay 0197c3a2-...`
    """
    trade = asyncio.run(_pay(Config.from_environment(), what, decline, late))
    if as_json:
        out.print_json(json.dumps(trade))
        return
    done = "declined, and still to be paid" if decline else "paid"
    out.print(f"{trade['description']}, {trade['total'] / 100:.2f} {trade['currency']}: {done} ({trade['state']})")


@app.command()
def provider(
    name: Annotated[Provider, typer.Argument(help="Which.")],
    fault: Annotated[
        list[str] | None, typer.Option(help="NAME=RATE from 0 to 1, e.g. silent=0.2; repeat for more.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Strike only this, e.g. create; repeat for more.")] = None,
    times: Annotated[int | None, typer.Option(min=0, help="Strike so often, then no more.")] = None,
    duplicate: Annotated[int | None, typer.Option(min=1, max=100, help="Each notification so many more times.")] = None,
    seed: Annotated[int, typer.Option(help="The same number draws the same faults.")] = 0,
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="How much faster than in reality a notification is tried again.")
    ] = None,
    heal: Annotated[bool, typer.Option("--heal", help="Nothing goes wrong any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let things go wrong at a provider from now on, instead of what went wrong before; without options, say what does.

    Faults: slow, down, drop, silent, busy, busy_done, limited, unsigned, forged, probe, skewed, wrong_amount,
    wrong_currency, wrong_app, wrong_merchant, refuse_refund, abnormal_refund, late, lost, duplicate, reorder;
    simulators/README.md says what each does.

    Example: `./forecourt simulate provider wechat --fault silent=0.2 --duplicate 3 --seed 7`
    """
    base = {
        "only": only, "times": times, **({"duplicate": 1, "duplicates": duplicate} if duplicate else {}),
    }  # fmt: skip
    given = {key: value for key, value in base.items() if value is not None}
    if heal and (given or fault):
        raise typer.BadParameter("nothing goes wrong, or something does", param_hint="--heal")
    document = asyncio.run(_set(Config.from_environment(), name, fault or [], given, seed, speed, heal))
    _show_json(document) if as_json else _print_provider(name, document)


@app.command()
def station(
    station_id: Annotated[UUID, typer.Argument(help="Which.")],
    operator: Annotated[str | None, typer.Option(help="Whose it is; looked up unless given.")] = None,
    speed: Annotated[float, typer.Option(min=0.001, max=100_000, help="How much faster than 0.6 l/s fuel flows.")] = 10,
    under: Annotated[float, typer.Option(min=0, max=1, help="How often a pump gives less than it could.")] = 0,
    over: Annotated[float, typer.Option(min=0, max=1, help="How often it gives more than it may.")] = 0,
    silent: Annotated[float, typer.Option(min=0, max=1, help="How often it gives fuel and never says so.")] = 0,
    duplicate: Annotated[float, typer.Option(min=0, max=1, help="How often it says it twice.")] = 0,
    offline: Annotated[float, typer.Option(min=0, max=1, help="How often the line is lost while fuel flows.")] = 0,
    offline_seconds: Annotated[float, typer.Option(min=0, max=60, help="For how long.")] = 20,
    seed: Annotated[int, typer.Option(help="The same number gives each order the same luck.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for other programs.")] = False,
) -> None:
    """Drive a station's pumps, as its own system would: give fuel for orders, and report it, until Ctrl-C.

    What was given is written down before it is reported, so a restart reports what was not heard.

    Example: `./forecourt simulate station 0197c3a2-... --speed 60 --offline 0.1`
    """
    habits = Habits(
        speed=speed, seed=seed, under=under, over=over, silent=silent, duplicate=duplicate, offline=offline,
        offline_seconds=offline_seconds,
    )  # fmt: skip
    show = show_json if as_json else show_line
    asyncio.run(run_station(Config.from_environment(), station_id, operator, habits, show))


@app.command()
def traffic(
    operator: Annotated[str, typer.Option(help="At whose stations.")] = OPERATOR,
    stations: Annotated[int, typer.Option(min=1, max=25, help="How many; each next one is a little dearer.")] = 5,
    drivers: Annotated[int, typer.Option(min=1, max=200, help="How many people, new ones each time.")] = 24,
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders they pay together.")] = 200,
    seed: Annotated[int, typer.Option(help="The same number draws the same choices.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Let drivers fuel and pay at some stations, so that there is something to report.

    Each chooses a station by its price, fills the tank, and pays by fuel card, WeChat Pay or Alipay.

    Example: `./forecourt simulate traffic --orders 500`
    """
    found = run_traffic(
        Config.from_environment(), operator, stations=stations, drivers=drivers, orders=orders, seed=seed
    )
    if as_json:
        _show_json({"orders": found.orders, "gave_up": found.gave_up})
        return
    table = Table("station", "orders", box=None)
    for station_id in found.station_ids:
        table.add_row(station_id, f"{found.orders[station_id]:,}")
    out.print(table)
    for why, count in found.gave_up.items():
        out.print(f"{count:,} did not come to an end: {why}")


def run_traffic(config: Config, operator: str, *, stations: int, drivers: int, orders: int, seed: int) -> Traffic:
    """The traffic, with a bar while it goes on."""
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=out, transient=True) as bar:
        task = bar.add_task("drivers fuel", total=orders)
        return asyncio.run(drive(
            config, operator, stations=stations, drivers=drivers, orders=orders, seed=seed,
            advance=lambda: bar.advance(task),
        ))  # fmt: skip


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what goes wrong at the providers, and what they really charged and gave back.

    Example: `./forecourt simulate status`
    """
    found = asyncio.run(_status(Config.from_environment()))
    if as_json:
        _show_json(found)
        return
    table = Table("provider", "trades", "charged", "given back", "notifications waiting", "faults", box=None)
    for name, one in found.items():
        numbers = [f"{one['trades']:,}", f"{one['charged_minor'] / 100:,.2f}", f"{one['refunded_minor'] / 100:,.2f}"]
        table.add_row(name, *numbers, f"{one['notifications_waiting']:,}", _faults(one))
    out.print(table)


async def _pay(config: Config, what: str, decline: bool, late: bool) -> dict[str, Any]:
    async with providers(config) as known:
        refusals: list[str] = []
        for name, trade in await asyncio.to_thread(trade_named, config, what):
            try:
                return await known.pay(name, trade, decline=decline, late=late)
            except StackError as error:
                refusals.append(f"{name}: {error}")
        raise StackError("; ".join(refusals))


async def _set(
    config: Config, name: Provider, fault: list[str], given: dict[str, Any], seed: int, speed: float | None, heal: bool
) -> dict[str, Any]:
    try:
        faults = faults_of(fault, {"seed": seed, **given})
    except ValueError as error:
        raise StackError(str(error)) from error
    async with providers(config) as known:
        if heal or fault or given:
            await known.set_faults(name, faults)
        if speed is not None:
            await known.set_pace(name, speed)
        return await _state(known, name)


async def _status(config: Config) -> dict[str, Any]:
    async with providers(config) as known:
        return {name.value: await _state(known, name) for name in Provider}


async def _state(known: Providers, name: Provider) -> dict[str, Any]:
    return await known.faults(name) | await known.sums(name)


def _print_provider(name: Provider, document: dict[str, Any]) -> None:
    out.print(f"{name}: {_faults(document)}")


def _faults(document: dict[str, Any]) -> str:
    struck = document["struck"]
    named = [
        f"{name}={value}" + (f" (struck {struck[name]:,} times)" if name in struck else "")
        for name, value in document["faults"].items()
    ]
    return ", ".join(named) or "nothing goes wrong"


def _show_json(document: Any) -> None:
    out.print_json(json.dumps(document))
