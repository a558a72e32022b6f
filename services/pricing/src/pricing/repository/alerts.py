"""Price alerts: drivers' own ones, and those that news of a price concern."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pricing.domain.alerts import Alert, News, Wish
from pricing.domain.places import box_around
from pricing.repository.columns import columns
from schemas.vocabulary import Fuel
from servicekit.postgres import Connection

SHOWN_STATIONS = 10


async def alerts_of(tx: Connection, driver_id: str, alert_id: UUID | None = None) -> list[Any]:
    """A driver's alerts, or one of them, the oldest first; `met_now` is JSON: the cheapest stations that meet it."""
    return await tx.fetch(
        """SELECT a.*, (
                SELECT count(*) FROM price_alert_stations k WHERE k.alert_id = a.alert_id AND k.is_met
           ) AS stations_met, (
                SELECT coalesce(json_agg(offer), '[]')::text FROM (
                    SELECT p.station_id, p.price_mills
                    FROM price_alert_stations k JOIN prices p ON (p.station_id, p.fuel) = (k.station_id, a.fuel)
                    WHERE k.alert_id = a.alert_id AND k.is_met AND p.price_mills <= a.threshold_mills
                    ORDER BY p.price_mills, p.station_id LIMIT $3
                ) AS offer
           ) AS met_now
           FROM price_alerts a WHERE driver_id = $1 AND (alert_id = $2 OR $2 IS NULL) ORDER BY alert_id""",
        driver_id, alert_id, SHOWN_STATIONS,
    )  # fmt: skip


async def wishes_of(tx: Connection, driver_id: str) -> dict[Wish, UUID]:
    """What a driver's alerts wait for, with their ids."""
    rows = await tx.fetch("SELECT * FROM price_alerts WHERE driver_id = $1", driver_id)
    return {_wish(row): row["alert_id"] for row in rows}


async def insert_alert(tx: Connection, alert: Alert, created_at: datetime) -> None:
    """Stores a new alert, without the stations that it knows."""
    south, west, north, east = box_around(alert.wish.place, alert.wish.radius_m)
    await tx.execute(
        """INSERT INTO price_alerts (alert_id, driver_id, fuel, lat, lon, radius_m, threshold_mills, currency, area,
                                     created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, box(point($10, $9), point($12, $11)), $13)""",
        alert.alert_id, alert.driver_id, *alert.wish, south, west, north, east, created_at,
    )  # fmt: skip


async def lock_prices_within(tx: Connection, wish: Wish) -> list[News]:
    """The wish's grade at every open station of its circle. Until the transaction ends no price there can change."""
    stations = await tx.fetch(
        """SELECT station_id, lat, lon FROM stations
           WHERE NOT closed AND lat BETWEEN $1 AND $3 AND lon BETWEEN $2 AND $4 ORDER BY station_id FOR SHARE""",
        *box_around(wish.place, wish.radius_m),
    )
    within = [row["station_id"] for row in stations if wish.covers((row["lat"], row["lon"]))]
    prices = await tx.fetch(
        "SELECT station_id, version, price_mills, currency FROM prices WHERE station_id = ANY($1) AND fuel = $2",
        within, wish.fuel,
    )  # fmt: skip
    return [News(*row) for row in prices]


async def delete_alerts(tx: Connection, driver_id: str, alert_id: UUID | None = None) -> int:
    """Deletes one of a driver's alerts, or all; returns how many there were."""
    rows = await tx.fetch(
        "DELETE FROM price_alerts WHERE driver_id = $1 AND (alert_id = $2 OR $2 IS NULL) RETURNING alert_id",
        driver_id, alert_id,
    )  # fmt: skip
    return len(rows)


