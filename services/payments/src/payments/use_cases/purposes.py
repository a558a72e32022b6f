"""What charges are for, and what becomes of that when one is paid, lost or ended: one module for each purpose."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from payments.domain.attempts import Attempt
from payments.domain.orders import Order
from payments.use_cases import order_payments, recharge_payments
from payments.use_cases.context import Payments
from servicekit.postgres import Connection


class Purpose(Protocol):
    """What a purpose's module has. Its `subject` is what is paid for: locked before the attempt, always."""

    async def lock(self, tx: Connection, purpose_id: UUID) -> Any:
        """What is paid for, which nobody else can change until the transaction ends."""
        ...

    def is_wanted(self, subject: Any) -> bool:
        """Whether somebody still waits for a payment."""
        ...

    def order_of(self, subject: Any, /) -> Order | None:
        """The order, where it is one: exceptions name its station."""
        ...

    async def take(self, payments: Payments, tx: Connection, subject: Any, attempt: Attempt, at: datetime, /) -> bool:
        """The charge is paid: books it, and makes it count. False, and nothing happened: it came too late."""
        ...

    async def lose(self, tx: Connection, subject: Any, at: datetime) -> None:
        """The provider does not answer."""
        ...

    async def fail(self, tx: Connection, subject: Any, at: datetime) -> None:
        """Nothing was charged, and nothing will be."""
        ...


PURPOSES: Mapping[str, Purpose] = {"order": order_payments, "recharge": recharge_payments}
"""By the word that an attempt is stored with."""
