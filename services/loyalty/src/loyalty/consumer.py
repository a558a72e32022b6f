"""What loyalty listens to; `servicekit.personal_data` adds what it does about people."""

from functools import partial

from loyalty.use_cases import places
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.members import take_registered
from loyalty.use_cases.purchases import OF_ORDERS, take_orders
from schemas.events import UserRegisteredV1
from servicekit.consumer import Subscriptions

EVENTS = (*places.SUBSCRIPTIONS, *OF_ORDERS, UserRegisteredV1)
"""What it takes up; other kinds of orders' events pass by."""


def subscriptions(loyalty: Loyalty) -> Subscriptions:
    """What is done about each event."""
    return {
        **places.SUBSCRIPTIONS,
        **dict.fromkeys(OF_ORDERS, partial(take_orders, loyalty)),  # one for all: so they come in one run
        UserRegisteredV1: take_registered,
    }
