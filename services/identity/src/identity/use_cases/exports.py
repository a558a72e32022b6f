"""All that the suite knows of a person, collected from every service in the background."""

import asyncio
import logging
from collections.abc import Iterable
from uuid import UUID

import msgspec

from identity.domain import exports as domain
from identity.domain.exports import Export, ExportStatus
from identity.providers.personal_data import NoAnswer
from identity.repository import exports as repository
from identity.repository.profile import hold_user
from identity.use_cases import audit, everything
from identity.use_cases.accounts import hold_account, lock_account
from identity.use_cases.context import Identity
from identity.use_cases.other_services import ask
from servicekit.backoff import Backoff
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

OWN = "identity"
LOOK_SECONDS = 1.0


async def request_export(identity: Identity, tx: Connection, user_id: UUID) -> Export:
    """The person's export: the one that is being collected, or a new one in place of an older archive.

    Raises Problem 401.
    """
    await lock_account(tx, user_id)
    if running := await repository.running_of(tx, user_id):
        return running
    export = await repository.replace(tx, user_id, new_id())
    await audit.append(identity, tx, str(user_id), "export-requested", str(user_id), {"export": str(export.id)})
    return export


async def read_export(tx: Connection, user_id: UUID, export_id: UUID) -> Export:
    """One of the person's exports. Raises Problem 404."""
    if (export := await repository.find_export(tx, user_id, export_id)) is None:
        kept = f"{domain.KEPT_FOR.days} days"
        raise Problem(404, "no-such-export", f"You have no such export; an archive is kept for {kept}, one at a time.")
    return export


async def read_archive(identity: Identity, user_id: UUID, export_id: UUID) -> bytes:
    """The archive of an export, a ZIP file. Raises Problem 401, 404, 409."""

    async def read(tx: Connection) -> tuple[Export, dict[str, str]]:
        await hold_account(tx, user_id)
        export = await read_export(tx, user_id, export_id)
        if export.status is not ExportStatus.READY:
            raise Problem(409, "export-not-ready", f"This export is {export.status}: look at it, then ask for it.")
        box = await identity.vault.box(tx, str(user_id))
        parts = await repository.parts_of(tx, export_id)
        await audit.append(identity, tx, str(user_id), "export-taken", str(user_id), {"export": str(export_id)})
        return export, {name: box.open(sealed, _context(export_id, name)) for name, sealed in parts.items()}

    export, parts = await identity.store.transact(read)
    return await asyncio.to_thread(domain.archive, parts, export.requested_at)


async def drop_exports(_: Identity, tx: Connection, user_id: UUID, into: UUID) -> None:
    """An account that becomes a part of another leaves no archive behind: it would lack the other's half."""
    await repository.delete_exports(tx, user_id)


async def keep_exports(identity: Identity) -> None:
    """Collects whatever is asked for, until cancelled; every replica does, each export by one at a time."""
    backoff = Backoff()
    while True:
        try:
            if not await collect_next(identity):
                await asyncio.sleep(LOOK_SECONDS)
            backoff = Backoff()
        except StoreUnavailable as error:
            log.warning("exports wait for the database", extra={"error": str(error)})
            await backoff.wait()


async def collect_next(identity: Identity) -> bool:
    """Asks once for all that one export still lacks; False where there is nothing to do now."""
    for failed in await identity.store.transact(repository.end_overdue):
        log.error("export failed, a service did not answer for a day", extra={"export_id": str(failed)})
    export = await identity.store.transact(repository.claim_due)
    if export is None:
        return False
    async with identity.store.connection() as connection:
        known = await repository.parts_of(connection, export.id)
    # No service is asked within a transaction; the answers are stored each by itself, so a death loses at most one try.
    answers = await asyncio.gather(
        *(_ask(identity, export, service) for service in identity.other_services.names if service not in known)
    )
    await identity.store.transact(lambda tx: _take(identity, tx, export, [one for one in answers if one]))
    return True


async def _ask(identity: Identity, export: Export, service: str) -> tuple[str, str] | None:
    try:
        account = await ask(identity, service, export.user_id)
    except NoAnswer as error:
        log.warning("export waits", extra={"export_id": str(export.id), "error": str(error)})
        return None
    return service, _text(account.data)


async def _take(identity: Identity, tx: Connection, export: Export, answers: Iterable[tuple[str, str]]) -> None:
    """Stores what came, with identity's own, and decides what is next."""
    if await hold_user(tx, export.user_id) is None or await repository.lock_running(tx, export.id) is None:
        return  # erased or merged meanwhile, or another replica was done first
    parts = {**dict(answers), OWN: _text(await everything.collect(identity, tx, export.user_id))}
    box = await identity.vault.box(tx, str(export.user_id))
    sealed = {service: box.seal(text, _context(export.id, service)) for service, text in parts.items()}
    await repository.add_parts(tx, export.id, sealed)
    known = await repository.parts_of(tx, export.id)
    if sum(map(len, known.values())) > domain.MAX_ARCHIVE_BYTES:
        log.error("export failed, it is too large", extra={"export_id": str(export.id)})
        await repository.finish(tx, export.id, ExportStatus.FAILED)
    elif missing := sorted({*identity.other_services.names} - known.keys()):
        await repository.wait(tx, export.id, missing, domain.wait_after(export.attempts))
    else:
        await repository.finish(tx, export.id, ExportStatus.READY)


def _text(data: object) -> str:
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()


def _context(export_id: UUID, service: str) -> str:
    return f"export_parts.sealed|{export_id}|{service}"
