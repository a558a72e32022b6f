"""A driver's tier and birth month."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request

from loyalty.api.context import loyalty_of
from loyalty.domain.tiers import TIERS
from loyalty.http_models import tiers as models
from loyalty.repository.members import BirthMonth, birth_month_of
from loyalty.use_cases import members, tiers
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me", tags=["tiers"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
_TIERS = [
    models.Tier(tier=one.word, from_ml=one.threshold_ml, points_basis_points=one.basis_points) for one in TIERS
]  # fmt: skip


@router.get("/tier", summary="See your tier", response_model=models.MyTier, responses=problem_responses(401, 403, 503))
async def get_tier(request: Request, driver: Driver) -> models.MyTier:
    """Your tier, what is missing to the next, and what keeps it.

    It follows from the fuel of the running month and the eleven before: it rises at once, and falls when a month has
    passed that carried it, or when its fuel was refunded. What you earned under a tier stays.
    """
    async with loyalty_of(request).store.connection() as connection:
        standing = await tiers.standing(connection, driver.subject)
    above = standing.next
    return models.MyTier(
        tier=standing.tier.word, since=standing.since, volume_ml=standing.volume_ml, to_keep_ml=standing.to_keep_ml,
        months=[models.MonthVolume(month=_text(of), volume_ml=volume) for of, volume in standing.months.items()],
        kept_until=_text(standing.kept_until) if standing.kept_until else None,
        next=models.NextTier(tier=above.word, missing_ml=standing.missing_ml) if above else None, tiers=_TIERS,
    )  # fmt: skip


@router.get(
    "/birth-month", summary="See your birth month", response_model=models.MyBirthMonth,
    responses=problem_responses(401, 403, 503),
)  # fmt: skip
async def get_birth_month(request: Request, driver: Driver) -> models.MyBirthMonth:
    """What you told, and from when on you may tell another one."""
    async with loyalty_of(request).store.connection() as connection:
        return _shown(await birth_month_of(connection, driver.subject))


@router.put(
    "/birth-month", summary="Tell your birth month", response_model=models.MyBirthMonth,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503),
)  # fmt: skip
async def put_birth_month(request: Request, body: models.BirthMonth, driver: Driver) -> models.MyBirthMonth:
    """For a present in it. It can be changed once a year, and it goes with your account."""
    loyalty, month = loyalty_of(request), body.month
    told = await loyalty.store.transact(
        lambda tx: members.tell_birth_month(loyalty, tx, driver.subject, month)
    )  # fmt: skip
    return _shown(told)


def _shown(told: BirthMonth | None) -> models.MyBirthMonth:
    if told is None:
        return models.MyBirthMonth(month=None, set_at=None, changes_from=None)
    return models.MyBirthMonth(month=told.month, set_at=told.set_at, changes_from=told.set_at + members.KEPT_FOR)


def _text(month: date) -> str:
    return f"{month:%Y-%m}"
