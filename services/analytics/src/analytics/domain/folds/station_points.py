"""Points that drivers got for orders of a station, by the hour."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from analytics.domain import facts
from analytics.domain.facts import Fact
from analytics.domain.folds.station_hours import HOUR_FORMAT
from analytics.domain.views import Document


class StationPoints:
    """Per station and hour in UTC (`station_id`, `begins_at`): `points`, `accruals` (how many times somebody got some)
    and `campaigns` {id: points, accruals} of those that a campaign multiplied. What two campaigns multiplied counts for
    both, and once for the station. By hours, as sales are: a station's own day is some of them.

    Points that are taken back after a refund name no station: they are not taken off here.
    """

    name = "station-points"
    collection = "station_points"
    events = (facts.PointsAccrued,)
    indexes: tuple[Mapping[str, int], ...] = ({"station_id": 1, "begins_at": 1},)

    def keys(self, fact: Fact) -> Iterable[str]:
        """The station's hour in which they were given; rewards that are no order's have no station."""
        event = fact.event
        if not isinstance(event, facts.PointsAccrued) or event.station_id is None:
            return ()
        return (f"{event.station_id}|{event.occurred_at.astimezone(UTC):{HOUR_FORMAT}}",)

    def begin(self, key: str, fact: Fact) -> Document:
        """An hour without points."""
        assert isinstance(fact.event, facts.PointsAccrued)  # noqa: S101 - `keys` lets no other pass
        return {
            "station_id": fact.event.station_id, "begins_at": self.begins_at(key), "points": 0,
            "accruals": 0, "campaigns": {},
        }  # fmt: skip

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Adds them; campaigns stay in the order of their ids."""
        for fact in facts:
            _add(document, fact.event)
        document["campaigns"] = dict(sorted(document["campaigns"].items()))

    def begins_at(self, key: str) -> datetime | None:
        """The beginning of its hour."""
        return datetime.strptime(key.split("|")[1], HOUR_FORMAT).replace(tzinfo=UTC)


def _add(document: Document, event: facts.EventStruct) -> None:
    assert isinstance(event, facts.PointsAccrued)  # noqa: S101 - `keys` lets no other pass
    multiplied = {str(campaign_id) for campaign_id in event.campaign_ids or ()}
    parts = [document["campaigns"].setdefault(one, {"points": 0, "accruals": 0}) for one in multiplied]
    for figures in (document, *parts):
        figures["points"] += event.points
        figures["accruals"] += 1
