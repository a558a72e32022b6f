"""The second factor: an authenticator app's codes and recovery codes, each good once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.domain import totp
from identity.repository import credentials as repository
from identity.use_cases import audit
from identity.use_cases.context import Identity
from servicekit.postgres import Connection

NOBODYS_SECRET = totp.new_secret()
"""Checked against where there is nobody, so that it costs the same work."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app is given, this one time."""

    secret: str
    uri: str


def new_enrolment(email: str) -> Enrolment:
    """A new secret for the app, and the text of its QR code."""
    secret = totp.new_secret()
    return Enrolment(secret, totp.enrolment_uri(secret, email))


async def use_code(identity: Identity, tx: Connection, user_id: UUID, code: str, now: datetime) -> bool:
    """Whether it is the app's code of this moment or a recovery code, not used before; it is used now."""
    stored = await repository.find_credentials(tx, user_id, lock=True)
    boxes = await identity.vault.boxes(tx, [str(user_id)])
    tidy = totp.tidy_code(code)
    if not totp.is_totp(tidy):
        return await _use_recovery_code(identity, tx, user_id, tidy)
    box = boxes.get(str(user_id))
    secret = box.open(stored.totp_secret, totp_context(user_id)) if stored and box else NOBODYS_SECRET
    step = totp.matching_step(secret, tidy, now, stored.totp_last_step if stored else 0)
    return stored is not None and step is not None and await repository.use_totp_step(tx, user_id, step)


async def _use_recovery_code(identity: Identity, tx: Connection, user_id: UUID, code: str) -> bool:
    left = await repository.use_recovery_code(tx, user_id, totp.recovery_digest(user_id, code))
    if left is None:
        return False
    await audit.append(identity, tx, str(user_id), "recovery-code-used", str(user_id), {"left": left})
    return True


async def renew_recovery_codes(identity: Identity, tx: Connection, user_id: UUID, actor: str) -> list[str]:
    """Ten new codes, shown this one time; the old ones end."""
    codes = totp.new_recovery_codes()
    await repository.replace_recovery_codes(tx, user_id, _digests(user_id, codes))
    await audit.append(identity, tx, actor, "recovery-codes-renewed", str(user_id))
    return codes


def totp_context(user_id: UUID) -> str:
    """Where the secret is sealed for."""
    return f"credentials.totp_secret|{user_id}"


def name_context(user_id: UUID) -> str:
    """Where the name is sealed for."""
    return f"credentials.name|{user_id}"


def _digests(user_id: UUID, codes: Sequence[str]) -> list[bytes]:
    return [totp.recovery_digest(user_id, code) for code in codes]
