"""A worker that folds views and answers no questions: `python -m analytics.worker` with `ANALYTICS_*` set.

Workers share the partitions; one that dies is noticed within seconds, and its share moves on. It has a port for
/healthz, /readyz and /metrics alone: `ANALYTICS_PORT`, another one for each worker of a machine.
"""

from fastapi import FastAPI

from analytics.consumer import ViewReader
from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from servicekit import serve
from servicekit.app import Kit, build_app
from servicekit.mongo import MongoStore


def create_app(settings: Settings | None = None) -> FastAPI:
    """The worker; settings come from the environment unless a test gives them."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills it

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: MongoStore.connect(chosen))
        analytics = Analytics(chosen, store)
        kit.ready_when("mongo", store.check)
        await analytics.views.prepare()
        kit.run_consumer(ViewReader(analytics))

    return build_app(chosen, title="Views", description="Folds events into views.", start=start, openapi_url=None)


if __name__ == "__main__":
    serve.main("analytics.worker:create_app")
