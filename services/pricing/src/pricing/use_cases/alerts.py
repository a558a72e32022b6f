"""Price alerts: drivers set and delete them, changes of prices fire them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from pricing.domain.alerts import MAX_ALERTS, Alert, News, Wish
from pricing.repository import alerts as repository
from schemas.base import Event
from schemas.events import PriceAlertFiredV1, PriceChangedV1
from servicekit.consumer import Received
from servicekit.envelope import to_records
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox
from servicekit.problems import Problem

EVENTS_AT_ONCE = 500
"""A batch is taken in parts, since each event may concern many alerts."""


async def set_alert(tx: Connection, driver_id: str, wish: Wish) -> tuple[UUID, bool]:
    """The alert's id, and whether it is new: a driver who asks the same again has the alert already.

    It starts with the prices of this moment: stations that meet it now do not fire it. Prices of its circle cannot
    change before it is stored, so whatever changes later reaches it. The caller has the driver's turn
    (servicekit.erasures). Raises Problem 409 where there are too many.
    """
    existing = await repository.wishes_of(tx, driver_id)
    if wish in existing:
        return existing[wish], False
    if len(existing) >= MAX_ALERTS:
        detail = f"You have {MAX_ALERTS} price alerts, which is all that one driver may have; delete one first."
        raise Problem(409, "too-many-alerts", detail)
    alert = Alert(new_id(), driver_id, wish)
    await repository.insert_alert(tx, alert, datetime.now(UTC))
    for news in await repository.lock_prices_within(tx, wish):
        alert.take(news)
    await repository.save_alerts(tx, [alert], {})
    return alert.alert_id, True


async def delete_alert(tx: Connection, driver_id: str, alert_id: UUID) -> None:
    """Deletes one of the driver's alerts. Raises Problem 404 where there is none with this id."""
    if not await repository.delete_alerts(tx, driver_id, alert_id):
        raise Problem(404, "unknown-alert", "You have no price alert with this id.")


async def take_price_changes(tx: Connection, received: Sequence[Received]) -> None:
    """Tells the alerts around each price of its change; those that it fires say so in the same transaction."""
    for start in range(0, len(received), EVENTS_AT_ONCE):
        await _tell_alerts(tx, [event for event, *_ in received[start : start + EVENTS_AT_ONCE]])


async def forget_gone_stations(tx: Connection, received: Sequence[Received]) -> None:
    """Stations that closed or moved away meet no alert any more; an alert that none meets is armed again."""
    await repository.forget_gone_stations(tx, list({event.station_id for event, *_ in received}))


async def _tell_alerts(tx: Connection, changes: Sequence[PriceChangedV1]) -> None:
    around = await repository.alerts_around(tx, [(change.station_id, change.fuel) for change in changes])
    if not around:
        return
    alerts = await repository.lock_alerts(
        tx, {alert_id for _, alert_id, _ in around}, [change.station_id for change in changes]
    )
    now = datetime.now(UTC)
    fired: list[Event] = []
    fired_at: dict[UUID, datetime] = {}
    for index, alert_id, is_closed in around:
        alert, change = alerts.get(alert_id), changes[index]  # None: its driver has just deleted it
        price_mills = None if is_closed else change.price_mills
        if alert and alert.take(News(change.station_id, change.version, price_mills, change.currency)):
            fired.append(_alert_fired(alert, change, now))
            fired_at[alert_id] = now
    await repository.save_alerts(tx, alerts.values(), fired_at)
    await append_to_outbox(tx, to_records(fired))


def _alert_fired(alert: Alert, change: PriceChangedV1, now: datetime) -> PriceAlertFiredV1:
    return PriceAlertFiredV1(
        alert_id=alert.alert_id, version=alert.fired, driver_id=alert.driver_id, fuel=change.fuel,
        threshold_mills=alert.wish.threshold_mills, station_id=change.station_id,
        price_mills=change.price_mills or 0, currency=change.currency, occurred_at=now,
    )  # fmt: skip
