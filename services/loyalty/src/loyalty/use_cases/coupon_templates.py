"""What staff do with coupon templates: make, change, stop, print codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from loyalty.domain import coupon_templates as domain
from loyalty.domain.campaigns import Fault
from loyalty.domain.coupons import Template
from loyalty.repository import campaigns
from loyalty.repository import coupon_templates as repository
from loyalty.use_cases import codes
from loyalty.use_cases.campaigns import may
from loyalty.use_cases.context import Loyalty
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

PRINTED = "coupon_template"
"""The purpose of a printed code: whoever has it claims a coupon of the template."""
LONGEST_CODE_LIFE = timedelta(days=3_650)


@dataclass(frozen=True, slots=True)
class Printed:
    """Codes that are shown now, and never again."""

    template: Template
    codes: list[str]
    expires_at: datetime


async def make(tx: Connection, principal: Principal, terms: Mapping[str, Any]) -> Template:
    """A new template of these terms (the fields of Template). Raises Problem 404, 422."""
    now = datetime.now(UTC)
    template = Template(
        template_id=new_id(), version=1, issued=0, stopped_at=None, created_by=principal.subject, created_at=now,
        **terms,
    )  # fmt: skip
    if not _may(principal, template):
        raise Problem(
            404, "no-such-operator", "Your access token is bound to no such operator, or to few of its stations: then "
            "name those in scope.station_ids.",
        )  # fmt: skip
    await _require_sensible(tx, template, domain.faults(template, now))
    await repository.insert(tx, template)
    return template


async def template_for(tx: Connection, principal: Principal, template_id: UUID, *, lock: bool = False) -> Template:
    """The template, if the principal may plan it; Problem 404 otherwise, so that ids tell nothing to others."""
    template = await (repository.lock if lock else repository.find)(tx, template_id)
    if template is None or not _may(principal, template):
        raise Problem(
            404, "no-such-template", "There is no coupon template with this id among those that you may plan; "
            "GET /v1/coupon-templates lists them.",
        )  # fmt: skip
    return template


async def look_at(tx: Connection, principal: Principal, template_id: UUID) -> tuple[Template, dict[str, int], int]:
    """The template, how many of its coupons are what, and what they took off in all. Raises Problem 404."""
    template = await template_for(tx, principal, template_id)
    return template, *await repository.use_of(tx, template_id)


async def change(tx: Connection, principal: Principal, template_id: UUID, fields: Mapping[str, Any]) -> Template:
    """The template with other words, more coupons, or stopped. Raises Problem 404, 409."""
    before = await template_for(tx, principal, template_id, lock=True)
    try:
        after = domain.changed(before, fields, datetime.now(UTC))
    except domain.Fixed as error:
        raise Problem(409, "template-fixed", str(error)) from error
    if after != before:
        await repository.save(tx, after)
    return after


async def list_templates(
    tx: Connection, principal: Principal, operator: str | None, before: UUID | None, limit: int
) -> list[Template]:  # fmt: skip
    """Templates that the principal may plan, the newest first, from before one of them on."""
    operators, stations = principal.bindings(Permission.CAMPAIGNS_WRITE)
    return await repository.page(tx, list(operators), list(stations), operator, before, limit)


async def print_codes(
    loyalty: Loyalty, tx: Connection, principal: Principal, template_id: UUID, count: int, expires_at: datetime
) -> Printed:  # fmt: skip
    """New codes, each good for one coupon of the template. Raises Problem 404, 409, 422."""
    now = datetime.now(UTC)
    template = await template_for(tx, principal, template_id)
    if template.stopped_at is not None:
        raise Problem(409, "template-stopped", "Nothing more is issued of this template; make a new one.")
    latest = min(now + LONGEST_CODE_LIFE, template.ends_at or datetime.max.replace(tzinfo=UTC))
    if not now < expires_at <= latest:
        raise _refused([Fault("/expires_at", f"must be ahead, and not after {latest:%Y-%m-%dT%H:%M:%SZ}")])
    made = await codes.make_many(loyalty, tx, PRINTED, str(template_id), count, expires_at=expires_at)
    return Printed(template, made, expires_at)


def _may(principal: Principal, template: Template) -> bool:
    return may(principal, domain.as_campaign(template))


async def _require_sensible(tx: Connection, template: Template, wrong: list[Fault]) -> None:
    """Raises Problem 422 with all that is wrong, also with the stations."""
    ids = template.scope.station_ids or ()
    known = await campaigns.known_stations(tx, ids)
    operators = {one: known.get(one, ("", ""))[0] for one in ids}
    foreign = [one for one, operator in operators.items() if operator != template.operator]
    currencies = {known[one][1] for one in ids if one in known}
    if foreign:
        wrong = [*wrong, Fault("/scope/station_ids", f"names {foreign[0]}, no open station of {template.operator}")]
    elif template.currency and currencies - {template.currency}:
        wrong = [*wrong, Fault("/currency", "is not that of all the stations")]
    if wrong:
        raise _refused(wrong)


def _refused(wrong: list[Fault]) -> Problem:
    detail = f"{len(wrong)} of the terms make no sense, first {wrong[0].pointer}: it {wrong[0].detail}."
    errors = [{"pointer": one.pointer, "in": "body", "detail": one.detail} for one in wrong]
    return Problem(422, "template-refused", detail, errors=errors)
