"""POST /v1/oauth/token: who gets a token, what it says, and how everybody else is refused."""

import base64
import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc9207.discovery import AuthorizationServerMetadata as IssuerMetadata

from identity.domain.clients import MAX_STATIONS
from identity.use_cases import clients
from servicekit.auth import InvalidToken
from servicekit.ids import new_id

from .conftest import SPEC, Identity

FORM = {"grant_type": "client_credentials"}


def part(token: str, index: int) -> dict[str, Any]:
    """The header (0) or the claims (1) of a token."""
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def assert_refused(response: httpx.Response, status: int, error: str) -> str:
    """It is OAuth's error and nothing else; returns its description."""
    assert (response.status_code, response.json()["error"]) == (status, error), response.text
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) == {"error", "error_description"}
    return response.json()["error_description"]


async def test_client_gets_a_token_that_services_accept(identity: Identity) -> None:
    created = await identity.new_client()
    response = await identity.token_response(created)
    body = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert body | {"access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "expires_in": 600, "scope": "prices:write pumps:write"
    }  # fmt: skip
    principal = await identity.verifier().verify(body["access_token"])
    assert principal.subject == str(created.client.id)
    assert principal.scopes == set(SPEC.scopes)
    assert principal.operators == {"Aral"}


async def test_token_is_what_rfc_9068_says(identity: Identity) -> None:
    created = await identity.new_client()
    token = await identity.token(created)
    header, claims = part(token, 0), part(token, 1)
    active = await identity.sql("SELECT kid::text FROM signing_keys WHERE activated_at IS NOT NULL")
    assert header == {"typ": "at+jwt", "alg": "ES256", "kid": active}
    assert claims["iss"] == identity.settings.issuer
    assert claims["aud"] == "forecourt"
    assert claims["sub"] == claims["client_id"] == str(created.client.id)
    assert claims["exp"] - claims["iat"] == 600
    assert claims["jti"] != part(await identity.token(created), 1)["jti"]


