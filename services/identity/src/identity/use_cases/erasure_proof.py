"""What shows that a person was forgotten: in every service, when what was erased, and what is left."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from identity.providers.personal_data import NoAnswer
from identity.repository import erasures as repository
from identity.use_cases.context import Identity
from identity.use_cases.other_services import ask
from servicekit.erasures import PostgresErasures


@dataclass(frozen=True, slots=True)
class Statement:
    """What one service says of a person."""

    service: str
    erased_at: datetime | None
    erased: Mapping[str, int]
    left: Mapping[str, int]
    merged_into: UUID | None = None
    problem: str | None = None
    """Why the service says nothing."""


async def report(identity: Identity, user_id: UUID) -> list[Statement]:
    """Every service's statement, identity's first."""
    others = [_of_other(identity, service, user_id) for service in identity.other_services.names]
    return list(await asyncio.gather(_own(identity, user_id), *others))


async def _own(identity: Identity, user_id: UUID) -> Statement:
    gone = await PostgresErasures(identity.store).find(str(user_id))
    async with identity.store.connection() as connection:
        left = await repository.left_of(connection, [user_id])
    into = UUID(gone.merged_into) if gone and gone.merged_into else None
    return Statement("identity", gone.at if gone else None, gone.erased if gone else {}, left, into)


async def _of_other(identity: Identity, service: str, user_id: UUID) -> Statement:
    try:
        account = await ask(identity, service, user_id)
    except NoAnswer as error:
        return Statement(service, None, {}, {}, problem=str(error))
    left = {kind: _count(value) for kind, value in account.data.items() if _count(value)}
    return Statement(service, account.erased_at, account.erased, left, account.merged_into)


def _count(value: Any) -> int:
    """How many things a service tells of under one name."""
    return len(value) if isinstance(value, list | dict) else int(value is not None)
