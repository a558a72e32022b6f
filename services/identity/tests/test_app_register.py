"""Apps that people sign in with: which may be registered, and that a revoked one takes its sessions along."""

from dataclasses import replace

import pytest

from identity.domain.app_register import AppError, require_valid
from identity.domain.apps import App
from identity.use_cases import apps
from servicekit.testkit import eventually

from .conftest import Identity
from .staff_kit import CONSOLE, new_staff, refresh, role

APP = App("fleet-board", "canary-fleet", ("account", "stations:write"), ("https://fleet.example/in",), False)


@pytest.mark.parametrize(
    "uri",
    ["https://fleet.example/in?x=1", "http://127.0.0.1/in", "http://[::1]:8000/in", "com.example.fleet:/in",
     "com.example.fleet://signed-in"],
)  # fmt: skip
def test_safe_redirect_uris_are_taken(uri: str) -> None:
    require_valid(replace(APP, redirect_uris=(uri,)))


@pytest.mark.parametrize(
    "change",
    [
        *({"redirect_uris": (uri,)} for uri in (
            "http://fleet.example/in", "http://localhost/in", "https://fleet.example/in#part", "https://*.example/in",
            "https://me@fleet.example/in", "javascript:alert(1)", "data:text/html,x", "fleet:/in", "https:///in", "",
            "https://fleet.example/a b", "https://fleet.example:port/", "http://[::1/in", "https://\ufb02eet.example/",
            "https://fleet.example/" + "x" * 500,
        )),
        {"redirect_uris": ()},
        {"redirect_uris": tuple(f"https://fleet.example/{number}" for number in range(11))},
        {"client_id": "Fleet"}, {"client_id": "ab"}, {"name": " "}, {"name": "two\nlines"}, {"name": "n" * 61},
        {"scopes": ()}, {"scopes": ("prices:write",)}, {"scopes": ("personal-data:read",)},
        {"scopes": ("account:secure",)},
    ],
)  # fmt: skip
def test_unsafe_apps_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(AppError):
        require_valid(replace(APP, **change))


async def test_an_app_is_registered_once_even_after_it_was_revoked(identity: Identity) -> None:
    await identity.sql("DELETE FROM apps WHERE client_id = $1", APP.client_id)
    assert (await apps.register_app(identity.process, APP)).app == APP
    assert APP in [one.app for one in await apps.list_apps(identity.process, 100)]
    revoked, ended = await apps.revoke_app(identity.process, APP.client_id)
    assert (revoked.revoked_at is not None, ended) == (True, 0)
    assert (await apps.revoke_app(identity.process, APP.client_id))[0].revoked_at == revoked.revoked_at
    with pytest.raises(AppError, match="there is, or was"):
        await apps.register_app(identity.process, APP)
    with pytest.raises(AppError, match="no app"):
        await apps.revoke_app(identity.process, "unknown")
    actions = await identity.sql(
        "SELECT array_agg(action ORDER BY sequence) FROM audit_log WHERE subject = $1", APP.client_id
    )
    assert actions == ["app-registered", "app-revoked"]


async def test_whoever_signed_in_with_a_revoked_app_is_signed_out(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps, "ENDED_AT_ONCE", 1)
    owners = [await new_staff(identity, role("owner", "aral")) for _ in range(2)]
    try:
        assert (await apps.revoke_app(identity.process, CONSOLE))[1] == 2

        async def refused() -> bool:
            answers = [await identity.client.get("/v1/staff", headers=owner.headers) for owner in owners]
            return [answer.status_code for answer in answers] == [401, 401]

        await eventually(refused)
        assert (await refresh(identity, owners[0].refresh_token)).json()["error"] == "invalid_client"
    finally:
        await identity.sql("UPDATE apps SET revoked_at = NULL WHERE client_id = $1", CONSOLE)
