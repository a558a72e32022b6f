"""Invitations: a driver's code, who came by it, and when the inviter's reward is due.

What looks like one person with two accounts is flagged, never refused by a rule alone (see use_cases/misuse.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from loyalty.domain.misuse import DAY, Finding, FlagKind, Verdict, verdict_of, worst
from loyalty.domain.referrals import Refused, Stage, require_new, stage_of
from loyalty.repository import codes as code_repository
from loyalty.repository import members
from loyalty.repository import misuse as flags
from loyalty.repository import referrals as repository
from loyalty.repository.referrals import FirstOrder, Friend, Invitation, Referral
from loyalty.use_cases import codes, misuse
from loyalty.use_cases.context import Loyalty
from servicekit.erasures import require_present
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

PURPOSE = "invitation"
"""Of its codes; each is good for many friends until it expires."""


class Due(NamedTuple):
    """That a friend's first paid order at an operator is there: whose reward it is, and whether it may be given."""

    friend_id: str
    inviter_id: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Shown:
    """A driver's invitation, as it is shown; a code that has expired is none."""

    code: str | None
    expires_at: datetime | None
    friends: list[Friend]


async def due(loyalty: Loyalty, tx: Connection, order_id: UUID) -> Due | None:
    """Whose friend made a first paid order there by this one; None where nobody did.

    It may be asked again and again, also while a reward waits: the verdict is the present one. Tell `note_rewarded`
    once the inviter has got something.
    """
    first = await repository.first_order(tx, order_id)
    if first is None:
        return None
    now = datetime.now(UTC)
    await misuse.flag(tx, _of_cards(first), now)
    about_friend = verdict_of(await flags.statuses_about(tx, first.friend_id))
    return Due(first.friend_id, first.inviter_id, worst(about_friend, await misuse.look_at_fill(loyalty, tx, order_id)))


async def verdict_about(tx: Connection, order_id: UUID, inviter_id: str) -> Verdict:
    """Whether the inviter may get what waits for the coming of the friend who made this order.

    Nothing where it is not known any more that one came: nobody can look into the coming of who was forgotten.
    """
    statuses = await repository.statuses_about_coming(tx, order_id, inviter_id)
    return Verdict.REFUSED if statuses is None else verdict_of(statuses)


async def note_rewarded(tx: Connection, friend_id: str, at: datetime) -> None:
    """The inviter has got something for this friend."""
    await repository.note_rewarded(tx, friend_id, at)


async def note_taken_back(tx: Connection, friend_id: str) -> None:
    """What the inviter got for this friend was taken back."""
    await repository.note_taken_back(tx, friend_id)


async def invite(loyalty: Loyalty, tx: Connection, driver_id: str, device_id: str) -> Shown:
    """The driver's code, the same as long as it is good. Raises Problem 401."""
    await require_present(loyalty.erasures, tx, driver_id)
    await members.lock(tx, driver_id)
    now = datetime.now(UTC)
    others = await misuse.note_device(loyalty, tx, driver_id, device_id, now)
    await _flag_shared_device(tx, driver_id, others, now)
    shown = await show(loyalty, tx, driver_id)
    return shown if shown.code else await _new_code(loyalty, tx, driver_id, shown, now)


async def _new_code(loyalty: Loyalty, tx: Connection, driver_id: str, before: Shown, now: datetime) -> Shown:
    expires_at = now + timedelta(days=loyalty.settings.invitation_days)
    code = await codes.make(loyalty, tx, PURPOSE, driver_id, expires_at=expires_at)
    sealed = (await loyalty.vault.box(tx, driver_id)).seal(code, _context(driver_id))
    await repository.save_invitation(tx, Invitation(driver_id, sealed, expires_at))
    return Shown(code, expires_at, before.friends)


async def show(loyalty: Loyalty, tx: Connection, driver_id: str) -> Shown:
    """The driver's code, where there is a good one, and who came by it."""
    friends = await repository.friends_of(tx, driver_id, loyalty.settings.invitation_most_friends)
    invitation = await repository.invitation_of(tx, driver_id)
    if invitation is None or invitation.expires_at <= datetime.now(UTC):
        return Shown(None, None, friends)
    box = await loyalty.vault.box(tx, driver_id)
    return Shown(box.open(invitation.code, _context(driver_id)), invitation.expires_at, friends)


def stage(friend: Friend) -> Stage:
    """How far a friend's coming is."""
    return stage_of(friend.rewarded_at, verdict_of(friend.statuses))