async def test_token_with_the_most_stations_passes_servers_and_verifiers(identity: Identity) -> None:
    stations = tuple(new_id() for _ in range(MAX_STATIONS))
    token = await identity.token(await identity.new_client(replace(SPEC, stations=stations)))
    assert (await identity.verifier().verify(token)).stations == {str(station) for station in stations}
    response = await identity.client.get("/healthz", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200


async def test_secret_in_the_form_and_a_narrower_scope(identity: Identity) -> None:
    created = await identity.new_client()
    form = FORM | {"client_id": str(created.client.id), "client_secret": created.secret, "scope": "pumps:write"}
    response = await identity.client.post("/v1/oauth/token", data=form | {"unknown": "ignored", "resource": ""})
    assert response.json()["scope"] == "pumps:write"
    assert part(response.json()["access_token"], 1)["scope"] == "pumps:write"


async def test_scope_of_another_client_is_refused(identity: Identity) -> None:
    response = await identity.token_response(await identity.new_client(), scope="prices:write orders:write")
    assert_refused(response, 400, "invalid_scope")


async def test_unknown_client_wrong_secret_and_revoked_client_look_the_same(identity: Identity) -> None:
    created, revoked = await identity.new_client(), await _revoked_client(identity)
    pairs = [
        (str(created.client.id), "wrong"), (str(new_id()), created.secret), ("no-uuid", created.secret),
        (str(revoked.client.id), revoked.secret), (str(created.client.id), ""),
    ]  # fmt: skip
    answers = [await identity.client.post("/v1/oauth/token", data=FORM, auth=pair) for pair in pairs]
    assert len({assert_refused(answer, 401, "invalid_client") for answer in answers}) == 1
    assert {answer.headers["www-authenticate"].split()[0] for answer in answers} == {"Basic"}


async def _revoked_client(identity: Identity) -> clients.NewSecret:
    created = await identity.new_client(replace(SPEC, name="revoked"))
    await clients.revoke_client(identity.process, created.client.id)
    return created


@pytest.mark.parametrize("grant", ["password", "implicit", "token", "CLIENT_CREDENTIALS", "urn:forecourt:grant:fax"])
async def test_security_14_other_grants_are_refused(identity: Identity, grant: str) -> None:
    response = await identity.token_response(await identity.new_client(), grant_type=grant, username="u", password="p")
    assert_refused(response, 400, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("content", "headers", "error"),
    [
        (b"", {}, "invalid_request"),
        (b"grant_type=client_credentials&grant_type=client_credentials", {}, "invalid_request"),
        (b"grant_type=%ff", {}, "invalid_request"),
        (b"&".join(b"f%d=1" % number for number in range(30)), {}, "invalid_request"),
        (b'{"grant_type":"client_credentials"}', {"Content-Type": "application/json"}, "invalid_request"),
        (b"grant_type=client_credentials&client_secret=s", {"Authorization": "Basic YTpi"}, "invalid_request"),
        (b"grant_type=client_credentials&client_id=c", {"Authorization": "Basic YTpi"}, "invalid_request"),
        (b"grant_type=client_credentials", {}, "invalid_client"),
        (b"grant_type=client_credentials&client_id=c", {}, "invalid_client"),
        (b"grant_type=client_credentials", {"Authorization": "Bearer token"}, "invalid_client"),
        (b"grant_type=client_credentials", {"Authorization": "Basic %%%"}, "invalid_client"),
        (b"grant_type=client_credentials", {"Authorization": "Basic YQ=="}, "invalid_client"),
        (b"grant_type=client_credentials", {"Authorization": "Basic /w=="}, "invalid_client"),
    ],
)
async def test_malformed_requests_are_refused(
    identity: Identity, content: bytes, headers: dict[str, str], error: str
) -> None:
    standard = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await identity.client.post("/v1/oauth/token", content=content, headers=standard | headers)
    assert_refused(response, 401 if error == "invalid_client" else 400, error)


async def test_large_body_is_refused(identity: Identity) -> None:
    response = await identity.client.post("/v1/oauth/token", data=FORM | {"scope": "s" * 20_000})
    assert response.status_code == 413


async def test_wrong_secrets_are_limited_while_the_right_one_works(identity: Identity) -> None:
    created = await identity.new_client()
    for client_id in (str(created.client.id), str(new_id())):
        answers = [
            await identity.client.post("/v1/oauth/token", data=FORM, auth=(client_id, "wrong")) for _ in range(12)
        ]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert (await identity.token_response(created)).status_code == 200


async def test_two_secrets_work_while_one_is_rotated(identity: Identity) -> None:
    first = await identity.new_client()
    second = await clients.rotate_secret(identity.process, first.client.id, timedelta(hours=1))
    assert [(await identity.token_response(s)).status_code for s in (first, second)] == [200, 200]
    third = await clients.rotate_secret(identity.process, first.client.id, timedelta(hours=1))
    assert [(await identity.token_response(s)).status_code for s in (first, second, third)] == [401, 200, 200]
    fourth = await clients.rotate_secret(identity.process, first.client.id, timedelta())
    assert [(await identity.token_response(s)).status_code for s in (third, fourth)] == [401, 200]


async def test_no_secret_is_stored(identity: Identity) -> None:
    created = await identity.new_client()
    stored = await identity.sql("SELECT string_agg(c::text, '') FROM clients c")
    assert created.secret not in stored
    assert created.secret.encode().hex() not in stored


async def test_token_of_another_issuer_audience_or_time_is_refused(identity: Identity) -> None:
    token = await identity.token(await identity.new_client())
    for changed in ({"audience": "elsewhere"}, {"issuer": "http://127.0.0.1:1"}):
        verifier = type(identity.verifier())(identity.settings.model_copy(update=changed))
        with pytest.raises(InvalidToken, match="another"):
            await verifier.verify(token)
    with pytest.raises(InvalidToken, match="expired"):
        await identity.verifier().verify(token, at=time.time() + 901)


async def test_metadata_names_what_there_is(identity: Identity) -> None:
    response = await identity.client.get("/.well-known/oauth-authorization-server")
    metadata, issuer = response.json(), identity.settings.issuer
    assert metadata["issuer"] == issuer
    assert {"client_credentials", "authorization_code", "refresh_token"} <= set(metadata["grant_types_supported"])
    assert not {"password", "implicit"} & set(metadata["grant_types_supported"])
    assert (await identity.client.get(metadata["jwks_uri"].removeprefix(issuer))).status_code == 200
    token_path = metadata["token_endpoint"].removeprefix(issuer)
    assert_refused(await identity.client.post(token_path, data=FORM), 401, "invalid_client")


async def test_metadata_is_what_the_rfcs_say(identity: Identity) -> None:
    """As Authlib reads RFC 8414 and RFC 9207; it insists on TLS, which ends at the gateway."""
    text = (await identity.client.get("/.well-known/oauth-authorization-server")).text
    metadata: Any = AuthorizationServerMetadata(json.loads(text.replace("http:", "https:")))
    metadata.validate(metadata_classes=[IssuerMetadata])
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True


async def test_openapi_documents_the_form(identity: Identity) -> None:
    operation = (await identity.client.get("/openapi.json")).json()["paths"]["/v1/oauth/token"]["post"]
    form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert form["required"] == ["grant_type"]
    assert set(operation["responses"]) >= {"200", "400", "401", "413", "429", "503"}
