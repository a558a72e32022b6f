"""Providers' notifications: verified, matched with the charge or refund, stored, answered; processed afterwards.

A notification changes no order. It only says when to ask the provider, whose signed answer does (use_cases.attempts).
"""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from payments.domain.provider_words import Provider
from payments.providers.channel import Notification, NotificationRefused
from payments.repository import webhooks as repository
from payments.repository.webhooks import Notice
from payments.use_cases.context import Payments
from payments.use_cases.group_commit import GroupCommit
from servicekit.ids import new_id
from servicekit.problems import Problem
from servicekit.telemetry import PROVIDER_NOTIFICATIONS

log = logging.getLogger(__name__)

STORED, REFUSED = "stored", "refused"
MAX_NAME = 128


class Webhooks:
    """Takes notifications; those that come at the same time share a transaction."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments
        self._notices = GroupCommit(self._write, name="The book of notifications")

    async def take(
        self, provider: Provider, kind: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, str]:
        """The provider's own acknowledgement: status, body, media type. Raises Problem 400, 404 and 503.

        The same notification again is acknowledged and changes nothing.
        """
        channel = self._payments.channels.get(provider)
        if channel is None:
            raise Problem(404, "not-found", "Nobody here expects this provider's notifications.")
        try:
            notice = _notice(provider, await channel.notification(headers, body))
            if kind not in ("", notice.kind):
                raise NotificationRefused("it came to the address of another kind")
            if not await self._notices.submit(notice):
                raise NotificationRefused("we asked for another amount under this number")
        except NotificationRefused as error:
            log.warning("notification refused", extra={"provider": provider, "reason": str(error)})
            PROVIDER_NOTIFICATIONS.labels(provider, REFUSED).inc()
            raise Problem(400, "notification-refused", f"This proves nothing: {error}.") from error
        PROVIDER_NOTIFICATIONS.labels(provider, STORED).inc()
        return channel.acknowledgement

    async def _write(self, notices: Sequence[Notice]) -> list[bool]:
        return await self._payments.store.transact(lambda tx: repository.store(tx, notices))


def _notice(provider: Provider, told: Notification) -> Notice:
    trade, refund = told.trade, told.refund
    if trade:
        kind, number, amount, currency = "payment", trade.number, trade.amount_minor, trade.currency
    elif refund:
        kind, number, amount, currency = "refund", refund.number, refund.amount_minor, None
    else:
        raise NotificationRefused("it tells of nothing")
    for name in (told.id, number):
        if not (0 < len(name) <= MAX_NAME and name.isascii() and name.isprintable()):
            raise NotificationRefused("its names are none")
    return Notice(new_id(), provider, told.id, kind, number, _id_of(number), amount, currency)


def _id_of(number: str) -> UUID | None:
    try:
        found = UUID(hex=number)
    except ValueError:
        return None
    return found if found.hex == number else None
