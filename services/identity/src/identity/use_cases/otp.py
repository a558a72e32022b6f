"""One-time codes: asked for, proved, judged when their time is over.

Asking for a code never looks at accounts, so whoever asks cannot learn who has one: the account is looked up when the
code has been proved.
"""

import asyncio
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity.domain.caller import Caller
from identity.domain.limits import DAY, HOUR, MINUTE, Limit, Usage, refusal, wait_seconds
from identity.domain.messages import MessageKind, TextMessage
from identity.domain.oauth import OAuthError
from identity.domain.otp import CODE_LIFE, CodeState, OtpRequest, new_code
from identity.domain.people import LoginKind, SignedIn
from identity.domain.phones import Phone, PhoneError, parse_phone
from identity.repository import limits
from identity.repository import messages as message_rows
from identity.repository import otp as repository
from identity.repository.otp import StoredRequest
from identity.use_cases.context import Identity
from identity.use_cases.messages import enqueue
from identity.use_cases.people import find_or_register_driver
from identity.use_cases.prefixes import judge_prefixes
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.store import StoreUnavailable
from servicekit.telemetry import OTP_REQUESTS, OTP_TRIES

log = logging.getLogger(__name__)

METHODS = ("otp", "sms")
NOT_GOOD = "The code is not right or no longer good. Ask for a new one."
TOO_MANY_TRIES = "Too many wrong codes were tried for this phone. Wait, then ask for a new code."
TOO_MANY_SENDS = "Too many codes were asked for. Wait, then ask again; the codes that came before stay good."
JUDGE_SECONDS = 15.0
BATCH = 2_000


async def request_code(identity: Identity, phone: str, device_id: str, caller: Caller) -> OtpRequest:
    """Puts a code on its way. Raises Problem: 422 for no reachable phone, 429 where too many were sent."""
    try:
        parsed = parse_phone(phone)
    except PhoneError as error:
        raise Problem(422, "unreachable-phone", f"{str(error).capitalize()}.") from error
    request = await identity.store.transact(lambda tx: _send_code(identity, tx, parsed, device_id, caller))
    identity.messages_due.set()
    OTP_REQUESTS.labels("accepted").inc()
    return request


async def _send_code(identity: Identity, tx: Connection, phone: Phone, device_id: str, caller: Caller) -> OtpRequest:
    request_id, code, now = new_id(), new_code(), datetime.now(UTC)
    phone_hashes, device_hashes = _phone_hashes(identity, phone.number), _device_hashes(identity, device_id)
    standing = await repository.standing(tx, phone_hashes, device_hashes, phone.prefix)
    if standing.blocked_until is not None and not standing.is_familiar:
        raise _too_many("blocked_prefix", standing.blocked_until, now)
    stored = StoredRequest(
        request_id, identity.ring.seal(phone.number.encode(), _context(request_id)), phone_hashes[0],
        device_hashes[0], standing.is_familiar, phone.prefix, _code_hashes(identity, request_id, code)[0], now,
        CodeState(now + CODE_LIFE),
    )  # fmt: skip
    usages = await limits.take(tx, _send_limits(identity, stored, caller))
    if full := refusal(usages):
        raise _too_many(full.limit.name, full.frees_at, now)
    await repository.insert_request(tx, stored)
    message = TextMessage(phone, MessageKind.CODE, {"code": code})
    await enqueue(identity, tx, message, stored.state.expires_at, request_id)
    return OtpRequest(request_id, stored.state.expires_at, _resend_at(identity, usages, now))


async def sign_in(identity: Identity, fields: Mapping[str, str], caller: Caller) -> SignedIn:
    """The grant `urn:forecourt:grant:otp`: `request_id`, `code` and, where the client sends it, `device_id`.

    Raises OAuthError. A driver who is new here gets an account.
    """
    if missing := [name for name in ("request_id", "code") if name not in fields]:
        raise OAuthError("invalid_request", f"Send {' and '.join(missing)}.")
    number = await prove(identity, fields["request_id"], fields["code"], fields.get("device_id"))
    user = await identity.store.transact(lambda tx: find_or_register_driver(identity, tx, LoginKind.PHONE, number))
    return SignedIn(user.id, METHODS, datetime.now(UTC))


async def forget_phone(identity: Identity, tx: Connection, number: str) -> int:
    """Drops codes that are under way to a phone, and the devices that it was used with; how many rows.

    Counts of wrong tries stay for their day: whoever erases an account does not get new ones by it.
    """
    return await repository.forget(tx, _phone_hashes(identity, number))


@dataclass(frozen=True, slots=True)
class _Refused:
    """A try that is not to be undone by an exception that ends its transaction."""

    retry_at: datetime | None = None


async def prove(identity: Identity, request_id: str, code: str, device_id: str | None = None) -> str:
    """The number (E.164) whose phone got this code, which is used up now. Raises OAuthError `invalid_grant`.

    It is a transaction of its own: a wrong try stays counted, whatever becomes of the caller's work.
    """
    result = await identity.store.transact(lambda tx: _try_code(identity, tx, request_id, code, device_id))
    if not isinstance(result, _Refused):
        OTP_TRIES.labels("right").inc()
        return result
    OTP_TRIES.labels("wrong" if result.retry_at is None else "limited").inc()
    if result.retry_at is None:
        raise OAuthError("invalid_grant", NOT_GOOD)
    raise OAuthError("invalid_grant", TOO_MANY_TRIES, wait_seconds(result.retry_at, datetime.now(UTC)))


