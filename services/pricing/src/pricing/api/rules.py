"""Price rules: the law of each region, its next version, and a trial on past reports."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from pricing.api.store import store_of
from pricing.domain.dry_runs import Difference, DryRun
from pricing.domain.reports import Verdict
from pricing.domain.rule_book import in_force, upcoming
from pricing.http_models import rules as models
from pricing.repository import rules as repository
from pricing.repository.dry_runs import Window
from pricing.repository.rules import StoredVersion
from pricing.use_cases import dry_runs
from pricing.use_cases import rules as use_cases
from servicekit.access import ANYONE, Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])

TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "Names this state of the rules", "schema": {"type": "string"}}}}
}
RuleMaker = Annotated[Principal, Requires(Permission.PRICE_RULES_WRITE)]


@router.get(
    "/price-rules/{region}", summary="Read a region's price rules", response_model=models.RegionRules,
    responses=TAGGED | problem_responses(422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def get_price_rules(request: Request, response: Response, region: models.RuleRegion) -> models.RegionRules:
    """The rules that hold now and those that will, with their legal source. The ETag is for the next PUT."""
    now = datetime.now(UTC)
    async with store_of(request).connection() as connection:
        versions = await repository.versions_of(connection, region)
    response.headers["ETag"] = use_cases.etag(versions, now)
    made_at = {one.rules.version: one.made_at for one in versions}
    current = in_force((one.rules for one in versions), now)
    later = upcoming((one.rules for one in versions), now)
    shown = [
        models.RuleVersion(
            version=one.version, valid_from=one.valid_from, rules=one.rules, made_at=made_at[one.version]
        )
        for one in (*([current] if current else ()), *later)
    ]
    return models.RegionRules(
        region=region, current=shown[0] if current else None, upcoming=shown[1:] if current else shown
    )


@router.put(
    "/price-rules/{region}", summary="Change a region's price rules", response_model=models.AuditedVersion,
    responses=TAGGED | problem_responses(400, 401, 403, 412, 413, 422, 428, 503),
)  # fmt: skip
async def put_price_rules(
    request: Request, response: Response, region: models.RuleRegion, body: models.NewRules, principal: RuleMaker,
    if_match: models.IfMatch = None,
) -> models.AuditedVersion:  # fmt: skip
    """Makes the next version, from `valid_from` on; every report of a price from then on is judged by it.

    The same rules again change nothing. A version never changes; one that has not begun is replaced by another with
    the same `valid_from`.
    """

    async def change(tx: repository.Connection) -> tuple[StoredVersion, Sequence[StoredVersion]]:
        made = await use_cases.replace_rules(tx, region, body.rules, body.valid_from, if_match, principal.subject)
        return made, await repository.versions_of(tx, region)

    made, versions = await store_of(request).transact(change)
    response.headers["ETag"] = use_cases.etag(versions, datetime.now(UTC))
    return _audited(made)


@router.get(
    "/price-rules/{region}/versions", summary="Audit a region's price rules", response_model=models.VersionPage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_price_rule_versions(
    request: Request, region: models.RuleRegion, principal: RuleMaker, cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=models.MAX_VERSIONS)] = 20,
) -> models.VersionPage:  # fmt: skip
    """Every version there ever was, the newest first, with who made it and when."""
    before = decode_cursor(cursor, int) if cursor is not None else None
    async with store_of(request).connection() as connection:
        versions = await repository.versions_of(connection, region, before, limit + 1)
    shown = [_audited(one) for one in versions]
    return models.VersionPage(versions=shown[:limit], next_cursor=next_cursor(shown, limit, lambda one: one.version))


@router.post(
    "/price-rules/{region}/dry-runs", summary="Try price rules on past reports", response_model=models.DryRunResult,
    responses=problem_responses(400, 401, 403, 413, 422, 503),
)  # fmt: skip
async def try_price_rules(
    request: Request, region: models.RuleRegion, body: models.DryRunRequest, principal: RuleMaker
) -> models.DryRunResult:
    """What proposed rules would have said of reports that were taken in, had they held all the time. Changes nothing.

    Reports that were refused for another reason than a rule are left out. At most 100,000 are tried, the newest.
    """
    asked = Window(region, body.since, body.until)
    window, result = await store_of(request).transact(lambda tx: dry_runs.try_rules(tx, asked, body.rules))
    return models.DryRunResult(
        since=window.since, until=window.until, reports=result.decided.total(), truncated=window != asked,
        decided=dict(result.decided), would_be=dict(result.would_be), rules=_counts(result),  # pyright: ignore[reportArgumentType] - the counted are outcomes
        changes=[
            models.DecidedOtherwise(decided=decided, would_be=would_be, reports=count)  # pyright: ignore[reportArgumentType]
            for (decided, would_be), count in result.changed.most_common()
        ],
        examples=[_example(difference) for difference in result.examples],
    )  # fmt: skip


def _audited(one: StoredVersion) -> models.AuditedVersion:
    return models.AuditedVersion(
        version=one.rules.version, valid_from=one.rules.valid_from, rules=one.rules.rules, made_at=one.made_at,
        made_by=one.made_by,
    )  # fmt: skip


def _counts(result: DryRun) -> list[models.RuleCount]:
    names = sorted(result.refused_by | result.noted_by)
    return [models.RuleCount(rule=one, rejected=result.refused_by[one], noted=result.noted_by[one]) for one in names]


def _example(difference: Difference) -> models.Example:
    report, decided, would_be = difference
    return models.Example(
        report_id=report.report_id, station_id=report.station_id, fuel=report.fuel, price_mills=report.price_mills,
        effective_at=report.effective_at, decided=_short(decided), would_be=_short(would_be),
    )  # fmt: skip


def _short(verdict: Verdict) -> models.ShortVerdict:
    return models.ShortVerdict(verdict=verdict.outcome, reason=verdict.reason, rule=verdict.rule)
