"""Campaigns that begin and end by themselves, at the times that are kept with them.

Nothing that a driver is promised waits for this: prices go by the times themselves. Here others are told, and staff see
what has become of a campaign.
"""

from datetime import datetime

from loyalty.domain.campaigns import Command, advanced
from loyalty.domain.terms import Campaign
from loyalty.repository import campaigns as repository
from loyalty.repository.campaigns import Change
from loyalty.use_cases.campaigns import settle
from servicekit.postgres import Connection, PostgresStore

AT_ONCE = 100
CARRY_ON_SECONDS = 1.0
ACTOR = "loyalty"


async def carry_on_due(store: PostgresStore) -> int:
    """Begins and ends all campaigns whose time has come, or whose budget is used up; how many. Replicas may overlap."""
    done = 0
    while moved := await store.transact(_carry_on_some):
        done += moved
    return done


async def _carry_on_some(tx: Connection) -> int:
    now, due = await repository.lock_due(tx, AT_ONCE)
    for campaign, is_used_up in due:
        await settle(tx, _due_change(campaign, now, is_used_up=is_used_up))
    return len(due)


def _due_change(campaign: Campaign, now: datetime, *, is_used_up: bool) -> Change:
    if campaign.ends_at is not None and campaign.ends_at <= now:
        command, reason = Command.END, "its end has come"
    elif is_used_up:
        command, reason = Command.END, "it is used up"
    else:
        command, reason = Command.BEGIN, "its time has come"
    return Change(advanced(campaign, command, now), command, campaign.status, ACTOR, now, reason)