async def _try_code(
    identity: Identity, tx: Connection, request_id: str, code: str, device_id: str | None
) -> str | _Refused:
    stored = await repository.lock_request(tx, _uuid(request_id))
    now = datetime.now(UTC)
    if stored is None or not stored.state.is_live(now):
        return _Refused()
    wrong_tries = _try_limits(identity, stored)
    if full := refusal(await limits.take(tx, wrong_tries)):
        return _Refused(full.frees_at)
    is_right = _is_right(identity, stored, code, device_id)
    await repository.save_state(tx, stored.id, stored.state.tried(is_right=is_right, now=now))
    if not is_right:
        return _Refused()
    await limits.forget(tx, wrong_tries)
    await repository.remember_device(tx, stored.phone_hash, stored.device_hash)
    return identity.ring.open(stored.phone, _context(stored.id)).decode()


def _is_right(identity: Identity, stored: StoredRequest, code: str, device_id: str | None) -> bool:
    """Every comparison is made, and takes the same time whatever it finds."""
    codes = [hmac.compare_digest(one, stored.code_hash) for one in _code_hashes(identity, stored.id, code)]
    devices = [True]
    if device_id is not None:
        devices = [hmac.compare_digest(one, stored.device_hash) for one in _device_hashes(identity, device_id)]
    return any(codes) & any(devices)


async def keep_codes(identity: Identity) -> None:
    """Judges and deletes what is over, for ever."""
    while True:
        try:
            while await judge_ended(identity) == BATCH:
                pass
        except StoreUnavailable as error:
            log.warning("codes wait for the database", extra={"error": str(error)})
        await asyncio.sleep(JUDGE_SECONDS)


async def judge_ended(identity: Identity) -> int:
    """Judges and deletes codes, messages and counts whose time is over; how many counts."""
    await judge_prefixes(identity)
    async with identity.store.connection() as connection:
        if dead := await message_rows.delete_dead_messages(connection):
            log.warning("messages given up", extra={"count": dead})
        await repository.delete_forgotten(connection)
        return await limits.delete_old_counts(connection, BATCH)


def _send_limits(identity: Identity, request: StoredRequest, caller: Caller) -> list[Limit]:
    """What one more code counts under. Keys are made of keyed hashes: no table says who asked, or from where."""
    most, phone, device = identity.settings.otp, request.phone_hash.hex(), request.device_hash.hex()
    network = identity.ring.hash(caller.network, "network").hex()
    stranger = f"{phone} {device}" if request.is_familiar else phone
    return [
        Limit("phone", phone, most.sends_per_phone, 10 * MINUTE),
        Limit("phone_day", stranger, most.sends_per_phone_and_day, DAY),
        Limit("network", network, most.sends_per_network, HOUR),
        Limit("device", device, most.sends_per_device, HOUR),
        Limit("prefix", request.prefix, most.sends_per_prefix, 10 * MINUTE),
        Limit("day", "all", most.sends_per_day, DAY),
    ]


def _try_limits(identity: Identity, request: StoredRequest) -> list[Limit]:
    """What a wrong try counts under: the phone, not the code or the caller's address."""
    most, phone = identity.settings.otp, request.phone_hash.hex()
    stranger = f"{phone} {request.device_hash.hex()}" if request.is_familiar else phone
    return [
        Limit("wrong_hour", stranger, most.wrong_tries_per_hour, HOUR),
        Limit("wrong_day", stranger, most.wrong_tries_per_day, DAY),
    ]


def _resend_at(identity: Identity, usages: list[Usage], now: datetime) -> datetime:
    """When another code can be had for this phone, as far as its own limit goes."""
    phone = next(usage for usage in usages if usage.limit.name == "phone")
    soon = now + timedelta(seconds=identity.settings.otp.resend_seconds)
    return max(soon, phone.frees_at) if phone.is_last else soon


def _too_many(limit: str, until: datetime, now: datetime) -> Problem:
    """The same answer whatever the limit was: only operators are told."""
    OTP_REQUESTS.labels(limit).inc()
    log.warning("code not sent", extra={"limit": limit})
    return Problem(429, "too-many-codes", TOO_MANY_SENDS, headers={"Retry-After": str(wait_seconds(until, now))})


def _code_hashes(identity: Identity, request_id: UUID, code: str) -> list[bytes]:
    """Keyed, since a million codes are tried in a second by whoever reads the table; salted with the request's id."""
    return identity.ring.hashes(f"{request_id} {code}", "one-time code")


def _phone_hashes(identity: Identity, number: str) -> list[bytes]:
    return identity.ring.hashes(number, "one-time code's phone")


def _device_hashes(identity: Identity, device_id: str) -> list[bytes]:
    return identity.ring.hashes(device_id, "one-time code's device")


def _context(request_id: UUID) -> str:
    return f"otp_requests.phone|{request_id}"


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
