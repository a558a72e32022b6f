"""Client libraries that are not ours sign people in, each in a thread: requests-oauthlib's and Authlib's."""

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.integrations.requests_client import OAuthError
from oauthlib.oauth2 import InvalidGrantError
from requests_oauthlib import OAuth2Session

from forecourt.sms import code_from
from servicekit.testkit import canary_phone

from .conftest import Identity
from .oauth_kit import APP, AUTHORIZE, REVOKE, TOKEN, Forms

CALLBACK = "http://127.0.0.1:49152/signed-in"


def _press(page: requests.Response, action: str, **fields: str) -> requests.Response:
    """A person's browser, which is no more than an HTTP client."""
    forms = Forms(page.text)
    assert action in forms.actions
    url = urlsplit(page.url)._replace(path=forms.target, query="").geturl()
    return requests.post(url, forms.hidden | fields | {"action": action}, allow_redirects=False, timeout=10)


def _sign_in_by_requests(issuer: str, phones: str, phone: str) -> None:
    """Discovery, authorization code with PKCE, a refresh, a call of the API, a revocation: all of a client's life."""
    metadata = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()
    session = OAuth2Session(APP, redirect_uri=CALLBACK, scope=["account", "driver"], pkce="S256")
    url, state = session.authorization_url(metadata["authorization_endpoint"])
    asked_at = datetime.now(UTC)
    page = _press(requests.get(url, timeout=10), "phone", phone=phone)
    code = asyncio.run(code_from(phones, phone, asked_at))
    back = _press(page, "code", code=code).headers["Location"]
    assert parse_qs(urlsplit(back).query)["state"] == [state]
    assert parse_qs(urlsplit(back).query)["iss"] == [metadata["issuer"]]
    session.fetch_token(metadata["token_endpoint"], authorization_response=back, include_client_id=True)
    assert session.get(f"{issuer}/v1/me", timeout=10).status_code == 200
    first = dict(session.token)
    session.refresh_token(metadata["token_endpoint"], client_id=APP)
    assert session.token["refresh_token"] != first["refresh_token"]
    assert session.token["scope"] == ["account", "driver"]
    handed_back = {"token": session.token["refresh_token"], "client_id": APP}
    assert requests.post(metadata["revocation_endpoint"], handed_back, timeout=10).status_code == 200
    with pytest.raises(InvalidGrantError):
        session.refresh_token(metadata["token_endpoint"], client_id=APP)
    session.close()


async def test_requests_oauthlib_signs_a_driver_in(
    identity: Identity, simulators: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the test's server is on loopback, without TLS
    await asyncio.to_thread(_sign_in_by_requests, identity.settings.issuer, str(simulators.base_url), canary_phone())


def _sign_in_by_authlib(issuer: str, phones: str, phone: str) -> None:
    verifier, asked_at = "v" * 43, datetime.now(UTC)
    session: Any = AuthlibSession(
        APP, redirect_uri=CALLBACK, scope="account", code_challenge_method="S256", token_endpoint_auth_method="none"
    )
    with closing(session) as app:
        url, state = app.create_authorization_url(f"{issuer}{AUTHORIZE}", code_verifier=verifier)
        page = _press(requests.get(url, timeout=10), "phone", phone=phone)
        back = _press(page, "code", code=asyncio.run(code_from(phones, phone, asked_at)))
        token = app.fetch_token(
            f"{issuer}{TOKEN}", authorization_response=back.headers["Location"], state=state, code_verifier=verifier
        )
        refreshed = app.refresh_token(f"{issuer}{TOKEN}")
        assert refreshed["refresh_token"] != token["refresh_token"]
        assert app.get(f"{issuer}/v1/me").status_code == 200
        app.revoke_token(f"{issuer}{REVOKE}", refreshed["refresh_token"], "refresh_token")
        with pytest.raises(OAuthError, match="invalid_grant"):
            app.refresh_token(f"{issuer}{TOKEN}", refreshed["refresh_token"])


async def test_authlib_signs_a_driver_in(identity: Identity, simulators: httpx.AsyncClient) -> None:
    await asyncio.to_thread(_sign_in_by_authlib, identity.settings.issuer, str(simulators.base_url), canary_phone())


def _machine_token(issuer: str, client_id: str, secret: str) -> str:
    session: Any = AuthlibSession(client_id, secret)
    with closing(session) as machine:
        return machine.fetch_token(f"{issuer}{TOKEN}", grant_type="client_credentials")["access_token"]


async def test_authlib_gets_a_machine_its_token(identity: Identity) -> None:
    created = await identity.new_client()
    token = await asyncio.to_thread(
        _machine_token, identity.settings.issuer, str(created.client.id), created.secret
    )  # fmt: skip
    assert (await identity.verifier().verify(token)).operators == {"Aral"}
