"""Queries about what coupons are of."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from loyalty.domain.coupons import Template
from loyalty.domain.terms import Scope, Stacking, benefit_of, stored
from servicekit.postgres import Connection

_COLUMNS = tuple(one.name for one in fields(Template))
_NAMES = ", ".join(_COLUMNS)
_VALUES = ", ".join(f"${number}" for number in range(1, len(_COLUMNS) + 1))


async def insert(tx: Connection, template: Template) -> None:
    """Stores a new one."""
    values: dict[str, Any] = {name: getattr(template, name) for name in _COLUMNS}
    values |= {name: stored(values[name]) for name in ("benefit", "scope", "stacking")}
    statement = f"INSERT INTO coupon_templates ({_NAMES}) VALUES ({_VALUES})"  # noqa: S608 -- names of our own fields
    await tx.execute(statement, *values.values())


async def find(tx: Connection, template_id: UUID) -> Template | None:
    """The template."""
    row = await tx.fetchrow("SELECT * FROM coupon_templates WHERE template_id = $1", template_id)
    return template_of(row) if row else None


async def lock(tx: Connection, template_id: UUID) -> Template | None:
    """The template, which nobody else can change, or issue, until the transaction ends."""
    row = await tx.fetchrow("SELECT * FROM coupon_templates WHERE template_id = $1 FOR NO KEY UPDATE", template_id)
    return template_of(row) if row else None


async def by_ids(tx: Connection, template_ids: Sequence[UUID]) -> dict[UUID, Template]:
    """Templates by their ids."""
    rows = await tx.fetch("SELECT * FROM coupon_templates WHERE template_id = ANY($1)", list(template_ids))
    return {row["template_id"]: template_of(row) for row in rows}


async def page(
    tx: Connection, operators: Sequence[str], stations: Sequence[str], operator: str | None, before: UUID | None,
    limit: int,
) -> list[Template]:  # fmt: skip
    """Templates of these operators, and those that are about these stations alone, the newest first."""
    rows = await tx.fetch(
        """SELECT * FROM coupon_templates
           WHERE (operator = ANY($1) OR scope -> 'station_ids' <@ to_jsonb($2::text[]))
                 AND (operator = $3 OR $3 IS NULL) AND ($4::uuid IS NULL OR template_id < $4)
           ORDER BY template_id DESC LIMIT $5""",
        operators, stations, operator, before, limit,
    )  # fmt: skip
    return [template_of(row) for row in rows]


async def use_of(tx: Connection, template_id: UUID) -> tuple[dict[str, int], int]:
    """How many coupons of it are what, and what all that were used took off."""
    rows = await tx.fetch(
        """SELECT status, count(*) AS coupons, coalesce(sum(amount_minor), 0)::bigint AS minor
           FROM coupons WHERE template_id = $1 GROUP BY status ORDER BY status""",
        template_id,
    )
    return {row["status"]: row["coupons"] for row in rows}, sum(row["minor"] for row in rows)


async def save(tx: Connection, template: Template) -> None:
    """Writes what may change of a template that the caller has locked."""
    await tx.execute(
        """UPDATE coupon_templates SET (version, name, description, most_issued, stopped_at) = ($2, $3, $4, $5, $6)
           WHERE template_id = $1""",
        template.template_id, template.version, template.name, template.description, template.most_issued,
        template.stopped_at,
    )  # fmt: skip


async def take_one(tx: Connection, template_id: UUID, driver_id: str, at: datetime) -> Template | None:
    """Counts one more coupon of it, for a driver who is locked.

    None where none is left, nothing is issued any more, the driver had as many as one may, or there is none such.
    """
    row = await tx.fetchrow(
        """UPDATE coupon_templates t SET issued = issued + 1
           WHERE template_id = $1 AND stopped_at IS NULL AND (most_issued IS NULL OR issued < most_issued)
                 AND (ends_at IS NULL OR ends_at > $3)
                 AND (per_driver IS NULL OR per_driver > (
                     SELECT count(*) FROM coupons c
                     WHERE c.template_id = t.template_id AND $2 IN (c.driver_id, c.issued_to)
                           AND c.status <> 'cancelled'))
           RETURNING *""",
        template_id, driver_id, at,
    )  # fmt: skip
    return template_of(row) if row else None


def template_of(row: Mapping[str, Any]) -> Template:
    """The template of a row."""
    values = {name: row[name] for name in _COLUMNS}
    values |= {
        "benefit": benefit_of(row["benefit"]), "scope": msgspec.json.decode(row["scope"], type=Scope),
        "stacking": msgspec.json.decode(row["stacking"], type=Stacking),
    }  # fmt: skip
    return Template(**values)
