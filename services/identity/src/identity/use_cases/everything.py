"""All that identity itself knows of a person, readable: its part of an export."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from identity.domain.profile import profile_of
from identity.repository import consents as consents_repository
from identity.repository import exports as exports_repository
from identity.repository.people import rights_of
from identity.use_cases import people, profile
from identity.use_cases.context import Identity
from identity.use_cases.sessions import sessions_of
from identity.use_cases.staff import members_of
from identity.use_cases.vehicles import vehicles_of
from servicekit.postgres import Connection

MAX_ENTRIES = 10_000
"""Of the consents and of the audit log each, the newest."""
Collect = Callable[[Identity, Connection, UUID], Awaitable[Any]]


async def collect(identity: Identity, tx: Connection, user_id: UUID) -> dict[str, Any]:
    """By kind; the caller holds the account."""
    return {name: await part(identity, tx, user_id) for name, part in PARTS.items()}


async def _settings(identity: Identity, tx: Connection, user_id: UUID) -> Any:
    return profile_of(await profile.profile_of(identity, tx, user_id))


async def _roles(_: Identity, tx: Connection, user_id: UUID) -> Any:
    rights = await rights_of(tx, user_id)
    return {"is_driver": rights.is_driver, "staff": rights.staff} if rights else None


async def _name_at_work(identity: Identity, tx: Connection, user_id: UUID) -> Any:
    [member] = await members_of(identity, tx, [user_id])
    return member.name or None


async def _consents(_: Identity, tx: Connection, user_id: UUID) -> Any:
    return await consents_repository.history_of(tx, user_id, MAX_ENTRIES)


async def _log(_: Identity, tx: Connection, user_id: UUID) -> Any:
    return await exports_repository.log_of(tx, user_id, MAX_ENTRIES)


PARTS: dict[str, Collect] = {
    "sign_in_ways": people.logins_of,
    "settings": _settings,
    "roles": _roles,
    "name_at_work": _name_at_work,
    "vehicles": vehicles_of,
    "consents": _consents,
    "sessions": sessions_of,
    "log": _log,
}
