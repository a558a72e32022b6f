"""Which tokens count: at the gateway, and at every service's own port, for a service trusts no gateway."""

import aiohttp
import pytest

from local_stack.config import Config
from local_stack.services import SERVICE_BY_NAME
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .forging import CLAIMS, SIGNATURES, Claims, Forger, forger
from .people import People, Session, claims_of

PLACES = {
    "gateway": "/v1/me/favourites", "identity": "/v1/me/vehicles", "pricing": "/v1/me/price-alerts",
    "payments": "/v1/fuel-cards", "loyalty": "/v1/me/coupons", "stations": "/v1/me/favourites",
    "analytics": "/v1/me/habits",
}  # fmt: skip
"""A driver's own list at each port; `test_every_port_is_tried` sees to it that none is left out."""
FOR_STAFF = {
    "gateway": "/v1/price-changes", "identity": "/v1/me", "pricing": "/v1/price-changes",
    "loyalty": "/v1/campaign-plans", "stations": f"/v1/stations/{new_id()}/closures",
}  # fmt: skip
"""What a manager may ask; the stations service has nothing to read for managers, and no such station."""


@pytest.fixture(scope="module")
async def driver(people: People) -> Session:
    return await people.driver("driver")


@pytest.fixture(scope="module")
async def key_holder(platform: Config) -> Forger:
    return await forger(platform)


@pytest.fixture(scope="module")
def claims(driver: Session) -> Claims:
    return claims_of(driver.access_token)


async def status_of(platform: Config, service: str, path: str, token: str) -> tuple[int, str]:
    """(status, the problem's type) of a request at a service's own port."""
    method, url = "POST" if path.endswith("closures") else "GET", SERVICE_BY_NAME[service].url(platform) + path
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, json={} if method == "POST" else None) as reply,
    ):
        return reply.status, (await reply.json(content_type=None)).get("type", "")


def test_every_port_is_tried():
    assert PLACES.keys() == SERVICE_BY_NAME.keys() - {"simulators"}


@pytest.mark.parametrize("service", PLACES)
async def test_the_forger_could_make_a_good_one(platform: Config, key_holder: Forger, claims: Claims, service: str):
    """So that each token below is refused for the one thing that is wrong with it."""
    assert await status_of(platform, service, PLACES[service], key_holder.token(claims)) == (200, "")


@pytest.mark.parametrize("kind", SIGNATURES)
@pytest.mark.parametrize("service", PLACES)
async def test_security_17_only_an_es256_signature_by_a_published_key_counts(
    platform: Config, key_holder: Forger, claims: Claims, service: str, kind: str
):
    token = SIGNATURES[kind](key_holder, claims)
    answer = await status_of(platform, service, PLACES[service], token)
    assert answer == (401, "urn:forecourt:problem:unauthorised")


@pytest.mark.parametrize("kind", CLAIMS)
@pytest.mark.parametrize("service", PLACES)
async def test_security_18_a_token_for_another_use_fails_at_every_service(
    platform: Config, key_holder: Forger, claims: Claims, service: str, kind: str
):
    token = CLAIMS[kind](key_holder, claims)
    answer = await status_of(platform, service, PLACES[service], token)
    assert answer == (401, "urn:forecourt:problem:unauthorised")


async def test_a_refresh_token_is_no_access_token(platform: Config, driver: Session):
    for service, path in PLACES.items():
        assert (await status_of(platform, service, path, driver.refresh_token or ""))[0] == 401


async def test_signing_out_ends_an_access_token_everywhere(
    platform: Config, http: aiohttp.ClientSession, people: People
):
    """The token is good for minutes more; what ends it is the event."""
    driver = await people.driver("leaving")
    for service, path in PLACES.items():
        assert (await status_of(platform, service, path, driver.access_token))[0] == 200
    session_id, headers = claims_of(driver.access_token)["sid"], {"Authorization": driver.authorization}
    async with http.delete(f"/v1/me/sessions/{session_id}", headers=headers) as reply:
        assert reply.status == 204
    await refused_everywhere(platform, PLACES, driver)


async def test_a_role_that_was_taken_away_ends_an_access_token_everywhere(platform: Config, people: People):
    signs_in = await people.hire("dismissed", ["manager"], ["dismissing"])
    manager = await people.sign_in("dismissed", signs_in)
    for service, path in FOR_STAFF.items():
        assert (await status_of(platform, service, path, manager.access_token))[0] in {200, 404}
    await people.dismiss(signs_in)
    await refused_everywhere(platform, FOR_STAFF, manager)


async def refused_everywhere(platform: Config, places: dict[str, str], session: Session) -> None:
    """Waits until every port answers 401; it takes the time that an event takes."""
    for service, path in places.items():

        async def refuses(service: str = service, path: str = path) -> bool:
            return (await status_of(platform, service, path, session.access_token))[0] == 401

        await eventually(refuses)
