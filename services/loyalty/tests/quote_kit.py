"""Campaigns and coupons in the tables, as a quote finds them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from loyalty.domain.terms import Benefit, PerFill, Scope, Stacking, stored
from servicekit.ids import new_id
from servicekit.postgres import Connection, PostgresStore
from servicekit.testkit_services import OPERATOR

from .conftest import Loyalty

OFF_3, OFF_5 = PerFill(300), PerFill(500)


async def campaign(
    loyalty: Loyalty, benefit: Benefit = OFF_3, *, scope: Scope | None = None,
    stacking: Stacking | None = None, **fields: Any,
) -> UUID:  # fmt: skip
    """A campaign that is live; the process knows of it."""
    now, campaign_id = datetime.now(UTC), new_id()
    columns = {
        "campaign_id": campaign_id, "status": "live", "operator": OPERATOR, "name": "canary-campaign",
        "benefit": stored(benefit), "scope": stored(scope or Scope()), "stacking": stored(stacking or Stacking()),
        "currency": "CNY", "starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(days=30),
        "created_by": "canary-staff",
    } | fields  # fmt: skip
    await _insert(loyalty, "campaigns", columns)
    await loyalty.process.campaigns.read()
    return campaign_id


async def coupon_of(
    loyalty: Loyalty, driver_id: str, benefit: Benefit = OFF_5, *, operator: str = OPERATOR, days: int = 30,
    scope: Scope | None = None, stacking: Stacking | None = None, **fields: Any,
) -> UUID:  # fmt: skip
    """A coupon that a driver has, for so many days."""
    now, template_id, coupon_id = datetime.now(UTC), new_id(), new_id()
    await _insert(loyalty, "coupon_templates", {
        "template_id": template_id, "operator": operator, "name": "canary-coupon", "benefit": stored(benefit),
        "scope": stored(scope or Scope()), "stacking": stored(stacking or Stacking("coupon")), "currency": "CNY",
        "valid_days": 30, "created_by": "canary-staff",
    })  # fmt: skip
    await _insert(loyalty, "coupons", {
        "coupon_id": coupon_id, "template_id": template_id, "driver_id": driver_id, "issued_to": driver_id,
        "key": str(coupon_id), "reason": "claim", "issued_at": now - timedelta(days=60),
        "expires_at": now + timedelta(days=days),
    } | fields)  # fmt: skip
    return coupon_id


async def _insert(loyalty: Loyalty, table: str, columns: dict[str, Any]) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 -- names of the tests'
    await loyalty.sql(statement, *columns.values())


_ASKED: ContextVar[list[str] | None] = ContextVar("asked", default=None)
"""The statements of this very task: the service's own loops run in others."""


@contextmanager
def statements(store: PostgresStore) -> Iterator[list[str]]:
    """The statements that whoever calls sends to the store meanwhile."""
    asked: list[str] = []
    token, borrow = _ASKED.set(asked), store.connection

    @asynccontextmanager
    async def listened_to() -> AsyncIterator[Connection]:
        async with borrow() as connection:
            hear = _ASKED.get()
            with connection.query_logger(lambda query: hear.append(query.query) if hear is not None else None):
                yield connection

    with patch.object(store, "connection", listened_to):
        yield asked
    _ASKED.reset(token)