async def alerts_around(tx: Connection, prices: Sequence[tuple[UUID, Fuel]]) -> list[tuple[int, UUID, bool]]:
    """(index of the price, alert whose circle it lies in, whether its station is closed), for each pair."""
    rows = await tx.fetch(
        """SELECT e.ordinal, a.*, s.closed, s.lat AS station_lat, s.lon AS station_lon
           FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS e (station_id, fuel, ordinal)
           JOIN stations s USING (station_id)
           JOIN price_alerts a ON a.fuel = e.fuel AND a.area @> box(point(s.lon, s.lat), point(s.lon, s.lat))
           WHERE EXISTS (SELECT FROM price_alerts) ORDER BY e.ordinal""",
        *columns(prices),
    )
    return [
        (row["ordinal"] - 1, row["alert_id"], row["closed"])
        for row in rows
        if _wish(row).covers((row["station_lat"], row["station_lon"]))
    ]


async def lock_alerts(tx: Connection, alert_ids: Iterable[UUID], station_ids: Sequence[UUID]) -> dict[UUID, Alert]:
    """The alerts that still exist, with what they know of these stations; locked until the transaction ends."""
    rows = await tx.fetch(
        "SELECT * FROM price_alerts WHERE alert_id = ANY($1) ORDER BY alert_id FOR UPDATE", list(alert_ids)
    )
    alerts = {row["alert_id"]: Alert(row["alert_id"], row["driver_id"], _wish(row), row["fired"]) for row in rows}
    known = await tx.fetch(
        """SELECT alert_id, station_id, version, is_met FROM price_alert_stations
           WHERE alert_id = ANY($1) AND (is_met OR station_id = ANY($2))""",
        list(alerts), station_ids,
    )  # fmt: skip
    for alert_id, station_id, version, is_met in known:
        alerts[alert_id].versions[station_id] = version
        if is_met:
            alerts[alert_id].met.add(station_id)
    return alerts


async def save_alerts(tx: Connection, alerts: Iterable[Alert], fired_at: Mapping[UUID, datetime]) -> None:
    """Stores what the alerts know now, and how often those fired that just did."""
    known = [
        (alert.alert_id, station_id, version, station_id in alert.met)
        for alert in alerts
        for station_id, version in alert.versions.items()
    ]
    if known:
        await tx.execute(
            """INSERT INTO price_alert_stations AS known (alert_id, station_id, version, is_met)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[])
               ON CONFLICT (alert_id, station_id) DO UPDATE SET (version, is_met) = (excluded.version, excluded.is_met)
               WHERE known.version < excluded.version""",
            *columns(known),
        )
    fired = [(alert.alert_id, alert.fired, fired_at[alert.alert_id]) for alert in alerts if alert.alert_id in fired_at]
    if fired:
        await tx.execute(
            """UPDATE price_alerts SET fired = f.fired, fired_at = f.fired_at
               FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS f (alert_id, fired, fired_at)
               WHERE price_alerts.alert_id = f.alert_id""",
            *columns(fired),
        )


async def forget_gone_stations(tx: Connection, station_ids: Sequence[UUID]) -> None:
    """Those of the stations that closed, or lie outside a circle now, no longer meet its alert."""
    rows = await tx.fetch(
        """SELECT a.*, k.station_id, s.closed, s.lat AS station_lat, s.lon AS station_lon
           FROM price_alert_stations k JOIN stations s USING (station_id) JOIN price_alerts a USING (alert_id)
           WHERE k.station_id = ANY($1) AND k.is_met ORDER BY a.alert_id FOR UPDATE OF a""",
        station_ids,
    )
    gone = [
        (row["alert_id"], row["station_id"])
        for row in rows
        if row["closed"] or not _wish(row).covers((row["station_lat"], row["station_lon"]))
    ]
    if gone:
        await tx.execute(
            """UPDATE price_alert_stations k SET is_met = false
               FROM unnest($1::uuid[], $2::uuid[]) AS gone (alert_id, station_id)
               WHERE (k.alert_id, k.station_id) = (gone.alert_id, gone.station_id)""",
            *columns(gone),
        )


def _wish(row: Any) -> Wish:
    return Wish(row["fuel"], row["lat"], row["lon"], row["radius_m"], row["threshold_mills"], row["currency"])
