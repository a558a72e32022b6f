"""The only wiring of the analytics service."""

from functools import partial
from types import ModuleType

from fastapi import FastAPI

from analytics.api import campaigns, files, habits, overview, reports, schedules
from analytics.consumer import ViewReader
from analytics.repository.pseudonym_key import require_same_key
from analytics.settings import Settings
from analytics.use_cases import schedule_work
from analytics.use_cases.context import Analytics
from analytics.use_cases.copies import Copies
from analytics.use_cases.forgetting import OLD_MONTHS_SECONDS, SWEEP_SECONDS, remove_old_months, sweep
from analytics.use_cases.pace import IN_PASSING, Pace
from analytics.use_cases.people import PeopleData
from analytics.use_cases.publishing import PAUSE_SECONDS, Publisher
from analytics.use_cases.schedule_people import take_roles
from analytics.use_cases.schedule_work import send_due
from schemas.events import StaffRoleChangedV1
from servicekit import personal_data
from servicekit.app import Kit, build_app
from servicekit.consumer import Consumer
from servicekit.mongo import MongoStore
from servicekit.outbox import Relay
from servicekit.personal_data import PeopleDesk
from servicekit.repeating import repeat

AREAS: tuple[ModuleType, ...] = (personal_data, reports, overview, campaigns, files, habits, schedules)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; settings come from the environment unless a test gives them."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: MongoStore.connect(chosen))
        kit.app.state.analytics = analytics = Analytics(chosen, store)
        kit.ready_when("mongo", store.check)
        await require_same_key(store, chosen.pseudonym_key.get_secret_value())
        await analytics.views.prepare()
        kit.run_relay(Relay(chosen, store))
        publisher = Publisher(analytics)
        kit.app.state.people_desk = people = PeopleDesk(chosen.service, PeopleData(analytics), analytics.erasures)
        wanted = {StaffRoleChangedV1: partial(take_roles, analytics), **people.subscriptions}
        kit.run_consumer(Consumer(chosen, store, wanted, kit.app.state.verifier))
        if chosen.views:
            kit.run_consumer(ViewReader(analytics))
        kit.background("publisher", lambda: repeat(publisher.publish, PAUSE_SECONDS))
        kit.background("schedules", lambda: repeat(lambda: send_due(analytics), schedule_work.PAUSE_SECONDS))
        kit.background("sweeping", lambda: repeat(lambda: sweep(analytics), SWEEP_SECONDS))
        kit.background("old months", lambda: repeat(lambda: remove_old_months(analytics), OLD_MONTHS_SECONDS))
        if chosen.copies:
            kit.background("copies", Copies(analytics, Pace(IN_PASSING)).run)
        kit.watch_revocations()

    return build_app(
        chosen, title="Analytics", description="Views of what happens at stations, and reports of them.",
        start=start, routers=[area.router for area in AREAS],
    )  # fmt: skip
