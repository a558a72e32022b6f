"""Where facts come from: the table of the events that views are folded from, and their topics."""

from collections.abc import Mapping

from analytics.domain import facts
from schemas import events
from schemas.base import Event
from schemas.catalogue import topic_of

FACTS: Mapping[type[Event], type[facts.EventStruct]] = {
    events.OrderPlacedV1: facts.OrderPlaced,
    events.OrderConfirmedV1: facts.OrderConfirmed,
    events.OrderAdjustedV1: facts.OrderAdjusted,
    events.OrderAuthorisedV1: facts.OrderAuthorised,
    events.OrderPaidV1: facts.OrderPaid,
    events.OrderCompletedV1: facts.OrderCompleted,
    events.OrderRefundedV1: facts.OrderRefunded,
    events.OrderCancelledV1: facts.OrderCancelled,
    events.PriceChangedV1: facts.PriceChanged,
    events.PriceConfirmedV1: facts.PriceConfirmed,
    events.StationRegisteredV1: facts.StationRegistered,
    events.StationUpdatedV1: facts.StationUpdated,
    events.StationClosedV1: facts.StationClosed,
    events.PumpStatusChangedV1: facts.PumpStatusChanged,
    events.CampaignPublishedV1: facts.CampaignPublished,
    events.CampaignEndedV1: facts.CampaignEnded,
    events.PointsAccruedV1: facts.PointsAccrued,
    events.PointsRedeemedV1: facts.PointsRedeemed,
    events.PointsReversedV1: facts.PointsReversed,
    events.PointsExpiredV1: facts.PointsExpired,
}
"""Event on the wire -> what views see of it."""
TOPICS = tuple(sorted({topic_of(event).name for event in FACTS}))


def types_of(kinds: tuple[type[facts.EventStruct], ...]) -> Mapping[str, str]:
    """The types of the events that carry facts of these kinds, each with its topic."""
    return {event.type(): topic_of(event).name for event, kind in FACTS.items() if kind in kinds}


def topics_of(kinds: tuple[type[facts.EventStruct], ...]) -> tuple[str, ...]:
    """The topics that carry facts of these kinds."""
    return tuple(sorted(set(types_of(kinds).values())))
