"""Loyalty in a trial of payments: a campaign that is off each fill, and its books beside those of payments."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from feeds.platform import PlatformClient
from local_stack.config import Config
from local_stack.environment import service_environment
from schemas.base import rfc3339
from servicekit.ids import new_id

NAME = "Trial"
MILLS_PER_LITRE = 100
BUDGET_MINOR = 10**9
PAID = frozenset({"paid", "completed", "refunded"})

PURCHASES = """
    SELECT order_id, paid_minor, refunded_minor, points_due, points_posted, breakdown FROM purchases
    WHERE order_id = ANY($1) AND paid_at IS NOT NULL"""
POINTS_APART = """
    SELECT 'driver ' || m.driver_id || ' has ' || m.balance || ' points, lots hold ' || coalesce(l.points, 0)
           || ', postings sum to ' || coalesce(p.points, 0)
    FROM members m
    LEFT JOIN (SELECT driver_id, sum(remaining) AS points FROM lots GROUP BY 1) l USING (driver_id)
    LEFT JOIN (
        SELECT t.driver_id, sum(p.points) AS points FROM postings p JOIN transfers t USING (transfer_id)
        WHERE p.account = 'driver' GROUP BY 1) p USING (driver_id)
    WHERE m.balance <> coalesce(l.points, 0) OR m.balance <> coalesce(p.points, 0)"""
EARNED_APART = """
    SELECT 'order ' || order_id || ' earned ' || points_posted || ' points, its entries say ' || coalesce(p.points, 0)
    FROM purchases LEFT JOIN (
        SELECT order_id, sum(points) AS points FROM transfers
        WHERE (kind = 'accrued' AND reason = 'order') OR kind = 'reversed' GROUP BY 1) p USING (order_id)
    WHERE order_id = ANY($1) AND points_posted <> coalesce(p.points, 0)"""
BUDGETS = """
    SELECT 'campaign ' || c.campaign_id || ' counts ' || c.used_minor || ', its reservations ' || coalesce(r.minor, 0)
    FROM campaign_use c LEFT JOIN (
        SELECT part ->> 'reference' AS id, sum((part ->> 'amount_minor')::bigint) AS minor
        FROM reservations, jsonb_array_elements(breakdown) AS part WHERE status IN ('held', 'spent') GROUP BY 1) r
        ON r.id = c.campaign_id::text
    WHERE c.used_minor <> coalesce(r.minor, 0)
          AND c.campaign_id IN (SELECT campaign_id FROM campaigns WHERE name LIKE $1)"""
UNSENT = "SELECT 'event ' || event_id || ' of loyalty' FROM outbox"


async def plant_campaign(manager: PlatformClient, operator: str) -> None:
    """A campaign of the operator that is off each fill of the trial."""
    now = datetime.now(UTC)
    terms = {
        "operator": operator, "name": f"{NAME} {new_id().hex[-6:]}", "currency": "CNY", "budget_minor": BUDGET_MINOR,
        "benefit": {"kind": "per_litre", "mills": MILLS_PER_LITRE}, "starts_at": rfc3339(now),
        "ends_at": rfc3339(now + timedelta(hours=12)),
    }  # fmt: skip
    campaign = await manager.post("/v1/campaigns", terms, str(new_id()))
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    simulated = await manager.post(f"{path}/simulate", {})
    await manager.post(f"{path}/publish", {"version": simulated["version"]}, str(new_id()))


async def end_campaigns(manager: PlatformClient, operator: str) -> None:
    """Stops the campaigns that earlier trials left."""
    plans = await manager.get("/v1/campaign-plans", {"operator": operator, "status": "live", "limit": 100})
    for campaign in plans["campaigns"]:
        await manager.post(
            f"/v1/campaigns/{campaign['campaign_id']}/end", {"reason": "The trial is over"}, str(new_id())
        )


async def compare_loyalty(config: Config, orders: Mapping[UUID, Any]) -> tuple[list[str], list[str]]:
    """(what is out of balance, what is still on its way): loyalty's books, and what it knows of these orders.

    `orders` are rows of payments: status, paid_minor, refunded_minor, discount_minor.
    """
    connection = await asyncpg.connect(service_environment(config, "loyalty")["LOYALTY_POSTGRES_DSN"])
    try:
        known = {row["order_id"]: row for row in await connection.fetch(PURCHASES, list(orders))}
        apart = [row[0] for row in await connection.fetch(POINTS_APART)]
        apart += [row[0] for row in await connection.fetch(EARNED_APART, list(orders))]
        apart += [row[0] for row in await connection.fetch(BUDGETS, f"{NAME} %")]
        unsent = [row[0] for row in await connection.fetch(UNSENT)]
    finally:
        await connection.close()
    found: defaultdict[bool, list[str]] = defaultdict(list)
    for order_id, order in orders.items():
        if order["paid_minor"] + order["discount_minor"] > 0 and order["status"] in PAID:
            problem = _difference(order, known.get(order_id))
            found[order_id in known].extend([f"order {order_id}: {problem}"] if problem else [])
    return apart + found[True], unsent + found[False]


def _difference(order: Any, known: Any) -> str | None:
    if known is None and order["mode"] == "prepaid" and order["refunded_minor"] == order["paid_minor"]:
        return None  # nothing was dispensed: such an order is never completed, and earns nothing
    if known is None:
        return "loyalty has not heard that it was paid"
    parts = msgspec.json.decode(known["breakdown"])
    off = sum(part["amount_minor"] for part in parts if part["kind"] != "over_dispensed")
    ours = (order["paid_minor"], order["refunded_minor"], order["discount_minor"])
    theirs = (known["paid_minor"], known["refunded_minor"], off)
    return None if ours == theirs else f"payments says paid, refunded, off {ours}, loyalty {theirs}"
