"""Charges at providers, from the first request to the last answer. Never a remote call inside of a transaction.

Whatever dies, wherever: an attempt that is open is due for a look, and each look asks the provider what is true.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payments.domain.attempts import (
    ASKED_WITHIN,
    OPEN,
    Attempt,
    AttemptStatus,
    Verdict,
    judge,
    look_afterwards,
    pause_seconds,
)
from payments.domain.exceptions import Kind
from payments.domain.provider_words import Provider
from payments.providers.channel import Channel, Charge, ProviderAway, ProviderRefused, Trade
from payments.repository import attempts as repository
from payments.repository import ledger
from payments.use_cases import refunds, transfers
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import raise_exception
from payments.use_cases.purposes import PURPOSES, Purpose
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

FIRST_LOOK_AFTER = timedelta(seconds=2)
WAITING_PAUSE_SECONDS = 15.0
"""The longest between two looks at what the payer is to confirm; a notification comes before, as a rule."""


@dataclass(frozen=True, slots=True)
class Locked:
    """An attempt, and what it is for, that nobody else can change until the transaction ends."""

    tx: Connection
    purpose: Purpose
    subject: Any
    attempt: Attempt

    @property
    def is_open(self) -> bool:
        """Whether the provider has not said the last word yet."""
        return self.attempt.status in OPEN

    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits for this very attempt."""
        return self.is_open and self.purpose.is_wanted(self.subject)

    async def write(self, status: AttemptStatus | None = None, **known: Any) -> None:
        """Writes what is known now; see repository.attempts.update."""
        await repository.update(self.tx, self.attempt.attempt_id, status or self.attempt.status, **known)

    async def tell(self, kind: Kind, **details: Any) -> None:
        """Puts it before people, once."""
        attempt = self.attempt
        await raise_exception(
            self.tx, kind, order=self.purpose.order_of(self.subject), key=f"{kind}|{attempt.attempt_id}",
            details={
                "attempt_id": str(attempt.attempt_id), "provider": attempt.provider,
                "asked_minor": attempt.amount_minor, "asked_currency": attempt.currency, **details,
            },
        )  # fmt: skip


def channel_of(payments: Payments, provider: Provider) -> Channel:
    """The provider's channel; Problem 409 where it is not offered here."""
    try:
        return payments.channels[provider]
    except KeyError:
        offered = ", ".join(payments.channels) or "none of the providers"
        detail = f"Paying by {provider} is not offered; choose another method ({offered}, or a fuel card)."
        raise Problem(409, "method-not-offered", detail) from None


async def begin(
    payments: Payments, tx: Connection, purpose: str, purpose_id: UUID, driver_id: str, provider: Provider,
    amount_minor: int, currency: str, at: datetime,
) -> Attempt:  # fmt: skip
    """A new attempt, stored before anybody is asked: with `create` the provider is, after the commit."""
    attempt = Attempt(
        new_id(), purpose, purpose_id, driver_id, provider, amount_minor, currency, AttemptStatus.CREATING, at,
        at + timedelta(seconds=payments.settings.pay_within_seconds), next_look_at=at + ASKED_WITHIN,
    )  # fmt: skip
    await repository.insert(tx, attempt)
    return attempt


async def create(payments: Payments, attempt: Attempt, payer_id: str, description: str) -> None:
    """Asks the provider to let the payer confirm it, and writes what came of that."""
    charge = Charge(
        attempt.number, attempt.amount_minor, attempt.currency, description, payer_id, attempt.expires_at
    )  # fmt: skip
    try:
        client = await channel_of(payments, attempt.provider).create(charge)
    except ProviderRefused as refusal:
        code = refusal.code
        await _locked(payments, attempt, lambda found: _end(found, AttemptStatus.FAILED, code))
    except ProviderAway as away:
        if away.was_sent:
            await _wait(payments, attempt)
        else:
            await _locked(payments, attempt, lambda found: _end(found, AttemptStatus.FAILED, "not_sent"))
    else:
        await _locked(payments, attempt, lambda found: _note_created(found, client))


async def _note_created(found: Locked, client: Mapping[str, str]) -> None:
    if found.is_open:
        next_look = datetime.now(UTC) + FIRST_LOOK_AFTER
        await found.write(AttemptStatus.WAITING, next_look_at=next_look, client=client)


async def look(payments: Payments, attempt: Attempt) -> bool:
    """Asks the provider what became of the attempt, and does what follows; False where it did not answer."""
    channel = channel_of(payments, attempt.provider)
    try:
        verdict = await _ask(payments, channel, attempt)
        if verdict is Verdict.CLOSE:
            verdict = await _close(payments, channel, attempt)
        if verdict in (Verdict.CLOSE, Verdict.WAIT):
            await _wait(payments, attempt)
    except (ProviderAway, ProviderRefused):  # a refused question is no answer, either
        await _wait(payments, attempt)
        return False
    return True


