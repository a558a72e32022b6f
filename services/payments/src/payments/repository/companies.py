"""Queries about companies whose account many fuel cards draw on: managers, invitations, cards."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from payments.domain.cards import Card
from payments.domain.companies import Company, InvitationKind
from payments.domain.limits import Limits, from_document, to_document
from payments.repository.cards import COLUMNS, card_of
from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a code stands for."""

    company_id: UUID
    currency: str
    limits: Limits


_COMPANY = "company_id, name, currency, opened_at, closed_at"


async def insert(tx: Connection, company: Company, manager_id: str) -> None:
    """Stores a new company with its first manager."""
    await tx.execute(
        f"INSERT INTO companies ({_COMPANY}) VALUES ($1, $2, $3, $4, $5)",  # noqa: S608 - our own names
        company.company_id, company.name, company.currency, company.opened_at, company.closed_at,
    )  # fmt: skip
    await add_manager(tx, company.company_id, manager_id, company.opened_at)


async def add_manager(tx: Connection, company_id: UUID, driver_id: str, at: datetime) -> None:
    """Lets a driver manage a company; again changes nothing."""
    await tx.execute(
        "INSERT INTO company_managers (company_id, driver_id, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        company_id, driver_id, at,
    )  # fmt: skip


async def remove_manager(tx: Connection, company_id: UUID, driver_id: str) -> bool:
    """Takes the right away; whether there was one."""
    query = "DELETE FROM company_managers WHERE (company_id, driver_id) = ($1, $2) RETURNING true"
    return bool(await tx.fetchval(query, company_id, driver_id))


async def managers_of(tx: Connection, company_id: UUID) -> list[str]:
    """Who manages a company, the longest first."""
    query = "SELECT driver_id FROM company_managers WHERE company_id = $1 ORDER BY since, driver_id"
    return [row["driver_id"] for row in await tx.fetch(query, company_id)]


async def managed(tx: Connection, company_id: UUID, driver_id: str, *, lock: bool = False) -> Company | None:
    """A company that is open, where the driver manages it; locked where asked."""
    row = await tx.fetchrow(
        f"""SELECT {_COMPANY} FROM companies WHERE company_id = $1 AND closed_at IS NULL AND EXISTS (
                SELECT FROM company_managers m WHERE (m.company_id, m.driver_id) = ($1, $2)
            ) {"FOR UPDATE" if lock else ""}""",  # noqa: S608 - our own names
        company_id, driver_id,
    )  # fmt: skip
    return Company(*row) if row else None


async def lock(tx: Connection, company_id: UUID) -> Company | None:
    """The company, locked, whoever manages it."""
    row = await tx.fetchrow(
        f"SELECT {_COMPANY} FROM companies WHERE company_id = $1 FOR UPDATE", company_id  # noqa: S608 - our own names
    )  # fmt: skip
    return Company(*row) if row else None


async def close(tx: Connection, company_id: UUID, at: datetime) -> None:
    """The company is no more; its name is forgotten, and no code is good any longer."""
    await tx.execute("UPDATE companies SET (name, closed_at) = (NULL, $2) WHERE company_id = $1", company_id, at)
    await tx.execute("DELETE FROM company_invitations WHERE company_id = $1", company_id)
    await tx.execute("DELETE FROM company_managers WHERE company_id = $1", company_id)


async def invite(
    tx: Connection, invitation_id: UUID, company_id: UUID, kind: InvitationKind, code_hash: bytes, limits: Limits,
    at: datetime, expires_at: datetime,
) -> None:  # fmt: skip
    """Stores an invitation; those that nobody claimed in time go."""
    await tx.execute("DELETE FROM company_invitations WHERE company_id = $1 AND expires_at < $2", company_id, at)
    await tx.execute(
        """INSERT INTO company_invitations (invitation_id, company_id, kind, code_hash, limits, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        invitation_id, company_id, kind, code_hash, msgspec.json.encode(to_document(limits)).decode(), at, expires_at,
    )  # fmt: skip


async def companies_of(tx: Connection, driver_id: str, *, lock: bool) -> list[Company]:
    """The open companies that a driver manages, the oldest first; locked where asked."""
    rows = await tx.fetch(
        f"""SELECT {_COMPANY} FROM companies WHERE closed_at IS NULL AND EXISTS (
                SELECT FROM company_managers m WHERE (m.company_id, m.driver_id) = (companies.company_id, $1)
            ) ORDER BY company_id {"FOR UPDATE" if lock else ""}""",  # noqa: S608 - our own names
        driver_id,
    )
    return [Company(*row) for row in rows]


async def open_invitations(tx: Connection, company_id: UUID) -> int:
    """How many invitations of a company wait to be claimed."""
    query = "SELECT count(*) FROM company_invitations WHERE company_id = $1 AND claimed_at IS NULL"
    return int(await tx.fetchval(query, company_id) or 0)


async def claim(tx: Connection, code_hash: bytes, kind: InvitationKind, at: datetime) -> Invitation | None:
    """Uses a code up; None where it is none, or was used, or came too late."""
    row = await tx.fetchrow(
        """UPDATE company_invitations i SET claimed_at = $3 FROM companies c
           WHERE i.code_hash = $1 AND i.kind = $2 AND i.claimed_at IS NULL AND i.expires_at > $3
             AND c.company_id = i.company_id AND c.closed_at IS NULL
           RETURNING i.company_id, c.currency, i.limits""",
        code_hash, kind, at,
    )  # fmt: skip
    return Invitation(row[0], row[1], from_document(msgspec.json.decode(row[2]))) if row else None


async def cards_of(tx: Connection, company_id: UUID, after: UUID | None, limit: int) -> list[Card]:
    """A page of a company's open cards, the oldest first."""
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM cards WHERE company_id = $1 AND closed_at IS NULL
            AND ($2::uuid IS NULL OR card_id > $2) ORDER BY card_id LIMIT $3""",  # noqa: S608 - our own names
        company_id, after, limit,
    )  # fmt: skip
    return [card_of(row) for row in rows]


async def lock_cards(tx: Connection, company_id: UUID) -> list[Card]:
    """All open cards of a company, locked."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM cards WHERE company_id = $1 AND closed_at IS NULL ORDER BY card_id FOR UPDATE",  # noqa: S608
        company_id,
    )
    return [card_of(row) for row in rows]


async def count_cards(tx: Connection, company_id: UUID) -> int:
    """How many open cards a company has."""
    query = "SELECT count(*) FROM cards WHERE company_id = $1 AND closed_at IS NULL"
    return int(await tx.fetchval(query, company_id) or 0)


async def move_manager(tx: Connection, driver_id: str, into: str) -> None:
    """What one account of a person manages the other one manages from now on."""
    await tx.execute(
        """INSERT INTO company_managers (company_id, driver_id, since)
           SELECT company_id, $2, since FROM company_managers WHERE driver_id = $1 ON CONFLICT DO NOTHING""",
        driver_id, into,
    )  # fmt: skip
    await tx.execute("DELETE FROM company_managers WHERE driver_id = $1", driver_id)
