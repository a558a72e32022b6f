"""A person's own settings."""

import hashlib
import json
from typing import Any
from uuid import UUID

from identity.domain.profile import merged
from identity.repository import profile as repository
from identity.use_cases.accounts import lock_account
from identity.use_cases.context import Identity
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def profile_of(identity: Identity, tx: Connection, user_id: UUID) -> dict[str, Any]:
    """What the person has set; see identity.domain.profile.profile_of for what holds besides."""
    return await _opened(identity, tx, user_id, await repository.load_profile(tx, user_id))


async def change_profile(
    identity: Identity, tx: Connection, user_id: UUID, patch: dict[str, Any], if_match: str | None = None
) -> dict[str, Any]:
    """The settings with a JSON merge patch. Raises Problem 401, and 412 where they are not those of `if_match`."""
    await lock_account(tx, user_id)
    sealed = await repository.load_profile(tx, user_id)
    _require_match(if_match, etag(sealed))
    document = await _opened(identity, tx, user_id, sealed)
    changed = merged(document, patch)
    if changed != document:
        box = await identity.vault.box(tx, str(user_id))
        await repository.save_profile(tx, user_id, box.seal(json.dumps(changed), _context(user_id)))
    return changed


async def move_profile(identity: Identity, tx: Connection, user_id: UUID, into: UUID) -> None:
    """What one person has set becomes another's where that one has set nothing; both are locked."""
    if await repository.load_profile(tx, into) is None and (kept := await profile_of(identity, tx, user_id)):
        box = await identity.vault.box(tx, str(into))
        await repository.save_profile(tx, into, box.seal(json.dumps(kept), _context(into)))


async def etag_of(tx: Connection, user_id: UUID) -> str:
    """The entity tag of the settings as they are."""
    return etag(await repository.load_profile(tx, user_id))


def etag(sealed: bytes | None) -> str:
    """Made from the sealed text, which differs each time it is sealed and tells nothing."""
    return f'"{hashlib.sha256(sealed or b"").hexdigest()[:16]}"'


async def _opened(identity: Identity, tx: Connection, user_id: UUID, sealed: bytes | None) -> dict[str, Any]:
    if sealed is None:
        return {}
    box = await identity.vault.box(tx, str(user_id))
    return json.loads(box.open(sealed, _context(user_id)))


def _require_match(if_match: str | None, current: str) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    if current not in {tag.strip().removeprefix("W/") for tag in if_match.split(",")}:
        raise Problem(412, "changed-meanwhile", "The settings are not what they were: get them again, then change.")


def _context(user_id: UUID) -> str:
    return f"users.profile|{user_id}"