async def accept(loyalty: Loyalty, friend_id: str, code: str, device_id: str) -> Referral:
    """That the driver came by a friend's invitation; the same once more changes nothing.

    Raises Problem 401, 409 `invited-already` or `invitation-refused` (with a reason: not_new, own_invitation, used_up),
    422 `code-refused`, 429.
    """
    now = datetime.now(UTC)

    async def work(tx: Connection) -> Referral:
        found = await codes.find(loyalty, tx, [PURPOSE], code, caller=friend_id, at=now)
        if await loyalty.erasures.turn(tx, found.subject) is not None:
            raise codes.CodeNotGood
        await members.lock(tx, friend_id, found.subject)
        return await _accept(loyalty, tx, Referral(friend_id, found.subject, now, None), device_id)

    return await codes.trying(loyalty, friend_id, work)


async def _accept(loyalty: Loyalty, tx: Connection, asked: Referral, device_id: str) -> Referral:
    known = await repository.find(tx, asked.friend_id)
    if known is not None and known.inviter_id == asked.inviter_id:
        return known
    if known is not None:
        raise Problem(409, "invited-already", "You came by another invitation already; that one counts.")
    await _require_new(loyalty, tx, asked)
    await repository.insert(tx, asked)
    others = await misuse.note_device(loyalty, tx, asked.friend_id, device_id, asked.made_at)
    await _flag_friend(loyalty, tx, asked, others)
    return asked


async def _require_new(loyalty: Loyalty, tx: Connection, asked: Referral) -> None:
    settings = loyalty.settings
    newcomer = await repository.newcomer(tx, asked.friend_id)
    friends = await repository.friends_since(tx, asked.inviter_id)
    try:
        require_new(
            newcomer, asked.inviter_id, friends, most_friends=settings.invitation_most_friends,
            new_days=settings.invitation_new_days, now=asked.made_at,
        )  # fmt: skip
    except Refused as error:
        raise Problem(409, "invitation-refused", str(error), reason=error.reason) from error


async def _flag_friend(loyalty: Loyalty, tx: Connection, referral: Referral, others: frozenset[str]) -> None:
    """Flags a device that the inviter, or another of the inviter's friends, has used, and too many friends a day."""
    inviter = referral.inviter_id
    relatives = {inviter, *(await repository.friend_ids(tx, inviter))}
    findings = [_of_device(inviter, referral.friend_id)] if others & relatives else []
    count = await repository.friends_since(tx, inviter, referral.made_at - DAY)
    most = misuse.limits_of(loyalty).friends_a_day
    if count > most:
        findings.append(
            _finding(FlagKind.MANY_FRIENDS, inviter, referral.friend_id, friends=count, most=most, hours=24)
        )
    await misuse.flag(tx, findings, referral.made_at)


async def _flag_shared_device(tx: Connection, inviter_id: str, others: Iterable[str], at: datetime) -> None:
    """The inviter's device was a friend's before: as odd as the other way round."""
    friends = frozenset(await repository.friend_ids(tx, inviter_id))
    await misuse.flag(tx, [_of_device(inviter_id, one) for one in others if one in friends], at)


def _of_device(inviter_id: str, friend_id: str) -> Finding:
    return _finding(FlagKind.SAME_DEVICE, inviter_id, friend_id)


def _of_cards(first: FirstOrder) -> list[Finding]:
    if not first.same_card:
        return []
    return [_finding(FlagKind.SAME_CARD, first.inviter_id, first.friend_id, order_id=str(first.order_id))]


def _finding(
    kind: FlagKind, inviter_id: str, friend_id: str, *, order_id: str | None = None, **details: Any
) -> Finding:
    return Finding(kind, f"{kind}|{inviter_id}|{friend_id}", inviter_id, details, friend_id, order_id)


async def collect(loyalty: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS: the driver's invitation and how many came, and that the driver came by somebody's."""
    shown, mine = await show(loyalty, tx, driver_id), await repository.find(tx, driver_id)
    friends = [{"came_at": one.made_at, "stage": stage(one)} for one in shown.friends]
    own = [{"code": shown.code, "expires_at": shown.expires_at, "friends": friends}] if shown.code or friends else []
    return [*own, *([{"came_by_an_invitation_at": mine.made_at}] if mine else [])]


async def erase(_: Loyalty, tx: Connection, driver_id: str) -> int:
    """See people.ERASES. That somebody came stays: it counts for the inviter, as what was seen of it does."""
    await repository.hide_friend(tx, driver_id, f"forgotten {new_id()}")
    await code_repository.withdraw(tx, PURPOSE, [driver_id])
    return await repository.delete_all(tx, driver_id)


async def move(loyalty: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES: who came by whom goes along; the code does not, the other account makes its own."""
    await code_repository.withdraw(tx, PURPOSE, [driver_id])
    await repository.move(tx, driver_id, into)


def _context(driver_id: str) -> str:
    return f"invitations.code|{driver_id}"
