"""The only wiring of the stations service."""

import os
from functools import partial

from fastapi import FastAPI

from servicekit import personal_data
from servicekit.app import CONSUMER_STUCK_SECONDS, Kit, build_app
from servicekit.consumer import Consumer
from servicekit.data_keys import MongoDataKeys
from servicekit.erasures import MongoErasures
from servicekit.keyring import FileKeys, KeyRing
from servicekit.live import LiveReader
from servicekit.mongo import MongoStore
from servicekit.outbox import Relay
from servicekit.personal_data import PeopleDesk
from servicekit.quick import QuickReads
from servicekit.spans import SpanLog
from servicekit.vault import Vault
from stations.api import favourites, navigation, profiles, pumps, reviews, search, stations
from stations.api.answers import quick_answers
from stations.consumer import LIVE_TOPICS, SUBSCRIPTIONS, LiveMemory
from stations.domain.index.index import StationIndex
from stations.domain.index.search import Search
from stations.repository.favourites import FavouriteRepository
from stations.repository.reviews import ReviewRepository
from stations.repository.search import StationSearch
from stations.repository.stations import StationRepository
from stations.settings import Settings
from stations.use_cases.indexing import Indexer
from stations.use_cases.people import DriverData


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; settings come from the environment unless a test gives them."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: MongoStore.connect(chosen))
        kit.app.state.store = store
        kit.app.state.vault = vault = Vault(KeyRing(FileKeys(chosen.keyring_file)), MongoDataKeys(store.database))
        drivers = DriverData(FavouriteRepository(store, vault), ReviewRepository(store, vault), vault)
        kit.app.state.people_desk = people = PeopleDesk(chosen.service, drivers, MongoErasures(store))
        kit.ready_when("mongo", store.check)
        kit.run_relay(Relay(chosen, store))
        handlers = {event: partial(handler, StationRepository(store)) for event, handler in SUBSCRIPTIONS.items()}
        kit.run_consumer(Consumer(chosen, store, {**handlers, **people.subscriptions}, kit.app.state.verifier))
        kit.watch_revocations()
        app.quick = _run_index(kit, chosen, store)

    app = build_app(
        chosen, title="Stations", description="Station profiles, pumps, and searches with current prices.",
        start=start,
        routers=[
            search.router, stations.router, profiles.router, pumps.router, navigation.router,
            reviews.router, favourites.router, personal_data.router,
        ],
    )  # fmt: skip
    return app


def _run_index(kit: Kit, settings: Settings, store: MongoStore) -> QuickReads:
    """Every replica has an index of its own; it answers searches once it is loaded."""
    index = StationIndex()
    indexer = Indexer(StationSearch(store), index)
    kit.app.state.indexer, kit.app.state.search = indexer, Search(index, settings.stale_after)
    kit.ready_when("index", indexer.check)
    reader = LiveReader(settings, LIVE_TOPICS, LiveMemory(settings, indexer))
    kit.background("live", reader.run)
    kit.alive_while("live", reader.seconds_without_progress, CONSUMER_STUCK_SECONDS)
    kit.background("changed-stations", indexer.keep_stations)
    kit.background("tree", indexer.keep_tree)
    spans = SpanLog.make(settings.service, kit.app.state.tracing, settings.traces_file, os.environ)
    kit.background("spans", spans.keep_writing)
    return QuickReads(settings.service, settings.port, spans, quick_answers(kit.app.state.search, indexer))
