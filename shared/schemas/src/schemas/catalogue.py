"""Which event goes where: the one table that joins producers, topics and consumers."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from schemas import events
from schemas.base import Event

HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
YEAR_MS = 400 * DAY_MS
"""A year and the month before it: what a report of a year compares with."""


@dataclass(frozen=True)
class Topic:
    """One Kafka topic: who may write it, who may read it and how long it keeps its records.

    `producer` and `consumers` are Kafka principals; the ACLs of every stack are made from them. A topic with
    `cleanup="compact"` keeps the newest record of every key for ever, so a new consumer can rebuild from it.
    """

    name: str
    producer: str
    consumers: tuple[str, ...]
    key: str
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int = 7 * DAY_MS
    partitions: int = 6
    description: str = ""


@dataclass(frozen=True)
class Entry:
    """One event in the catalogue: its model, its topic, its owner and which of its fields are personal data."""

    event: type[Event]
    topic: str
    owner: str
    personal_data: tuple[str, ...] = ()


STATION_SYSTEMS = "station-systems"
"""The Kafka principal that station systems share; each message also carries its sender's access token."""

OBSERVER = "observer"
"""The operators' reading eye: the read-only Kafka principal of `forecourt tail`, replays and exports. It may read every
topic but raw reports, with drivers' ids as they are."""

ANALYST = "analyst"
"""Analysts in general; each has a Kafka principal of their own, `analyst-NAME`, which reads what `analysts_read`
says."""

COPIER = "analytics"
"""Who makes analysts' copies, and therefore may read what is copied."""

COPIES_KEEP_MS = WEEK_MS
"""As long as a copy keeps a record: what an erased person did is gone from it within a week."""

NOT_FOR_ANALYSTS = {
    "pricing.reports": "raw reports carry their senders' access tokens",
    "identity.users": "it is about people themselves, not about what they do",
    "identity.revocations": "it is about people's sessions",
}
"""What analysts read neither directly nor as copies, with the reason."""

LINKED_IDS = frozenset({
    "alert_id", "card_id", "company_id", "coupon_id", "entry_id", "gift_order_id", "order_id", "recharge_id",
    "refund_id", "reservation_id", "vehicle_id",
})  # fmt: skip
"""Ids of what belongs to one person, or to few, and of what one person did: whoever knows whose order it is would know
all that its driver ever did. Copies for analysts have pseudonyms in their place, as in the place of personal data."""

TOPICS: tuple[Topic, ...] = (
    Topic(
        "stations.stations", "stations",
        ("pricing", "gateway", "stations", "identity", "payments", "loyalty", "analytics"),
        key="station_id",
        cleanup="compact",
        description="Station profiles; the newest record of a station holds all that others need of it.",
    ),
    Topic(
        "stations.pumps", "stations", ("stations", "analytics"), key="station_id", retention_ms=5 * WEEK_MS,
        description="State of each pump.",
    ),
    Topic(
        "pricing.reports", STATION_SYSTEMS, ("pricing",), key="first station_id", retention_ms=DAY_MS,
        description="Raw price reports from station systems, the same body as POST /v1/price-reports.",
    ),
    Topic(
        "pricing.prices", "pricing", ("stations", "gateway", "pricing", "payments", "loyalty", "analytics"),
        key="station_id", retention_ms=5 * WEEK_MS,
        description="Each change of a price at a station, and now and then that it still holds.",
    ),
    Topic(
        "pricing.rejections", "pricing", (), key="station_id",
        description="Price reports that were refused, with the reason.",
    ),
    Topic(
        "pricing.alerts", "pricing", (), key="alert_id",
        description="Price alerts of drivers that fired: what to notify them of.",
    ),
    Topic(
        "payments.orders", "payments", ("loyalty", "analytics"), key="order_id", retention_ms=YEAR_MS, partitions=12,
        description="Each step of a refuelling order's life that others act on.",
    ),
    Topic(
        "payments.cards", "payments", (), key="card_id",
        description="Fuel cards that were bound, recharged or given back.",
    ),
    Topic(
        "loyalty.campaigns", "loyalty", ("stations", "analytics"), key="campaign_id", cleanup="compact",
        description="Campaigns; the newest record of a campaign holds its terms, or that it ended.",
    ),
    Topic(
        "loyalty.points", "loyalty", ("analytics",), key="driver_id", retention_ms=YEAR_MS, partitions=12,
        description="Points that drivers got, spent, lost or are about to lose, and their tiers.",
    ),
    Topic(
        "loyalty.coupons", "loyalty", (), key="coupon_id",
        description="Coupons that drivers got, used or let expire.",
    ),
    Topic(
        "analytics.station-hours", "analytics", (), key="bucket", cleanup="compact", partitions=12,
        description="What a station sold in an hour; the newest record of an hour holds.",
    ),
    Topic(
        "identity.users", "identity", ("identity", "stations", "pricing", "payments", "loyalty", "analytics"),
        key="user_id", cleanup="compact",
        description="People's accounts; that a person was erased or merged is kept for ever.",
    ),
    Topic(
        "identity.revocations", "identity",
        ("identity", "stations", "pricing", "payments", "loyalty", "analytics", "gateway"), key="subject",
        retention_ms=HOUR_MS, partitions=1,
        description="Access tokens that ended early; each replica of each service reads the last hour of it.",
    ),
)  # fmt: skip

