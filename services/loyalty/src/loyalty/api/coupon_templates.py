"""What coupons are of: staff make, change and stop it, and print codes."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.domain.coupons import Template
from loyalty.http_models import coupon_templates as models
from loyalty.http_models.terms import benefit_from, scope_from, stacking_from
from loyalty.use_cases import coupon_templates as use_cases
from loyalty.use_cases.coupon_templates import Printed
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/coupon-templates", tags=["coupons"])

Staff = Annotated[Principal, Requires(Permission.CAMPAIGNS_WRITE)]
TemplateId = Annotated[UUID, Path(examples=[models.TEMPLATE])]
CSV = "text/csv"


@router.post(
    "", status_code=201, summary="Make a coupon template", response_model=models.Template,
    responses=problem_responses(400, 401, 403, 404, 413, 422, 503),
)  # fmt: skip
async def make_template(request: Request, body: models.NewTemplate, staff: Staff) -> dict[str, Any]:
    """Nobody has a coupon of it yet: campaigns give them, or codes that you print. What it gives cannot be changed."""
    terms = body.model_dump(exclude={"benefit", "scope", "stacking"})
    terms |= {"benefit": benefit_from(body.benefit), "scope": scope_from(body.scope)}
    terms |= {"stacking": stacking_from(body.stacking)}
    return _shown(await loyalty_of(request).store.transact(lambda tx: use_cases.make(tx, staff, terms)))


@router.get(
    "", summary="List coupon templates", response_model=models.TemplatePage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_templates(
    request: Request, staff: Staff, operator: Annotated[str | None, Query(max_length=64, examples=["demo-oil"])] = None,
    cursor: str | None = None, limit: Limit = 50,
) -> dict[str, Any]:  # fmt: skip
    """Those that you may plan, the newest first."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with loyalty_of(request).store.connection() as connection:
        found = await use_cases.list_templates(connection, staff, operator, before, limit + 1)
    return {
        "coupon_templates": [_shown(one) for one in found[:limit]],
        "next_cursor": next_cursor(found, limit, lambda one: one.template_id),
    }


@router.get(
    "/{template_id}", summary="Look at a coupon template", response_model=models.TemplateUse,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_template(request: Request, template_id: TemplateId, staff: Staff) -> dict[str, Any]:
    """What coupons are of, how many are out, and what became of them."""
    async with loyalty_of(request).store.connection() as connection:
        template, coupons, taken_off_minor = await use_cases.look_at(connection, staff, template_id)
    return _shown(template) | {"coupons": coupons, "taken_off_minor": taken_off_minor}


@router.patch(
    "/{template_id}", summary="Change a coupon template", response_model=models.Template,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def change_template(
    request: Request, template_id: TemplateId, body: models.TemplateChange, staff: Staff
) -> dict[str, Any]:  # fmt: skip
    """A JSON merge patch. Only what takes nothing from drivers can be changed; stopped it stays."""
    fields = body.model_dump(exclude_unset=True)
    return _shown(await loyalty_of(request).store.transact(lambda tx: use_cases.change(tx, staff, template_id, fields)))


@router.post(
    "/{template_id}/codes", status_code=201, summary="Print coupon codes", response_model=models.PrintedCodes,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503)
    | {201: {"content": {CSV: {"schema": {"type": "string", "examples": ["code,expires_at\n"]}}}}},
)  # fmt: skip
async def print_codes(
    request: Request, response: Response, template_id: TemplateId, body: models.NewCodes, staff: Staff
) -> Any:  # fmt: skip
    """Each code is good for one coupon, once. They are shown in this answer alone: nobody can look them up again, and
    those of an answer that got lost are good for nobody. `Accept: text/csv` gives a file."""
    loyalty = loyalty_of(request)
    printed = await loyalty.store.transact(
        lambda tx: use_cases.print_codes(loyalty, tx, staff, template_id, body.count, body.expires_at)
    )
    response.headers["Cache-Control"] = "no-store"
    if CSV in request.headers.get("accept", ""):
        return _file(printed)
    return {"template_id": template_id, "expires_at": printed.expires_at, "codes": printed.codes}


def _file(printed: Printed) -> Response:
    ends = f"{printed.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    lines = ["code,expires_at", *(f"{code},{ends}" for code in printed.codes), ""]
    headers = {"Content-Disposition": 'attachment; filename="codes.csv"', "Cache-Control": "no-store"}
    return Response("\r\n".join(lines), 201, headers=headers, media_type=CSV)


def _shown(template: Template) -> dict[str, Any]:
    fields = {name: getattr(template, name) for name in models.Template.model_fields}
    return fields | {name: msgspec.to_builtins(fields[name]) for name in ("benefit", "scope", "stacking")}
