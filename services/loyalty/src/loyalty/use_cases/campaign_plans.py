"""What staff see of their campaigns."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from loyalty.domain.terms import Campaign, Status
from loyalty.repository import campaigns as repository
from loyalty.use_cases.campaigns import campaign_for
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection


def terms_of(campaign: Campaign) -> dict[str, Any]:
    """A campaign's terms as they are sent and shown."""
    return msgspec.to_builtins(campaign)


async def plans(
    tx: Connection, principal: Principal, operator: str | None, status: Status | None, before: UUID | None, limit: int
) -> Sequence[dict[str, Any]]:
    """The campaigns that the principal may plan, the newest first; `before` continues a page."""
    operators, stations = principal.bindings(Permission.CAMPAIGNS_WRITE)
    own = [UUID(one) for one in stations]
    rows = await repository.page(tx, list(operators), own, operator, status, before, limit)
    return [_plan(row) for row in rows]


async def plan(tx: Connection, principal: Principal, campaign_id: UUID) -> dict[str, Any]:
    """One of them, with what was taken of it and all that happened to it. Raises Problem 404."""
    await campaign_for(tx, principal, campaign_id)
    row = await repository.find(tx, campaign_id)
    use = await repository.use_of(tx, campaign_id)
    kept = ("simulated_version", "published_at", "created_by", "created_at")
    history = [dict(one) for one in await repository.changes_of(tx, campaign_id)]
    return terms_of(repository.campaign_of(row)) | dict(use) | {name: row[name] for name in kept} | {"history": history}


def _plan(row: Any) -> dict[str, Any]:
    return terms_of(repository.campaign_of(row)) | {"used_minor": row["used_minor"], "uses": row["uses"]}
