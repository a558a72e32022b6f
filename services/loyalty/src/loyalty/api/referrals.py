"""Inviting friends."""

from typing import Annotated

from fastapi import APIRouter, Request

from loyalty.api.context import loyalty_of
from loyalty.domain.misuse import REASONS, FlagStatus
from loyalty.http_models import referrals as models
from loyalty.repository.referrals import Friend
from loyalty.use_cases import referrals
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.referrals import Shown
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["invitations"])

Driver = Annotated[Principal, Requires(Permission.PAY)]


@router.post(
    "/me/invitation", summary="Get a code for friends", response_model=models.Invitation,
    responses=problem_responses(400, 401, 403, 413, 422, 503),
)  # fmt: skip
async def make_invitation(request: Request, body: models.NewInvitation, driver: Driver) -> models.Invitation:
    """Your code, the same as long as it is good; asking twice makes no second one."""
    loyalty = loyalty_of(request)
    shown = await loyalty.store.transact(lambda tx: referrals.invite(loyalty, tx, driver.subject, body.device_id))
    return _shown(loyalty, shown)


@router.get(
    "/me/invitation", summary="See who came by your code", response_model=models.Invitation,
    responses=problem_responses(401, 403, 503),
)  # fmt: skip
async def get_invitation(request: Request, driver: Driver) -> models.Invitation:
    """Your code, how many came by it, and how far each is: the reward comes with a friend's first paid order."""
    loyalty = loyalty_of(request)
    async with loyalty.store.connection() as connection:
        return _shown(loyalty, await referrals.show(loyalty, connection, driver.subject))


@router.post(
    "/referrals", status_code=201, summary="Say by whose code you came", response_model=models.Referral,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 429, 503),
)  # fmt: skip
async def come_by_invitation(request: Request, body: models.NewReferral, driver: Driver) -> models.Referral:
    """For new drivers, once, before the first paid order. The same once more gives the same answer."""
    accepted = await referrals.accept(loyalty_of(request), driver.subject, body.code, body.device_id)
    return models.Referral(came_at=accepted.made_at)


def _shown(loyalty: Loyalty, shown: Shown) -> models.Invitation:
    return models.Invitation(
        code=shown.code, expires_at=shown.expires_at, came=len(shown.friends),
        most_friends=loyalty.settings.invitation_most_friends, friends=[_friend(one) for one in shown.friends],
    )  # fmt: skip


def _friend(friend: Friend) -> models.Friend:
    doubts = zip(friend.kinds, friend.statuses, strict=True)
    reasons = sorted({REASONS[kind] for kind, status in doubts if status is not FlagStatus.CLEARED})
    return models.Friend(came_at=friend.made_at, stage=referrals.stage(friend), reasons=reasons)
