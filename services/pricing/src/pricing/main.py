"""The only wiring of the pricing service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from pricing.api import alerts, changes, history, levels, position, prices, reports, rules
from pricing.consumer import SUBSCRIPTIONS
from pricing.domain.changes import Limits
from pricing.repository.reports import note_published
from pricing.settings import Settings
from pricing.use_cases import history as months
from pricing.use_cases import levels as regions
from pricing.use_cases.firing import LOOK_STUCK_SECONDS, Scheduler
from pricing.use_cases.people import PeopleData
from pricing.use_cases.rules import seed_rules
from servicekit import personal_data
from servicekit.app import Kit, build_app
from servicekit.consumer import Consumer
from servicekit.erasures import PostgresErasures
from servicekit.outbox import Relay
from servicekit.personal_data import PeopleDesk
from servicekit.postgres import PostgresStore
from servicekit.repeating import repeat

AREAS = (reports, rules, prices, history, levels, position, changes, alerts)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; settings come from the environment unless a test gives them."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        kit.app.state.store = store = await kit.open(lambda: _seeded_store(chosen))
        kit.ready_when("postgres", store.check)
        kit.run_relay(Relay(chosen, store))
        kit.app.state.erasures = erasures = PostgresErasures(store)
        kit.app.state.people_desk = people = PeopleDesk(chosen.service, PeopleData(store), erasures)
        kit.run_consumer(Consumer(chosen, store, {**SUBSCRIPTIONS, **people.subscriptions}, kit.app.state.verifier))
        kit.watch_revocations()
        keep_months = partial(months.keep_months, store, chosen.history_months)
        kit.background("months of the history", lambda: repeat(keep_months, months.LOOK_SECONDS))
        recompute_levels = partial(regions.recompute_levels, store, chosen.stale_after)
        kit.background("price levels", lambda: repeat(recompute_levels, regions.PAUSE_SECONDS))
        kit.app.state.change_limits = limits = _change_limits(chosen)
        scheduler = Scheduler(store, limits)
        kit.background("price changes", scheduler.run)
        kit.alive_while("price changes", lambda: scheduler.seconds_without_progress, LOOK_STUCK_SECONDS)

    return build_app(
        chosen, title="Pricing", description="Price reports, current prices and their history.",
        start=start, routers=[area.router for area in (*AREAS, personal_data)],
    )  # fmt: skip


@asynccontextmanager
async def _seeded_store(settings: Settings) -> AsyncIterator[PostgresStore]:
    """The store, once it holds the first price rules: nothing is decided without them."""
    async with PostgresStore.connect(settings, note_published) as store:
        await store.transact(seed_rules)
        yield store


def _change_limits(settings: Settings) -> Limits:
    return Limits(
        settings.approval_basis_points, timedelta(seconds=settings.approval_seconds),
        timedelta(seconds=settings.change_grace_seconds),
    )  # fmt: skip
