"""What the service has of people: alerts of drivers, and what staff did, by an id that only identity can tell from
another."""

from typing import Any

from pricing.repository import people as repository
from pricing.repository.alerts import delete_alerts
from servicekit.postgres import Connection, PostgresStore


class PeopleData:
    """See servicekit.personal_data.PersonalData."""

    kept = frozenset({"price_change_steps", "price_rules"})

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def collect(self, subject: str) -> dict[str, Any]:
        """A driver's alerts, and what a member of staff did to prices and rules."""
        async with self._store.connection() as connection:
            found = {
                "price_alerts": await repository.alerts_of(connection, subject),
                "price_change_steps": await repository.steps_by(connection, subject),
                "price_rules": await repository.rules_by(connection, subject),
            }
        return {kind: [dict(row) for row in rows] for kind, rows in found.items()}

    async def erase(self, tx: Connection, subject: str) -> dict[str, int]:
        """Deletes alerts with all they know; who set which price when is the books' and stays, under the id alone."""
        alerts = await delete_alerts(tx, subject)
        return {"price_alerts": alerts, "idempotent_replies": await repository.delete_replies(tx, subject)}

    async def merge(self, tx: Connection, subject: str, into: str) -> None:
        """Hands over alerts and what waits for approval; the audit trail keeps saying which account did what."""
        await repository.move_alerts(tx, subject, into)
        await repository.move_open_changes(tx, subject, into)
        await repository.delete_replies(tx, subject)
