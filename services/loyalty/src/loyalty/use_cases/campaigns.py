"""What staff do with campaigns: make, change, publish, stop, look. Each step is one transaction with its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from loyalty.domain import campaigns as domain
from loyalty.domain.campaigns import Command, Fault, NotAllowed
from loyalty.domain.coupon_templates import as_campaign
from loyalty.domain.terms import DISCOUNTS, Campaign, CouponReward, GiftReward, StampCard, Status
from loyalty.repository import campaigns as repository
from loyalty.repository import coupon_templates, gifts
from loyalty.repository.campaigns import Change
from loyalty.use_cases.gifts import keeps
from schemas.base import Event
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.envelope import to_records
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox
from servicekit.problems import Problem

MOST_GROUPS = 8
"""Of an operator's discounts at once: of more of them the best price could not be searched in time (decision 0031)."""
DISCOUNT_KINDS = frozenset(str(one.__struct_config__.tag) for one in DISCOUNTS)
CHECKED = frozenset({Command.EDIT, Command.ADJUST, Command.PUBLISH, Command.RESUME})
"""After these the terms must make sense as they are now: time has passed, and stations close."""


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does what to which campaign, as they last saw it, and why."""

    principal: Principal
    campaign_id: UUID
    version: int | None
    """None: whatever was done meanwhile; a campaign can always be stopped."""
    reason: str | None = None


async def make(tx: Connection, principal: Principal, terms: Mapping[str, Any]) -> Campaign:
    """A new draft of these terms (the fields of Campaign). Raises Problem 404, 422."""
    now = datetime.now(UTC)
    campaign = Campaign(campaign_id=str(new_id()), version=1, status=Status.DRAFT, **terms)
    if not may(principal, campaign):
        raise Problem(404, "no-such-operator", "Your access token is bound to no such operator, or to few of its "
                      "stations: then name those in scope.station_ids.")  # fmt: skip
    await _require_sensible(tx, principal, campaign, domain.faults(campaign, now))
    await repository.save(tx, Change(campaign, None, None, principal.subject, now))
    return campaign


async def change(tx: Connection, doing: Doing, terms: Mapping[str, Any]) -> Campaign:
    """The campaign with these of its terms replaced. Raises Problem 404, 409, 422.

    Before it is published all may change, and it has to be simulated again; after that only what takes nothing from
    drivers.
    """
    before = await _locked(tx, doing)
    after = msgspec.structs.replace(before, **terms)
    changed = {name for name in terms if getattr(before, name) != getattr(after, name)}
    if not changed:
        return before
    if not may(doing.principal, after):
        raise _no_such_campaign()
    command = Command.EDIT if before.status in domain.NEW else Command.ADJUST
    if command is Command.ADJUST and not changed <= domain.ADJUSTABLE:
        raise _fixed(before, changed - domain.ADJUSTABLE)
    return await _advance(tx, doing, before, after, command)


async def act(tx: Connection, doing: Doing, command: Command) -> Campaign:
    """The campaign after a command that leaves its terms alone. Raises Problem 404, 409, 422."""
    before = await _locked(tx, doing)
    return await _advance(tx, doing, before, before, command)


async def note_simulated(tx: Connection, campaign_id: UUID, version: int, actor: str = "loyalty") -> None:
    """The campaign's terms of this version were tried on past orders: a draft may be published.

    One that is published already stays as it is. Raises Problem 409 where the terms were changed meanwhile.
    """
    row = await repository.find(tx, campaign_id, lock=True)
    campaign = repository.campaign_of(row)
    if campaign.version != version:
        raise _changed(campaign)
    if campaign.status in domain.NEW:
        now = datetime.now(UTC)
        simulated = domain.advanced(campaign, Command.SIMULATE, now)
        await repository.save(tx, Change(simulated, Command.SIMULATE, campaign.status, actor, now))


async def campaign_for(
    tx: Connection, principal: Principal, campaign_id: UUID, *, lock: bool = False
) -> Campaign:  # fmt: skip
    """The campaign, if the principal may plan it; Problem 404 otherwise, so that ids tell nothing to others."""
    row = await repository.find(tx, campaign_id, lock=lock)
    campaign = repository.campaign_of(row) if row else None
    if campaign is None or not may(principal, campaign):
        raise _no_such_campaign()
    return campaign


def may(principal: Principal, campaign: Campaign) -> bool:
    """Whether it may plan this campaign: by its operator, or since it is about its own stations alone."""
    operators, stations = principal.bindings(Permission.CAMPAIGNS_WRITE)
    within = campaign.scope.station_ids
    return campaign.operator in operators or (within is not None and set(within) <= stations)


async def settle(tx: Connection, change: Change) -> None:
    """Writes a change with its history, and tells others what it means for them."""
    await repository.save(tx, change)
    event: Event | None = domain.event_of(change.campaign, change.before, change.at)
    await append_to_outbox(tx, to_records([event] if event else []))


async def _locked(tx: Connection, doing: Doing) -> Campaign:
    campaign = await campaign_for(tx, doing.principal, doing.campaign_id, lock=True)
    if doing.version not in (None, campaign.version):
        raise _changed(campaign)
    return campaign


async def _advance(tx: Connection, doing: Doing, before: Campaign, terms: Campaign, command: Command) -> Campaign:
    now = datetime.now(UTC)
    try:
        after = domain.advanced(terms, command, now)
    except NotAllowed as error:
        raise _not_allowed(error, before) from error
    if command in CHECKED:
        wrong = domain.adjustment_faults(before, after, now)
        wrong = domain.faults(after, now) if command is Command.EDIT else wrong
        await _require_sensible(tx, doing.principal, after, wrong)
    if command is Command.PUBLISH:
        await _require_few_groups(tx, after)
    await settle(tx, Change(after, command, before.status, doing.principal.subject, now, doing.reason))
    return after


async def _require_few_groups(tx: Connection, campaign: Campaign) -> None:
    """Raises Problem 409 where it would be one group too many. Two who publish at once may get one more: no harm."""
    group = campaign.stacking.group
    if group is None or not isinstance(campaign.benefit, DISCOUNTS):
        return
    groups = await repository.groups_out(tx, campaign.operator, DISCOUNT_KINDS)
    if group not in groups and len(groups) >= MOST_GROUPS:
        raise Problem(
            409, "too-many-groups",
            f"Discounts of {MOST_GROUPS} stacking groups are out already: {', '.join(sorted(groups))}. Put this one in "
            f"one of them, or end all campaigns of one.", groups=sorted(groups),
        )  # fmt: skip


async def _require_sensible(tx: Connection, principal: Principal, campaign: Campaign, wrong: list[Fault]) -> None:
    """Raises Problem 422 with all that is wrong, also with what the terms refer to."""
    of_rewards = await _faults_of_rewards(tx, principal, campaign)
    found = [*wrong, *await _faults_of_stations(tx, campaign), *of_rewards]
    if found:
        detail = f"{len(found)} of the terms make no sense, first {found[0].pointer}: it {found[0].detail}."
        errors = [{"pointer": one.pointer, "detail": one.detail} for one in found]
        raise Problem(422, "campaign-refused", detail, errors=errors)


async def _faults_of_stations(tx: Connection, campaign: Campaign) -> list[Fault]:
    ids = campaign.scope.station_ids or ()
    known = await repository.known_stations(tx, ids)
    foreign = [one for one in ids if known.get(one, ("", ""))[0] != campaign.operator]
    if foreign:
        return [Fault("/scope/station_ids", f"names {foreign[0]}, which is no open station of {campaign.operator}")]
    others = sorted({known[one][1] for one in ids} - {campaign.currency})
    if campaign.currency and others:
        return [Fault("/currency", f"is not that of all the stations: some sell in {others[0]}")]
    return []


async def _faults_of_rewards(tx: Connection, principal: Principal, campaign: Campaign) -> list[Fault]:
    """Staff give away by a campaign only what they could themselves change or stop."""
    match campaign.benefit:
        case CouponReward(template_id=it) | StampCard(template_id=it):
            template = await coupon_templates.find(tx, UUID(it))
            own = template is not None and may(principal, as_campaign(template))
            known = own and await repository.gives_template(tx, UUID(it), campaign.operator)
            fault = Fault("/benefit/template_id", "is no coupon template of yours that can still be issued")
        case GiftReward(gift_id=it):
            gift = await gifts.find(tx, UUID(it))
            own = gift is not None and keeps(principal, gift.operator, gift.station_ids)
            known = own and await repository.gives_gift(tx, UUID(it), campaign.operator)
            fault = Fault("/benefit/gift_id", "is no gift of yours that can still be had")
        case _:
            return []
    return [] if known else [fault]


def _no_such_campaign() -> Problem:
    return Problem(
        404, "no-such-campaign",
        "There is no campaign with this id among those that you may plan; GET /v1/campaign-plans lists them.",
    )  # fmt: skip


def _changed(campaign: Campaign) -> Problem:
    return Problem(
        409, "campaign-changed",
        f"The campaign was changed meanwhile: its version is {campaign.version} now. Look at it, and try again.",
        version=campaign.version,
    )  # fmt: skip


def _not_allowed(error: NotAllowed, campaign: Campaign) -> Problem:
    detail = f"{error} A draft must be simulated as it is before it can be published."
    return Problem(
        409, "campaign-status", detail if error.status is Status.DRAFT else str(error),
        campaign_status=error.status, allowed=error.allowed, version=campaign.version,
    )  # fmt: skip


def _fixed(campaign: Campaign, fixed: set[str]) -> Problem:
    return Problem(
        409, "campaign-is-out",
        f"While the campaign is {campaign.status}, {', '.join(sorted(fixed))} cannot change; what can is "
        f"{', '.join(sorted(domain.ADJUSTABLE))}. End it, and make another one.",
        fixed=sorted(fixed), version=campaign.version,
    )  # fmt: skip
