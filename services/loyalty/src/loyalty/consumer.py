"""What loyalty listens to; `servicekit.personal_data` adds what it does about people."""

from functools import partial

from loyalty.use_cases import places
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.members import take_registered
from loyalty.use_cases.purchases import take_cancelled, take_completed, take_paid, take_refunded
from schemas.events import OrderCancelledV1, OrderCompletedV1, OrderPaidV1, OrderRefundedV1, UserRegisteredV1
from servicekit.consumer import Subscriptions

EVENTS = (*places.SUBSCRIPTIONS, OrderPaidV1, OrderCompletedV1, OrderRefundedV1, OrderCancelledV1, UserRegisteredV1)
"""What it takes up; other kinds of orders' events pass by."""


def subscriptions(loyalty: Loyalty) -> Subscriptions:
    """What is done about each event."""
    return {
        **places.SUBSCRIPTIONS,
        OrderPaidV1: partial(take_paid, loyalty),
        OrderCompletedV1: partial(take_completed, loyalty),
        OrderRefundedV1: partial(take_refunded, loyalty),
        OrderCancelledV1: partial(take_cancelled, loyalty),
        UserRegisteredV1: take_registered,
    }
