"""What is known of campaigns: on which terms they hold, and since when each version of them has."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

import msgspec

from analytics.domain import facts
from analytics.domain.facts import Fact
from analytics.domain.moments import as_kept
from analytics.domain.views import Document

TERMS = ("name", "operators", "station_ids", "fuels", "hours", "starts_at", "ends_at")


class Campaigns:
    """Per campaign: its terms, and every change of it that was told.

    A document: `campaign_id`; the terms of the highest version that was published, or null where only its end is known
    (`name`, `operators`, `station_ids`, `fuels`: null for all of them, sorted; `hours` as it was told; `starts_at`,
    `ends_at`), and `terms_version`. `changes`: {version, at, holds, starts_at, ends_at} in the order of versions:
    since `at` it holds within these times, or it gives nothing more, as it was paused or ended. A campaign that goes
    on after a pause is published again.
    """

    name = "campaigns"
    collection = "campaigns"
    events = (facts.CampaignPublished, facts.CampaignEnded)
    indexes: tuple[Mapping[str, int], ...] = ({"operators": 1}, {"station_ids": 1})

    def keys(self, fact: Fact) -> Iterable[str]:
        """The campaign."""
        return (str(fact.event.campaign_id),) if isinstance(fact.event, self.events) else ()

    def begin(self, key: str, fact: Fact) -> Document:
        """A campaign of which nothing is known."""
        assert isinstance(fact.event, self.events)  # noqa: S101 - `keys` lets no other pass
        return {
            "campaign_id": fact.event.campaign_id, **dict.fromkeys(TERMS), "terms_version": 0, "changes": [],
        }  # fmt: skip

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Adds them. The same version told twice changed once, when it was told first."""
        changes = {change["version"]: change for change in document["changes"]}
        for fact in facts:
            change = _change(fact.event)
            known = changes.get(change["version"])
            if known is not None and change["at"] >= known["at"]:
                continue
            changes[change["version"]] = change
            if change["holds"] and change["version"] >= document["terms_version"]:
                document.update(_terms(fact.event), terms_version=change["version"])
        document["changes"] = sorted(changes.values(), key=itemgetter("version"))

    def begins_at(self, key: str) -> datetime | None:
        """None: it is about all times. Its topic keeps the newest record of a campaign only, which may be its end."""
        return None


def _change(event: facts.EventStruct) -> Document:
    assert isinstance(event, Campaigns.events)  # noqa: S101 - `keys` lets no other pass
    holds = isinstance(event, facts.CampaignPublished)
    times = {name: _moment(getattr(event, name, None)) for name in ("starts_at", "ends_at")}
    return {"version": event.version, "at": _moment(event.occurred_at), "holds": holds, **times}


def _terms(event: facts.EventStruct) -> Document:
    assert isinstance(event, facts.CampaignPublished)  # noqa: S101 - only what is published has terms
    hours = None if event.hours is None else [msgspec.to_builtins(one) for one in event.hours]
    return {
        "name": event.name, "operators": _sorted(event.operators), "station_ids": _sorted(event.station_ids),
        "fuels": _sorted(event.fuels), "hours": hours, "starts_at": _moment(event.starts_at),
        "ends_at": _moment(event.ends_at),
    }  # fmt: skip


def _sorted(values: Iterable[object] | None) -> list[object] | None:
    return None if values is None else sorted(set(values), key=str)


def _moment(at: datetime | None) -> datetime | None:
    return at and as_kept(at)
