"""Golden examples: for every event a full record and a minimal one, as they lie on Kafka, with fixed ids and times."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.analytics_examples import EXAMPLES as ANALYTICS_EXAMPLES
from schemas.base import Event, rfc3339
from schemas.catalogue import CATALOGUE, STATION_SYSTEMS, topic_of
from schemas.events import (
    AccessRevokedV1,
    CampaignEndedV1,
    CampaignHours,
    CampaignPublishedV1,
    CardBoundV1,
    CardRechargedV1,
    CardUnboundV1,
    DiscountPerLitre,
    OrderAdjustedV1,
    OrderAuthorisedV1,
    OrderCancelledV1,
    OrderCompletedV1,
    OrderConfirmedV1,
    OrderPaidV1,
    OrderPlacedV1,
    OrderRefundedV1,
    PriceAlertFiredV1,
    PriceChangedV1,
    PriceConfirmedV1,
    PricePart,
    PriceReport,
    PriceReportRejectedV1,
    PriceReportsSubmittedV1,
    PumpStatusChangedV1,
    RejectionReason,
    StaffRole,
    StaffRoleChangedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
    UserErasedV1,
    UserMergedV1,
    UserRegisteredV1,
)
from schemas.loyalty_examples import EXAMPLES as LOYALTY_EXAMPLES
from schemas.vocabulary import Fuel, PumpStatus

STATION_ID = UUID("0199a000-0000-7000-8000-000000000001")
ALERT_ID = UUID("0199a000-0000-7000-8000-000000000002")
CAMPAIGN_ID = UUID("0199a000-0000-7000-8000-000000000003")
USER_ID = UUID("0199a000-0000-7000-8000-000000000004")
OTHER_USER_ID = UUID("0199a000-0000-7000-8000-000000000005")
SESSION_ID = UUID("0199a000-0000-7000-8000-000000000006")
ORDER_ID = UUID("0199a000-0000-7000-8000-000000000007")
CARD_ID = UUID("0199a000-0000-7000-8000-000000000008")
RESERVATION_ID = UUID("0199a000-0000-7000-8000-000000000009")
REFUND_ID = UUID("0199a000-0000-7000-8000-00000000000a")
VEHICLE_ID = UUID("0199a000-0000-7000-8000-00000000000b")
COMPANY_ID = UUID("0199a000-0000-7000-8000-00000000000c")
EFFECTIVE_AT = datetime(2026, 4, 30, 10, 0, tzinfo=UTC)
SUBMITTED_AT = datetime(2026, 4, 30, 10, 0, 1, 250_000, tzinfo=UTC)
RECEIVED_AT = datetime(2026, 4, 30, 10, 0, 1, 500_000, tzinfo=UTC)
PUBLISHED_AT = datetime(2026, 4, 30, 10, 0, 2, tzinfo=UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


_FULL: dict[str, Any] = {"brand": "Example Fuel", "region": "DE-BE", "fuels": [Fuel.E5, Fuel.E10, Fuel.DIESEL_B7]}
_PRICE: dict[str, Any] = {
    "station_id": STATION_ID, "fuel": Fuel.E5, "currency": "EUR", "report_id": "4711-e5-1",
    "effective_at": EFFECTIVE_AT, "submitted_at": SUBMITTED_AT, "received_at": RECEIVED_AT,
}  # fmt: skip
_ALERT: dict[str, Any] = {
    "alert_id": ALERT_ID, "driver_id": "0199a000-0000-7000-8000-000000000004", "fuel": Fuel.E5,
    "threshold_mills": 1_699, "station_id": STATION_ID, "currency": "EUR", "occurred_at": EFFECTIVE_AT,
}  # fmt: skip
_CAMPAIGN: dict[str, Any] = {
    "campaign_id": CAMPAIGN_ID, "name": "Night owl", "audience": "everyone", "starts_at": EFFECTIVE_AT,
    "occurred_at": EFFECTIVE_AT,
}  # fmt: skip
_ORDER: dict[str, Any] = {
    "order_id": ORDER_ID, "driver_id": str(USER_ID), "station_id": STATION_ID, "operator": "example-fuel",
    "pump_id": "3", "fuel": Fuel.PETROL_95, "mode": "post_pay", "price_mills": 7_850, "currency": "CNY",
    "occurred_at": EFFECTIVE_AT,
}  # fmt: skip
_PRE_AUTH: dict[str, Any] = _ORDER | {"mode": "pre_auth"}
_PREPAID: dict[str, Any] = _ORDER | {"mode": "prepaid"}
_COUPON = PricePart(kind="coupon", reference="c-1", reason="Coupon: 20 off 200", amount_minor=2_000)
_POINTS = PricePart(kind="points", reason="500 points", amount_minor=500, points=500)
_CARD: dict[str, Any] = {
    "card_id": CARD_ID, "driver_id": str(USER_ID), "currency": "CNY", "occurred_at": EFFECTIVE_AT
}  # fmt: skip


def _station(kind: type[Event], version: int, **fields: Any) -> Event:
    minimal = {
        "station_id": STATION_ID, "version": version, "operator": "example-fuel", "external_id": "4711",
        "name": "Example", "country": "DE", "time_zone": "Europe/Berlin", "currency": "EUR", "lat": 52.52,
        "lon": 13.41, "occurred_at": EFFECTIVE_AT,
    }  # fmt: skip
    return kind(**minimal | fields)


def _report(report_id: str, fuel: Fuel, price_mills: int | None) -> PriceReport:
    return PriceReport(
        report_id=report_id, station_id=STATION_ID, fuel=fuel, price_mills=price_mills, currency="EUR",
        effective_at=EFFECTIVE_AT,
    )  # fmt: skip


EXAMPLES: tuple[tuple[Event, Event], ...] = (
    (_station(StationRegisteredV1, 1, **_FULL), _station(StationRegisteredV1, 1)),
    (_station(StationUpdatedV1, 2, **_FULL), _station(StationUpdatedV1, 3)),
    (_station(StationClosedV1, 4, **_FULL, reason="The lease ended"), _station(StationClosedV1, 5)),
    (
        PumpStatusChangedV1(
            station_id=STATION_ID, pump_id="3", version=2, status=PumpStatus.IN_TRANSACTION,
            fuels=[Fuel.E5, Fuel.DIESEL_B7], waiting_vehicles=2, occurred_at=EFFECTIVE_AT,
        ),
        PumpStatusChangedV1(
            station_id=STATION_ID, pump_id="4", version=1, status=PumpStatus.FREE, fuels=[], occurred_at=EFFECTIVE_AT
        ),
    ),
    (
        PriceReportsSubmittedV1(
            submitted_at=SUBMITTED_AT,
            reports=[_report("4711-e5-1", Fuel.E5, 1_799), _report("4711-diesel-1", Fuel.DIESEL_B7, 1_659)],
        ),
        PriceReportsSubmittedV1(submitted_at=SUBMITTED_AT, reports=[_report("4711-e5-2", Fuel.E5, None)]),
    ),
    (
        PriceChangedV1(**_PRICE, version=7, price_mills=1_799, previous_price_mills=1_819),
        PriceChangedV1(**_PRICE, version=8, price_mills=None, previous_price_mills=None),
    ),
    (
        PriceConfirmedV1(station_id=STATION_ID, fuel=Fuel.E5, version=7, confirmed_at=EFFECTIVE_AT),
        PriceConfirmedV1(station_id=STATION_ID, fuel=Fuel.E10, version=1, confirmed_at=EFFECTIVE_AT),
    ),
    (
        PriceReportRejectedV1(
            **_PRICE, price_mills=17, reason=RejectionReason.OUTSIDE_SANE_BOUNDS, rule="DE/1/sane-bounds"
        ),
        PriceReportRejectedV1(**_PRICE, price_mills=None, reason=RejectionReason.UNKNOWN_STATION),
    ),
    (
        PriceAlertFiredV1(**_ALERT, version=2, price_mills=1_699),
        PriceAlertFiredV1(**_ALERT, version=1, price_mills=1_689),
    ),
    (
        OrderPlacedV1(
            **_ORDER, version=1, price_version=7, measure="amount", requested_minor=30_000, requested_ml=38_216
        ),
        OrderPlacedV1(**_ORDER, version=1, price_version=7, measure="fill_up"),
    ),
    (
        OrderConfirmedV1(**_ORDER, version=2, volume_ml=40_000, gross_minor=31_400),
        OrderConfirmedV1(**_ORDER, version=2),
    ),
    (
        OrderAdjustedV1(
            **_ORDER, version=3, volume_ml=38_000, gross_minor=29_830, previous_gross_minor=31_400, reason="misread"
        ),
        OrderAdjustedV1(**_ORDER, version=3, volume_ml=38_000, gross_minor=29_830, reason="misread"),
    ),
    (
        OrderAuthorisedV1(**_PRE_AUTH, version=3, method="fuel_card", authorised_minor=30_000),
        OrderAuthorisedV1(**_PRE_AUTH, version=3, method="wechat", authorised_minor=30_000),
    ),
    (
        OrderPaidV1(
            **_ORDER, version=4, volume_ml=40_000, gross_minor=31_400, breakdown=[_COUPON, _POINTS], paid_minor=28_900,
            method="fuel_card", card_id=CARD_ID, reservation_id=RESERVATION_ID, vehicle_id=VEHICLE_ID,
            odometer_km=48_210,
        ),
        OrderPaidV1(
            **_ORDER, version=4, volume_ml=40_000, gross_minor=31_400, breakdown=[], paid_minor=31_400, method="wechat"
        ),
    ),
    (
        OrderCompletedV1(
            **_PREPAID, version=5, volume_ml=37_828, paid_minor=31_400, used_minor=29_700,
            method="fuel_card", card_id=CARD_ID,
        ),
        OrderCompletedV1(**_ORDER, version=5, paid_minor=31_400),
    ),
    (
        OrderRefundedV1(
            **_ORDER, version=7, refund_id=REFUND_ID, amount_minor=1_570, refunded_minor=1_570, paid_minor=28_900,
            volume_ml=2_000, method="fuel_card", reason="short_delivery", unused=False,
        ),
        OrderRefundedV1(
            **_ORDER, version=7, refund_id=REFUND_ID, amount_minor=31_400, refunded_minor=31_400, paid_minor=31_400,
            method="wechat", reason="goodwill",
        ),
    ),
    (
        OrderCancelledV1(
            **_ORDER, version=2, how="rejected", reason="pump_out_of_order", reservation_id=RESERVATION_ID
        ),
        OrderCancelledV1(**_ORDER, version=2, how="cancelled", reason="driver"),
    ),
    (
        CardBoundV1(**_CARD, version=1, kind="physical", company_id=COMPANY_ID),
        CardBoundV1(**_CARD, version=1, kind="virtual"),
    ),
    (
        CardRechargedV1(
            **_CARD, version=2, recharge_id=REFUND_ID, amount_minor=50_000, balance_minor=61_000, method="wechat"
        ),
        CardRechargedV1(
            **_CARD, version=3, recharge_id=REFUND_ID, amount_minor=50_000, balance_minor=50_000, method="alipay"
        ),
    ),
    (CardUnboundV1(**_CARD, version=4, refunded_minor=11_000), CardUnboundV1(**_CARD, version=5, refunded_minor=0)),
    (
        CampaignPublishedV1(
            **_CAMPAIGN, version=2, discount=DiscountPerLitre(mills=30), currency="EUR", minimum_volume_ml=20_000,
            station_ids=[STATION_ID], operators=["example-fuel"], fuels=[Fuel.E5, Fuel.E10],
            hours=[CampaignHours(weekdays=[1, 2, 3, 4, 5], from_time="22:00", until_time="06:00")],
            ends_at=datetime(2026, 5, 31, 22, 0, tzinfo=UTC),
        ),
        CampaignPublishedV1(**_CAMPAIGN, version=1, discount=None),
    ),
    (
        CampaignEndedV1(campaign_id=CAMPAIGN_ID, version=3, occurred_at=EFFECTIVE_AT),
        CampaignEndedV1(campaign_id=CAMPAIGN_ID, version=2, occurred_at=EFFECTIVE_AT),
    ),
    *LOYALTY_EXAMPLES,
    *ANALYTICS_EXAMPLES,
    (
        UserRegisteredV1(user_id=USER_ID, version=1, kind="driver", occurred_at=EFFECTIVE_AT),
        UserRegisteredV1(user_id=USER_ID, version=1, kind="staff", occurred_at=EFFECTIVE_AT),
    ),
    (
        UserErasedV1(user_id=USER_ID, version=4, occurred_at=EFFECTIVE_AT),
        UserErasedV1(user_id=OTHER_USER_ID, version=2, occurred_at=EFFECTIVE_AT),
    ),
    (
        UserMergedV1(user_id=OTHER_USER_ID, version=2, into_user_id=USER_ID, occurred_at=EFFECTIVE_AT),
        UserMergedV1(user_id=OTHER_USER_ID, version=3, into_user_id=USER_ID, occurred_at=EFFECTIVE_AT),
    ),
    (
        StaffRoleChangedV1(
            user_id=USER_ID, version=3, changed_by=OTHER_USER_ID, occurred_at=EFFECTIVE_AT,
            roles=[StaffRole(role="manager", operators=["example-fuel"], station_ids=[STATION_ID])],
        ),
        StaffRoleChangedV1(user_id=USER_ID, version=4, roles=[], changed_by=None, occurred_at=EFFECTIVE_AT),
    ),
    (
        AccessRevokedV1(
            subject=USER_ID, session_id=SESSION_ID, lowest_version=3, reason="erased", occurred_at=EFFECTIVE_AT
        ),
        AccessRevokedV1(subject=USER_ID, reason="signed_out", occurred_at=EFFECTIVE_AT),
    ),
)  # fmt: skip
"""(full, minimal) of each event. Full has every optional field, minimal has none."""


def golden_records() -> dict[type[Event], dict[str, dict[str, Any]]]:
    """Of each event in the catalogue its records: `full` and `minimal`, each {headers, key, value}.

    KeyError for an event without examples.
    """
    by_type = {type(full): (full, minimal) for full, minimal in EXAMPLES}
    records: dict[type[Event], dict[str, dict[str, Any]]] = {}
    for number, entry in enumerate(CATALOGUE, start=1):
        full, minimal = by_type[entry.event]
        records[entry.event] = {
            "full": _record(full, _event_id(number, 1), TRACEPARENT),
            "minimal": _record(minimal, _event_id(number, 2), None),
        }
    return records


def _event_id(entry: int, example: int) -> UUID:
    return UUID(f"0199a000-{entry:04}-7000-8000-{example:012}")


def _record(event: Event, event_id: UUID, traceparent: str | None) -> dict[str, Any]:
    headers = _headers(event, event_id) | ({"traceparent": traceparent} if traceparent else {})
    return {"headers": headers, "key": event.key(), "value": event.model_dump(mode="json")}


def _headers(event: Event, event_id: UUID) -> dict[str, str]:
    """CloudEvents 1.0 in binary mode; what comes from outside the suite also carries its sender's token."""
    producer = topic_of(type(event)).producer
    outside = producer == STATION_SYSTEMS
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event_id),
        "ce_source": "urn:example:station-system" if outside else f"urn:forecourt:{producer}",
        "ce_type": event.type(),
        "ce_time": rfc3339(PUBLISHED_AT),
        "content-type": "application/json",
    }
    return headers | ({"authorization": "Bearer <access token>"} if outside else {})
