"""A worker that folds views and answers no questions: `python -m analytics.worker` with `ANALYTICS_*` set.

Workers share the partitions; one that dies is noticed within seconds, and its share moves on. It has a port for
/healthz, /readyz and /metrics alone: `ANALYTICS_PORT`, another one for each worker of a machine.

With `ANALYTICS_VIEWS=false ANALYTICS_COPIES=true` it makes analysts' copies instead, as fast as it can; processes that
answer questions then have `ANALYTICS_COPIES=false`.
"""

from fastapi import FastAPI

from analytics.consumer import ViewReader
from analytics.repository.pseudonym_key import require_same_key
from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from analytics.use_cases.copies import Copies
from analytics.use_cases.pace import ALL_OF_IT, IN_PASSING, Pace
from servicekit import serve
from servicekit.app import Kit, build_app
from servicekit.mongo import MongoStore


class WorkerSettings(Settings):
    """A worker's: it folds views, and makes copies where it is told to."""

    copies: bool = False


def create_app(settings: Settings | None = None) -> FastAPI:
    """The worker; settings come from the environment unless a test gives them."""
    chosen = settings or WorkerSettings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: MongoStore.connect(chosen))
        analytics = Analytics(chosen, store)
        kit.ready_when("mongo", store.check)
        await require_same_key(store, chosen.pseudonym_key.get_secret_value())
        await analytics.views.prepare()
        if chosen.views:
            kit.run_consumer(ViewReader(analytics))
        if chosen.copies:
            kit.background("copies", Copies(analytics, Pace(IN_PASSING if chosen.views else ALL_OF_IT)).run)

    return build_app(chosen, title="Views", description="Folds events into views.", start=start, openapi_url=None)


if __name__ == "__main__":
    serve.main("analytics.worker:create_app")
