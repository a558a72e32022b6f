"""Campaigns as staff of the tests' operator plan them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from loyalty.domain.terms import Campaign, Percentage, Scope, Stacking, Status
from loyalty.use_cases.campaigns import note_simulated

from .conftest import OPERATOR, Loyalty

STAFF = "campaigns:write"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def campaign(**fields: Any) -> Campaign:
    """A campaign that takes a tenth off everything, since yesterday."""
    standard: dict[str, Any] = {
        "campaign_id": "01900000-0000-7000-8000-0000000009c1", "version": 1, "status": Status.DRAFT,
        "operator": OPERATOR, "name": "Ten off", "benefit": Percentage(1_000), "scope": Scope(),
        "stacking": Stacking(), "currency": None, "starts_at": NOW - timedelta(days=1), "ends_at": None,
    }  # fmt: skip
    return Campaign(**standard | fields)


def terms(**fields: Any) -> dict[str, Any]:
    """The body of a new campaign, which holds since yesterday."""
    started = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    standard = {
        "operator": OPERATOR, "name": "Ten off", "benefit": {"kind": "percentage", "basis_points": 1_000},
        "starts_at": started,
    }  # fmt: skip
    return standard | fields


async def ask(loyalty: Loyalty, path: str, body: Any = None, method: str = "POST", **claims: Any) -> httpx.Response:
    """What staff get for a request about campaigns."""
    headers = loyalty.staff(STAFF, **claims)
    return await loyalty.client.request(method, f"/v1{path}", json=body, headers=headers)


async def made(loyalty: Loyalty, **fields: Any) -> dict[str, Any]:
    """A new draft."""
    answer = await ask(loyalty, "/campaigns", terms(**fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def simulated(loyalty: Loyalty, **fields: Any) -> dict[str, Any]:
    """A draft that was tried on past orders."""
    draft = await made(loyalty, **fields)
    await loyalty.store.transact(lambda tx: note_simulated(tx, UUID(draft["campaign_id"]), draft["version"]))
    return draft


async def published(loyalty: Loyalty, **fields: Any) -> dict[str, Any]:
    """A campaign that is out."""
    draft = await simulated(loyalty, **fields)
    return await done(loyalty, draft, "publish", version=draft["version"])


async def done(loyalty: Loyalty, one: dict[str, Any], command: str, **body: Any) -> dict[str, Any]:
    """The campaign after a command that must work."""
    answer = await ask(loyalty, f"/campaigns/{one['campaign_id']}/{command}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def changed(loyalty: Loyalty, one: dict[str, Any], **fields: Any) -> httpx.Response:
    """What staff get who change it as they last saw it."""
    return await ask(loyalty, f"/campaigns/{one['campaign_id']}", {"version": one["version"]} | fields, "PATCH")
