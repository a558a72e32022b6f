"""Points that drivers got for orders of a station, by day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from analytics.domain import facts
from analytics.domain.facts import Fact
from analytics.domain.views import Document


class StationPoints:
    """Per station and UTC day (`station_id`, `day`): `points`, `accruals` (how many times somebody got some) and
    `campaigns` {id: points, accruals} of those that a campaign multiplied. What two campaigns multiplied counts for
    both, and once for the station.

    Points that are taken back after a refund name no station: they are not taken off here.
    """

    name = "station-points"
    collection = "station_points"
    events = (facts.PointsAccrued,)
    indexes: tuple[Mapping[str, int], ...] = ({"station_id": 1, "day": 1},)

    def keys(self, fact: Fact) -> Iterable[str]:
        """The station's day in which they were given; rewards that are no order's have no station."""
        event = fact.event
        if not isinstance(event, facts.PointsAccrued) or event.station_id is None:
            return ()
        return (f"{event.station_id}|{event.occurred_at.astimezone(UTC).date()}",)

    def begin(self, key: str, fact: Fact) -> Document:
        """A day without points."""
        assert isinstance(fact.event, facts.PointsAccrued)  # noqa: S101 - `keys` lets no other pass
        return {
            "station_id": fact.event.station_id, "day": self.begins_at(key), "points": 0, "accruals": 0,
            "campaigns": {},
        }  # fmt: skip

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Adds them; campaigns stay in the order of their ids."""
        for fact in facts:
            _add(document, fact.event)
        document["campaigns"] = dict(sorted(document["campaigns"].items()))

    def begins_at(self, key: str) -> datetime | None:
        """The beginning of its day."""
        return datetime.fromisoformat(key.split("|")[1]).replace(tzinfo=UTC)


def _add(document: Document, event: facts.EventStruct) -> None:
    assert isinstance(event, facts.PointsAccrued)  # noqa: S101 - `keys` lets no other pass
    multiplied = {str(campaign_id) for campaign_id in event.campaign_ids or ()}
    parts = [document["campaigns"].setdefault(one, {"points": 0, "accruals": 0}) for one in multiplied]
    for figures in (document, *parts):
        figures["points"] += event.points
        figures["accruals"] += 1
