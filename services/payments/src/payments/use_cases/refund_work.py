"""Refunds at providers: sent, asked about, and settled. Never a remote call inside of a transaction.

A refund that was sent once is asked about before it is sent again; its number makes that the same refund, anyway.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from payments.domain.attempts import Attempt, pause_seconds
from payments.domain.exceptions import Kind
from payments.domain.ledger import Account, AccountKind
from payments.domain.orders import Order
from payments.domain.provider_words import RefundState
from payments.domain.refunds import Refund, RefundPurpose, RefundStatus
from payments.providers.channel import Channel, ProviderAway, ProviderRefused, RefundOrder, RefundResult
from payments.repository import attempts, ledger, orders
from payments.repository import refunds as repository
from payments.use_cases import refunds, transfers
from payments.use_cases.attempts import channel_of
from payments.use_cases.context import Payments
from payments.use_cases.exceptions import raise_exception
from servicekit.postgres import Connection


async def send(payments: Payments, due: Refund) -> None:
    """Carries on with a refund that was just taken as due."""
    await carry_on(payments, due, is_new=due.looks == 1)


async def carry_on(payments: Payments, pending: Refund, *, is_new: bool) -> bool:
    """Sends it, or asks how far it is, and writes what came of that; False where the provider did not answer.

    `is_new`: it was never sent, for sure.
    """
    async with payments.store.connection() as connection:
        charge = await attempts.find(connection, pending.attempt_id) if pending.attempt_id else None
    if charge is None:
        raise LookupError(f"the refund {pending.refund_id} names no charge")
    try:
        result = await _result(channel_of(payments, charge.provider), pending, charge, is_new=is_new)
    except ProviderAway:
        await _wait(payments, pending)
        return False
    except ProviderRefused as refusal:
        await (_failed(payments, pending, refusal.code) if refusal.final else _wait(payments, pending))
        return True
    await _settle(payments, pending, result)
    return True


async def _result(channel: Channel, pending: Refund, charge: Attempt, *, is_new: bool) -> RefundResult:
    if not is_new:
        result = await _ask(channel, pending, charge)
        if result.state is not RefundState.NOT_FOUND:
            return result
    return await channel.refund(RefundOrder(
        pending.number, charge.number, pending.amount_minor, charge.amount_minor, pending.currency, pending.reason,
    ))  # fmt: skip


async def _ask(channel: Channel, pending: Refund, charge: Attempt) -> RefundResult:
    """A refused question says nothing about the refund."""
    try:
        return await channel.query_refund(pending.number, charge.number)
    except ProviderRefused as refusal:
        raise ProviderAway(f"the question was refused ({refusal.code})") from refusal


async def _settle(payments: Payments, pending: Refund, result: RefundResult) -> None:
    if result.state is RefundState.SUCCEEDED and result.amount_minor not in (None, pending.amount_minor):
        await _failed(payments, pending, "another_amount")
    elif result.state is RefundState.SUCCEEDED:
        done = replace(pending, provider_refund_id=result.refund_id)
        await payments.store.transact(lambda tx: _succeed(tx, done))
    elif result.state is RefundState.FAILED:
        await _failed(payments, pending, "failed")
    else:
        await _wait(payments, pending)


async def _succeed(tx: Connection, done: Refund) -> None:
    order = await _lock(tx, done)
    found = await repository.lock(tx, done.refund_id)
    if found is None or found.status is not RefundStatus.PENDING:
        return
    at, found = datetime.now(UTC), replace(found, provider_refund_id=done.provider_refund_id)
    if found.purpose is RefundPurpose.ORDER and order is not None:
        await refunds.succeed(tx, order, found, at)
        return
    succeeded = replace(found, status=RefundStatus.SUCCEEDED, settled_at=at, next_look_at=None)
    await repository.update(tx, succeeded)
    provider = Account(AccountKind.PROVIDER, found.method, found.currency)
    await ledger.post(tx, [transfers.refunded(succeeded, provider)])


async def _failed(payments: Payments, pending: Refund, error: str) -> None:
    """A final no: people decide. What the refund counted is free again."""

    async def fail(tx: Connection) -> None:
        order = await _lock(tx, pending)
        found = await repository.lock(tx, pending.refund_id)
        if found is None or found.status is not RefundStatus.PENDING:
            return
        at = datetime.now(UTC)
        failed = replace(found, status=RefundStatus.FAILED, settled_at=at, next_look_at=None, error=error)
        await repository.update(tx, failed)
        if found.purpose is RefundPurpose.ORDER and order is not None:
            await refunds.fail(tx, order, at)
        await raise_exception(
            tx, Kind.REFUND_FAILED, order=order, key=f"refund_failed|{found.refund_id}",
            details={
                "refund_id": str(found.refund_id), "purpose": found.purpose, "method": found.method,
                "amount_minor": found.amount_minor, "currency": found.currency, "error": error,
            },
        )  # fmt: skip

    await payments.store.transact(fail)


async def _wait(payments: Payments, pending: Refund) -> None:
    async def wait(tx: Connection) -> None:
        found = await repository.lock(tx, pending.refund_id)
        if found is not None and found.status is RefundStatus.PENDING:
            next_look = datetime.now(UTC) + timedelta(seconds=pause_seconds(found.looks))
            await repository.update(tx, replace(found, next_look_at=next_look))

    await payments.store.transact(wait)


async def _lock(tx: Connection, refund: Refund) -> Order | None:
    """The order that it is about, locked before the refund; None where it is about a recharge."""
    return await orders.lock(tx, refund.purpose_id)


async def find_by_number(payments: Payments, number: str) -> Refund | None:
    """The refund that a provider knows by this number of ours."""
    try:
        refund_id = UUID(hex=number)
    except ValueError:
        return None
    async with payments.store.connection() as connection:
        return await repository.find(connection, refund_id)