CATALOGUE: tuple[Entry, ...] = (
    Entry(events.StationRegisteredV1, "stations.stations", owner="stations"),
    Entry(events.StationUpdatedV1, "stations.stations", owner="stations"),
    Entry(events.StationClosedV1, "stations.stations", owner="stations"),
    Entry(events.PumpStatusChangedV1, "stations.pumps", owner="stations"),
    Entry(events.PriceReportsSubmittedV1, "pricing.reports", owner="pricing"),
    Entry(events.PriceChangedV1, "pricing.prices", owner="pricing"),
    Entry(events.PriceConfirmedV1, "pricing.prices", owner="pricing"),
    Entry(events.PriceReportRejectedV1, "pricing.rejections", owner="pricing"),
    Entry(events.PriceAlertFiredV1, "pricing.alerts", owner="pricing", personal_data=("driver_id",)),
    Entry(events.OrderPlacedV1, "payments.orders", owner="payments", personal_data=("driver_id",)),
    Entry(events.OrderConfirmedV1, "payments.orders", owner="payments", personal_data=("driver_id",)),
    Entry(events.OrderAdjustedV1, "payments.orders", owner="payments", personal_data=("driver_id",)),
    Entry(events.OrderAuthorisedV1, "payments.orders", owner="payments", personal_data=("driver_id",)),
    Entry(events.OrderPaidV1, "payments.orders", owner="payments", personal_data=("driver_id",)),
    Entry(events.OrderCompletedV1, "payments.orders", owner="payments", personal_data=("driver_id",)),
    Entry(events.OrderRefundedV1, "payments.orders", owner="payments", personal_data=("driver_id",)),
    Entry(events.OrderCancelledV1, "payments.orders", owner="payments", personal_data=("driver_id",)),
    Entry(events.CardBoundV1, "payments.cards", owner="payments", personal_data=("driver_id",)),
    Entry(events.CardRechargedV1, "payments.cards", owner="payments", personal_data=("driver_id",)),
    Entry(events.CardUnboundV1, "payments.cards", owner="payments", personal_data=("driver_id",)),
    Entry(events.CampaignPublishedV1, "loyalty.campaigns", owner="loyalty"),
    Entry(events.CampaignEndedV1, "loyalty.campaigns", owner="loyalty"),
    Entry(events.PointsAccruedV1, "loyalty.points", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.PointsRedeemedV1, "loyalty.points", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.PointsReversedV1, "loyalty.points", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.PointsExpiredV1, "loyalty.points", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.PointsExpiringV1, "loyalty.points", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.TierChangedV1, "loyalty.points", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.CouponIssuedV1, "loyalty.coupons", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.CouponRedeemedV1, "loyalty.coupons", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.CouponExpiredV1, "loyalty.coupons", owner="loyalty", personal_data=("driver_id",)),
    Entry(events.StationHourUpdatedV1, "analytics.station-hours", owner="analytics"),
    Entry(events.UserRegisteredV1, "identity.users", owner="identity", personal_data=("user_id",)),
    Entry(events.UserErasedV1, "identity.users", owner="identity", personal_data=("user_id",)),
    Entry(events.UserMergedV1, "identity.users", owner="identity", personal_data=("user_id", "into_user_id")),
    Entry(events.StaffRoleChangedV1, "identity.users", owner="identity", personal_data=("user_id", "changed_by")),
    Entry(events.AccessRevokedV1, "identity.revocations", owner="identity", personal_data=("subject",)),
)

READING = Literal["directly", "as a copy"]
TOPIC_BY_NAME = {topic.name: topic for topic in TOPICS}
ENTRY_BY_TYPE = {entry.event.type(): entry for entry in CATALOGUE}


@cache
def topic_of(event: type[Event]) -> Topic:
    """The topic that carries this event; KeyError if the event is not in the catalogue."""
    return TOPIC_BY_NAME[ENTRY_BY_TYPE[event.type()].topic]


def principal_of(analyst: str) -> str:
    """The Kafka principal of an analyst; its consumer groups and its copies begin with the same name and a dot."""
    return f"{ANALYST}-{analyst}"


def copy_of(topic: str, analyst: str) -> str:
    """The name of an analyst's own pseudonymous copy of a topic."""
    return f"{principal_of(analyst)}.{topic}"


def kept(topic: Topic) -> str:
    """How long the topic keeps its records, in words."""
    if topic.cleanup == "compact":
        return "newest of each key, for ever"
    if topic.retention_ms < DAY_MS:
        return f"{topic.retention_ms / HOUR_MS:g} h"
    days = topic.retention_ms / DAY_MS
    return f"{days:g} day" if days == 1 else f"{days:g} days"


def entries_of(topic: Topic) -> list[Entry]:
    """The events of a topic, in the catalogue's order."""
    return [entry for entry in CATALOGUE if entry.topic == topic.name]


def analysts_read(topic: Topic) -> READING | None:
    """How analysts get to read it: topics with personal data as a pseudonymous copy of each analyst's own."""
    if topic.name in NOT_FOR_ANALYSTS:
        return None
    return "as a copy" if any(entry.personal_data for entry in entries_of(topic)) else "directly"


COPIED = tuple(topic for topic in TOPICS if analysts_read(topic) == "as a copy")
"""What analysts have copies of."""
