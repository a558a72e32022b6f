"""The only wiring of the payments service."""

from types import ModuleType

from fastapi import FastAPI

from payments.api import (
    bills,
    companies,
    exceptions,
    fuel_cards,
    invoice_titles,
    invoices,
    ledger,
    orders,
    pay,
    payers,
    reconciliations,
    records,
    refunds,
    shifts,
    station_orders,
    streams,
    webhooks,
)
from payments.api.refusals import install_refusals
from payments.consumer import SUBSCRIPTIONS
from payments.settings import Settings
from payments.use_cases.context import Payments
from payments.use_cases.deciding import resolve_gone
from payments.use_cases.ledger import keep_balances
from payments.use_cases.live import Live
from payments.use_cases.people import PeopleData
from payments.use_cases.reconciling import keep_reconciled
from payments.use_cases.unbinding import sweep
from payments.use_cases.webhooks import Webhooks
from payments.use_cases.workers import start_workers
from servicekit import personal_data
from servicekit.app import Kit, build_app
from servicekit.consumer import Consumer
from servicekit.outbox import Relay
from servicekit.personal_data import PeopleDesk
from servicekit.postgres import PostgresStore
from servicekit.repeating import repeat

AREAS: tuple[ModuleType, ...] = (
    personal_data, orders, station_orders, streams, shifts, exceptions,
    reconciliations, ledger, records, bills, payers, webhooks, pay, refunds,
    fuel_cards, companies, invoice_titles, invoices,
)  # fmt: skip
SWEEP_SECONDS = 60.0
RECONCILED_SECONDS = 30.0
SETTLED_SECONDS = 5.0
"""So often exceptions are looked through for those that have settled themselves."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; settings come from the environment unless a test gives them."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: PostgresStore.connect(chosen))
        kit.app.state.payments = payments = Payments(chosen, store)
        await kit.open(lambda: payments.http)
        kit.app.state.webhooks = Webhooks(payments)
        if loyalty := payments.loyalty:
            await kit.open(lambda: loyalty)
        kit.ready_when("postgres", store.check)
        kit.run_relay(Relay(chosen, store))
        kit.app.state.people_desk = people = PeopleDesk(chosen.service, PeopleData(payments), payments.erasures)
        kit.run_consumer(Consumer(chosen, store, {**SUBSCRIPTIONS, **people.subscriptions}, kit.app.state.verifier))
        kit.watch_revocations()
        kit.app.state.live = live = Live(store, chosen.streams)
        kit.background("live", live.run)
        kit.when_draining(live.end)
        start_workers(payments, kit.background)
        kit.background("closed_cards", lambda: repeat(lambda: sweep(payments), SWEEP_SECONDS))
        kit.background("exceptions", lambda: repeat(lambda: resolve_gone(payments), SETTLED_SECONDS))
        kit.background("reconciliation", lambda: repeat(lambda: keep_reconciled(payments), RECONCILED_SECONDS))
        kit.background("balances", lambda: repeat(lambda: keep_balances(payments), 1.0))

    app = build_app(
        chosen, title="Payments", description="Refuelling orders, payments, fuel cards, bills and invoices.",
        start=start, routers=[area.router for area in AREAS],
    )  # fmt: skip
    install_refusals(app)
    return app
