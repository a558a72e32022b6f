"""The campaigns that hold now, in each process's memory, so that a price needs no query for them.

Whoever changes a campaign notifies the channel `campaigns`; each replica then reads them anew, and every second in any
case. So a campaign that was stopped gives nothing more within a second or two, on every replica. What is reserved asks
the table itself (see use_cases/reservations.py): there a stopped one counts at once.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from loyalty.domain.terms import REWARDS, Campaign, Offer
from loyalty.repository import campaigns as repository
from loyalty.use_cases.reading import keep_reading
from servicekit.postgres import PostgresStore
from servicekit.problems import Unavailable

GOOD_FOR = timedelta(seconds=4)
"""Older knowledge is not used: a campaign may have been stopped since."""

KNOWN_FOR = timedelta(minutes=9)
"""Since their end campaigns are still among those of late; a little less than repository/campaigns.py at_work says."""


MOST_PLACES = 2_000
"""Of which it is remembered at once which campaigns hold there."""


class Priced(Struct, frozen=True):
    """A campaign that has a say in prices."""

    campaign: Campaign
    offer: Offer


class LiveCampaigns:
    """What holds now, as of a moment ago; begins and ends come by the campaigns' own times, exactly."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._by_operator: dict[str, list[Campaign]] = {}
        self._places: dict[tuple[str, str, str], list[Priced]] = {}
        self._read_at = datetime.min.replace(tzinfo=UTC)

    def of(self, operator: str) -> Sequence[Campaign]:
        """An operator's campaigns, by id. Raises Problem 503 where what is known is too old to be used."""
        now = datetime.now(UTC)
        return [one for one in self.of_late(operator) if _holds(one, now)]

    def at(self, operator: str, station_id: str, fuel: str) -> Sequence[Priced]:
        """Those of them that have a say in prices of this grade at this station; of others no driver need hear there.

        Raises Problem 503 as `of` does.
        """
        campaigns, place, now = self.of_late(operator), (operator, station_id, fuel), datetime.now(UTC)
        found = self._places.get(place)
        if found is None:
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            found = [Priced(one, one.offer) for one in campaigns if _has_a_say(one, station_id, fuel)]
            self._places[place] = found
        return [one for one in found if _holds(one.campaign, now)]

    def of_late(self, operator: str) -> Sequence[Campaign]:
        """The same, and those that begin or ended by their own times within minutes: for what was paid a moment ago."""
        if datetime.now(UTC) - self._read_at > GOOD_FOR:
            raise Unavailable("The list of campaigns")
        return self._by_operator.get(operator, ())

    async def read(self) -> None:
        """Reads them anew."""
        asked_at = datetime.now(UTC)
        async with self._store.connection() as connection:
            found = await repository.at_work(connection)
        by_operator: defaultdict[str, list[Campaign]] = defaultdict(list)
        for campaign in found:
            by_operator[campaign.operator].append(campaign)
        if by_operator != self._by_operator:
            self._by_operator, self._places = dict(by_operator), {}
        self._read_at = asked_at

    async def run(self) -> None:
        """Keeps it up to date for the life of the service."""
        await keep_reading(self._store, repository.CHANNEL, self.read)


def _has_a_say(campaign: Campaign, station_id: str, fuel: str) -> bool:
    scope = campaign.scope
    return (
        not isinstance(campaign.benefit, REWARDS)
        and (scope.station_ids is None or station_id in scope.station_ids)
        and (scope.fuels is None or fuel in scope.fuels)
    )


def _holds(campaign: Campaign, now: datetime) -> bool:
    return campaign.starts_at <= now and (campaign.ends_at is None or now < campaign.ends_at)
