"""Rules of machine clients and their tokens."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.domain.clients import (
    MAX_STATIONS,
    SCOPES,
    Client,
    ClientError,
    ClientSpec,
    digest_of,
    new_secret,
    secret_is_one_of,
)
from identity.domain.oauth import OAuthError, TokenFrame, client_claims, granted_scopes
from identity.tokens import key_maker, private_key, sign
from servicekit.auth import MAX_TOKEN_CHARACTERS
from servicekit.ids import new_id
from servicekit.keyring import KeyRing, Keys, key_id

SPEC = ClientSpec("pos", ("prices:write", "pumps:write"), operators=("Aral",))
CLIENT = Client(new_id(), SPEC, datetime(2026, 1, 1, tzinfo=UTC))
KEY = bytes(32)


class OneKey:
    """A key source for a test."""

    def load(self, *, anew: bool = False) -> Keys:
        return Keys(key_id(KEY), {key_id(KEY): KEY})


RING = KeyRing(OneKey())
STATIONS = tuple(UUID(int=number) for number in range(MAX_STATIONS))


def test_client_gets_all_its_scopes_or_those_it_asks_for() -> None:
    assert granted_scopes(CLIENT, None) == ["prices:write", "pumps:write"]
    assert granted_scopes(CLIENT, "pumps:write") == ["pumps:write"]


@pytest.mark.parametrize("asked", ["orders:write", "prices:write orders:write", "prices:write  pumps:write", "*"])
def test_scope_beyond_the_clients_is_refused(asked: str) -> None:
    with pytest.raises(OAuthError, match="may ask for"):
        granted_scopes(CLIENT, asked)


@given(asked=st.lists(st.sampled_from([*SCOPES, "admin"]), min_size=1))
def test_granted_scopes_never_exceed_the_clients(asked: list[str]) -> None:
    if set(asked) <= set(SPEC.scopes):
        assert granted_scopes(CLIENT, " ".join(asked)) == sorted(set(asked))
    else:
        with pytest.raises(OAuthError, match="may ask for"):
            granted_scopes(CLIENT, " ".join(asked))


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"name": "n" * 101},
        {"scopes": ()},
        {"scopes": ("admin",)},
        {"scopes": ("driver",)},
        {"scopes": ("price-changes:approve",)},
        {"operators": ()},
        {"operators": ("",)},
        {"operators": ("o" * 65,)},
        {"stations": (*STATIONS, UUID(int=MAX_STATIONS))},
        {"operators": tuple(f"{number:03}" + "油" * 61 for number in range(80))},
    ],
)
def test_invalid_client_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ClientError):
        replace(SPEC, **change)


def test_a_client_without_stations_may_only_hold_scopes_that_are_not_about_any() -> None:
    replace(SPEC, scopes=("price-rules:write",), operators=(), stations=())
    with pytest.raises(ClientError, match="bind the client"):
        replace(SPEC, scopes=("price-rules:write", "prices:write"), operators=(), stations=())


def test_largest_bindings_fit_into_a_token_that_verifiers_read() -> None:
    names = tuple(f"{number:03}" + "o" * 61 for number in range(44))
    client = replace(CLIENT, spec=replace(SPEC, scopes=SCOPES, operators=names, stations=STATIONS))
    with pytest.raises(ClientError, match="do not fit"):
        replace(client.spec, operators=(*names, "one more"))
    claims = client_claims(client, SCOPES, TokenFrame("https://" + "i" * 200, "forecourt", 1, 900, new_id()))
    key = key_maker(RING)(datetime(2026, 1, 1, tzinfo=UTC))
    token = sign(claims, str(key.kid), private_key(key, RING))
    assert len(token) <= MAX_TOKEN_CHARACTERS
    assert len(json.dumps(claims, separators=(",", ":"))) > 10_900


def test_secret_has_256_bits_and_matches_only_its_digest() -> None:
    secret, other = new_secret(), new_secret()
    assert len(secret) == 43  # 32 bytes as base64url
    assert secret_is_one_of(secret, [digest_of(secret)])
    assert secret_is_one_of(secret, [digest_of(other), digest_of(secret)])
    assert not secret_is_one_of(secret, [digest_of(other)])
    assert not secret_is_one_of(secret, [])