async def give_up(payments: Payments, attempt: Attempt) -> None:
    """Closes it at the provider; where it turns out to be paid, that counts. Raises ProviderAway, ProviderRefused."""
    await _close(payments, channel_of(payments, attempt.provider), attempt)


async def _ask(payments: Payments, channel: Channel, attempt: Attempt) -> Verdict:
    """The verdict on what the provider says, carried out, unless the provider is to be asked for something again."""
    trade = await channel.query(attempt.number)
    verdict = Verdict.WAIT

    async def settle(found: Locked) -> None:
        nonlocal verdict
        paid = (trade.amount_minor, trade.currency)
        verdict = judge(found.attempt, trade.state, paid, datetime.now(UTC), is_wanted=found.is_wanted)
        match verdict:
            case Verdict.TAKE:
                await _take(payments, found, trade)
            case Verdict.MISMATCH:
                await _note_mismatch(found, trade)
            case Verdict.END:
                await _end(found, AttemptStatus.FAILED, trade.state)

    await _locked(payments, attempt, settle)
    return verdict


async def _close(payments: Payments, channel: Channel, attempt: Attempt) -> Verdict:
    """Nobody can pay it any more; where the provider refuses that, somebody has, and it is asked."""
    try:
        await channel.close(attempt.number)
    except ProviderRefused:
        return await _ask(payments, channel, attempt)
    await _locked(payments, attempt, lambda found: _end(found, AttemptStatus.CLOSED))
    return Verdict.END


async def _locked(payments: Payments, attempt: Attempt, work: Callable[[Locked], Awaitable[None]]) -> None:
    """Does the work in a transaction that locked what the attempt is for, and then the attempt; not once it is paid."""
    purpose = PURPOSES[attempt.purpose]

    async def settle(tx: Connection) -> None:
        subject = await purpose.lock(tx, attempt.purpose_id)
        found = await repository.lock(tx, attempt.attempt_id)
        if found is not None and found.status is not AttemptStatus.SUCCEEDED:
            await work(Locked(tx, purpose, subject, found))

    await payments.store.transact(settle)


async def _take(payments: Payments, found: Locked, trade: Trade) -> None:
    """Books the charge once: for what it is for, or, where that is not waited for, aside until it has gone back."""
    at, tx, attempt = datetime.now(UTC), found.tx, found.attempt
    await found.write(
        AttemptStatus.SUCCEEDED, next_look_at=None, trade_id=trade.trade_id, paid_at=trade.paid_at or at
    )  # fmt: skip
    if not await found.purpose.take(payments, tx, found.subject, attempt, at):
        await ledger.post(tx, [transfers.came_late(attempt)])
        await refunds.give_back_late(tx, attempt, at)


async def _note_mismatch(found: Locked, trade: Trade) -> None:
    """People decide; it is asked again, for a provider may correct itself."""
    at = datetime.now(UTC)
    await found.write(AttemptStatus.MISMATCH if found.is_open else None, next_look_at=_next(found.attempt, at))
    await found.tell(Kind.MISMATCH, paid_minor=trade.amount_minor, paid_currency=trade.currency)
    if found.is_wanted:
        await found.purpose.lose(found.tx, found.subject, at)


async def _end(found: Locked, status: AttemptStatus, error: str | None = None) -> None:
    """Nobody paid it, and nobody can; it is asked about a few times more, for somebody may have been faster."""
    at = datetime.now(UTC)
    ended_at = at if found.is_open else found.attempt.closed_at or at
    await found.write(
        status if found.is_open else None, next_look_at=look_afterwards(ended_at, at), closed_at=ended_at, error=error
    )  # fmt: skip
    if found.is_wanted:
        await found.purpose.fail(found.tx, found.subject, at)


async def _wait(payments: Payments, attempt: Attempt) -> None:
    """It is not decided yet; one that the provider never confirmed is unknown from now on."""

    async def wait(found: Locked) -> None:
        at, is_lost = datetime.now(UTC), found.attempt.status is AttemptStatus.CREATING
        await found.write(AttemptStatus.UNKNOWN if is_lost else None, next_look_at=_next(found.attempt, at))
        if is_lost and found.is_wanted:
            await found.purpose.lose(found.tx, found.subject, at)
        if found.is_open and at - found.attempt.created_at > timedelta(seconds=payments.settings.unknown_alert_seconds):
            await found.tell(Kind.UNKNOWN_PAYMENT)

    await _locked(payments, attempt, wait)


def _next(attempt: Attempt, at: datetime) -> datetime:
    if attempt.status is AttemptStatus.WAITING and at < attempt.expires_at:
        pause = pause_seconds(attempt.looks, WAITING_PAUSE_SECONDS)
        return min(at + timedelta(seconds=pause), attempt.expires_at)
    return at + timedelta(seconds=pause_seconds(attempt.looks))
