"""Trying a campaign on past orders before it is published."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from loyalty.domain.simulation import NOT_FROM_ORDERS, Group, PastOrder, Simulation, Simulator, gainers
from loyalty.domain.terms import Campaign, CouponReward, GiftReward
from loyalty.repository import simulations as repository
from loyalty.use_cases import campaigns
from loyalty.use_cases.context import Loyalty
from servicekit.auth import Principal
from servicekit.ids import new_id
from servicekit.problems import Problem

MOST_ORDERS = 100_000
"""Of one simulation, the newest ones: it takes seconds, and somebody waits."""
USUAL = timedelta(days=28)
"""Whole weeks, so that each weekday counts as often."""
LONGEST = timedelta(days=400)
IN_A_ROW = 50
"""Orders that are tried before others are served again: some milliseconds."""
MOST_GROUPS = 20
"""Of stations: there may be thousands."""


async def simulate(
    loyalty: Loyalty, principal: Principal, campaign_id: UUID, from_at: datetime | None, until_at: datetime | None
) -> dict[str, Any]:
    """What the campaign, as it is now, would have cost in this time, the last four weeks by default.

    A draft is simulated by it, and may be published. Raises Problem 404, 409 `campaign-changed`, 422, 503: others do.
    """
    until = until_at or datetime.now(UTC)
    span = (from_at or until - USUAL, until)
    if not timedelta(0) < span[1] - span[0] <= LONGEST:
        raise Problem(422, "invalid-request", f"`from` must be before `until`, by at most {LONGEST.days} days.")
    async with loyalty.simulations.take(), loyalty.store.connection() as connection:
        campaign = await campaigns.campaign_for(connection, principal, campaign_id)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            asked = repository.Asked(campaign.operator, campaign.scope.station_ids, *span)
            total = await repository.count_orders(connection, asked)
            simulator = Simulator(campaign)
            async for orders in repository.past_orders(connection, asked, MOST_ORDERS):
                await _try(simulator, orders)
    shown = _shown(campaign, span, simulator.result, total)
    simulation_id = new_id()

    async def keep(tx: Any) -> None:
        await campaigns.note_simulated(tx, campaign_id, campaign.version, principal.subject)
        result, made_by = msgspec.json.encode(shown), principal.subject
        await repository.save(tx, simulation_id, campaign_id, campaign.version, span, result, made_by)

    await loyalty.store.transact(keep)
    return {"simulation_id": simulation_id, **shown}


async def _try(simulator: Simulator, orders: Sequence[PastOrder]) -> None:
    for tried, order in enumerate(orders, 1):
        simulator.take(order)
        if tried % IN_A_ROW == 0:
            await asyncio.sleep(0)  # others are served meanwhile


async def last_simulation(loyalty: Loyalty, principal: Principal, campaign_id: UUID) -> dict[str, Any]:
    """What came out the last time. Raises Problem 404."""
    async with loyalty.store.connection() as connection:
        await campaigns.campaign_for(connection, principal, campaign_id)
        row = await repository.newest(connection, campaign_id)
    if row is None:
        raise Problem(404, "not-simulated", "It was not simulated yet: POST /v1/campaigns/{id}/simulate does that.")
    return {"simulation_id": row["simulation_id"], **msgspec.json.decode(row["result"])}


def _shown(campaign: Campaign, span: tuple[datetime, datetime], result: Simulation, total: int) -> dict[str, Any]:
    benefit = campaign.benefit
    left_out = max(total - MOST_ORDERS, 0)
    unknown = isinstance(benefit, CouponReward | GiftReward) and benefit.trigger in NOT_FROM_ORDERS
    return {
        "campaign_id": campaign.campaign_id, "version": campaign.version, "currency": campaign.currency,
        "from": span[0], "until": span[1], "orders": result.orders, "orders_left_out": left_out,
        "orders_reached": result.orders_reached, "drivers_reached": len(result.by_driver),
        "new_drivers": result.new_drivers, "volume_ml": result.volume_ml, "gross_minor": result.gross_minor,
        "cost_minor": result.cost_minor, "more_off_minor": result.more_off_minor, "points": result.points,
        "rewards": result.rewards, "used_up_at": result.used_up_at, "unreached": dict(result.unreached),
        "shown_by_past_orders": not unknown, "gainers": msgspec.to_builtins(gainers(result.by_driver)),
        "by_tier": _groups(result.by_tier), "by_fuel": _groups(result.by_fuel),
        "by_weekday": _groups(result.by_weekday), "by_station": _groups(result.by_station),
    }  # fmt: skip


def _groups(groups: Mapping[str, Group]) -> list[dict[str, Any]]:
    """The groups that cost most, those first."""
    ordered = sorted(groups.items(), key=lambda item: (-item[1].cost_minor - item[1].points, -item[1].orders, item[0]))
    return [{"key": key, **msgspec.to_builtins(group)} for key, group in ordered[:MOST_GROUPS]]
