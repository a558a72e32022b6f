"""What tests of the whole platform share: a client of the gateway, and people who sign in."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.routes import ROUTES
from local_stack.config import Config
from servicekit.testkit import eventually

from .operations import Api
from .people import People
from .world import World, make_world


@pytest.fixture(scope="module")
async def http(platform: Config) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the gateway."""
    async with aiohttp.ClientSession(platform.gateway_url) as session:
        yield session


@pytest.fixture(scope="module")
def people(platform: Config, http: aiohttp.ClientSession) -> People:
    """Whoever a test needs."""
    return People(platform, http)


@pytest.fixture(scope="package")
async def api(platform: Config) -> AsyncIterator[Api]:
    """Every operation of the platform, once the gateway has heard of each service."""
    upstreams = {(route.method.lower(), route.path): route.upstream for route in ROUTES}
    async with aiohttp.ClientSession(platform.gateway_url) as session:

        async def all_operations() -> Api | None:
            async with session.get("/openapi.json") as reply:
                api = Api(session, await reply.json())
            return api if {upstreams[key] for key in api.operations} == set(upstreams.values()) else None

        api = await eventually(all_operations)
        assert api is not None
        yield api


@pytest.fixture(scope="package")
async def world(platform: Config, api: Api) -> World:
    """Two of everything; test_authorisation.py uses it up."""
    return await make_world(People(platform, api.http), api)
