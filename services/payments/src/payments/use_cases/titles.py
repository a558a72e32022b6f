"""What drivers keep of the buyers on their invoices: all of it sealed in the driver's own box."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.titles import MAX_TITLES, BadTitle, Title, require_good
from payments.repository import titles as repository
from payments.repository.titles import StoredTitle
from payments.use_cases.context import Payments
from servicekit.erasures import require_present
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.vault import Box


async def titles_of(payments: Payments, tx: Connection, driver_id: str) -> dict[UUID, Title]:
    """A driver's titles by their ids, the oldest first."""
    if not (stored := await repository.of_driver(tx, driver_id)):
        return {}
    box = await payments.vault.box(tx, driver_id)
    return {one.title_id: _opened(box, one) for one in stored}


async def title_of(payments: Payments, tx: Connection, driver_id: str, title_id: UUID) -> Title:
    """One of a driver's titles. Raises Problem 404."""
    if (stored := await repository.find(tx, driver_id, title_id)) is None:
        raise _no_such_title()
    return _opened(await payments.vault.box(tx, driver_id), stored)


async def add_title(payments: Payments, tx: Connection, driver_id: str, title: Title) -> tuple[UUID, bool]:
    """The title's id, and whether it is new: the same once more is the one that is there.

    Raises Problem 401, 409, 422.
    """
    _require_good(title)
    await require_present(payments.erasures, tx, driver_id)
    known = await titles_of(payments, tx, driver_id)
    if same := next((title_id for title_id, one in known.items() if one == title), None):
        return same, False
    if len(known) >= MAX_TITLES:
        raise Problem(409, "too-many-titles", f"You have {MAX_TITLES} titles already; remove one that is not needed.")
    return await _save(payments, tx, driver_id, new_id(), title, datetime.now(UTC)), True


async def change_title(
    payments: Payments, tx: Connection, driver_id: str, title_id: UUID, change: Mapping[str, Any]
) -> Title:
    """The title with some fields changed; invoices that it is on stay as they are. Raises Problem 401, 404, 422."""
    await require_present(payments.erasures, tx, driver_id)
    title = replace(await title_of(payments, tx, driver_id, title_id), **change)
    _require_good(title)
    await _save(payments, tx, driver_id, title_id, title, datetime.now(UTC))
    return title


async def remove_title(payments: Payments, tx: Connection, driver_id: str, title_id: UUID) -> None:
    """The title is gone. Raises Problem 404."""
    if not await repository.delete(tx, driver_id, title_id):
        raise _no_such_title()


async def collect(payments: Payments, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS."""
    titles = await titles_of(payments, tx, driver_id)
    return [{"title_id": title_id} | asdict(title) for title_id, title in titles.items()]


async def erase(_: Payments, tx: Connection, driver_id: str) -> int:
    """See people.ERASES."""
    return await repository.delete_all(tx, driver_id)


async def move(payments: Payments, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES: sealed anew, in the other account's box."""
    stored = await repository.of_driver(tx, driver_id)
    titles = await titles_of(payments, tx, driver_id)
    for one in stored:
        await _save(payments, tx, into, one.title_id, titles[one.title_id], one.made_at)


async def _save(
    payments: Payments, tx: Connection, driver_id: str, title_id: UUID, title: Title, made_at: datetime
) -> UUID:
    box = await payments.vault.box(tx, driver_id)
    sealed = box.seal(msgspec.json.encode(title).decode(), _context(title_id))
    await repository.save(tx, driver_id, StoredTitle(title_id, sealed, made_at))
    return title_id


def _require_good(title: Title) -> None:
    try:
        require_good(title)
    except BadTitle as error:
        errors = [{"pointer": f"/{error.field}", "in": "body", "detail": str(error)}]
        raise Problem(422, "bad-title", str(error), errors=errors) from error


def _no_such_title() -> Problem:
    return Problem(404, "no-such-title", "You have no title with this id; GET /v1/invoice-titles lists yours.")


def _opened(box: Box, stored: StoredTitle) -> Title:
    return msgspec.json.decode(box.open(stored.sealed, _context(stored.title_id)), type=Title)


def _context(title_id: UUID) -> str:
    return f"invoice_titles.sealed|{title_id}"
