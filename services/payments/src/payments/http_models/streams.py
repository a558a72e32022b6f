"""What the live streams of orders send."""

from typing import Annotated, Literal

from pydantic import Field

from payments.http_models.orders import Order
from payments.http_models.station_orders import StationOrder
from schemas.base import Moment
from servicekit.http_models import Shown


class OrderStep(Shown):
    """What happened."""

    version: Annotated[int, Field(description="Of the order after it; one that you have seen you pass over")]
    command: Annotated[str | None, Field(description="Null: it was placed", examples=["confirm"])]
    before: Annotated[str | None, Field(examples=["placed"])]
    after: Annotated[str, Field(examples=["confirmed"])]
    at: Moment


class OrderEvent(Shown):
    """The data of an event `order`: a step of your order, and the order as it is now."""

    step: OrderStep
    order: Order


class BoardEvent(Shown):
    """The data of an event `order`: a step of one of your station's orders, and the order as it is now."""

    step: OrderStep
    order: StationOrder


class BoardReset(Shown):
    """The data of an event `reset`: steps may be missing, so load the list of orders, and go on from here."""

    reason: Annotated[Literal["gap"], Field(examples=["gap"])]
