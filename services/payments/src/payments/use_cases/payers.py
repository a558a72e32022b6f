"""A driver as WeChat Pay and Alipay know them: bound once by a code of the phone, kept sealed, used to charge."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from payments.domain.provider_words import Provider
from payments.repository import payers as repository
from payments.use_cases.context import Payments
from servicekit.erasures import require_present
from servicekit.outbound import CodeRefused, PersonRefused, PlatformAway, TooOften
from servicekit.postgres import Connection
from servicekit.problems import Problem

NAMES = {Provider.WECHAT: "WeChat", Provider.ALIPAY: "Alipay"}


async def bind(payments: Payments, driver_id: str, provider: Provider, code: str) -> datetime:
    """Binds whom the code stands for, in the place of the payer before; when. Raises Problem 401, 409, 422, 503."""
    channel = payments.channels.get(provider)
    if channel is None:
        detail = f"{NAMES[provider]} is not offered here; choose another method."
        raise Problem(409, "method-not-offered", detail)
    with _answers_of(NAMES[provider]):
        payer_id = await channel.payer_of(code)
    at = datetime.now(UTC)

    async def work(tx: Connection) -> None:
        await require_present(payments.erasures, tx, driver_id)
        await _save(payments, tx, driver_id, provider, payer_id, at)

    await payments.store.transact(work)
    return at


async def payers_of(payments: Payments, driver_id: str) -> list[dict[str, Any]]:
    """Where the driver is bound, and since when."""
    async with payments.store.connection() as connection:
        return await repository.of_driver(connection, driver_id)


async def unbind(payments: Payments, driver_id: str, provider: Provider) -> None:
    """Forgets the payer; charges under way go on. Raises Problem 404 where there is none."""
    if not await payments.store.transact(lambda tx: repository.delete(tx, driver_id, provider)):
        raise Problem(404, "payer-missing", f"You have not bound {NAMES[provider]}; GET /v1/me/payers.")


async def payer_of(payments: Payments, tx: Connection, driver_id: str, provider: Provider) -> str:
    """Who the driver is at the provider. Raises Problem 409 where the driver has not bound it."""
    sealed = await repository.find(tx, driver_id, provider)
    if sealed is None:
        detail = f"Bind {NAMES[provider]} first: PUT /v1/me/payers/{provider} with the code that its app gave you."
        raise Problem(409, "payer-missing", detail)
    box = await payments.vault.box(tx, driver_id)
    return box.open(sealed, _context(driver_id, provider))


async def collect(payments: Payments, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS."""
    boxes, rows = await payments.vault.boxes(tx, [driver_id]), await repository.of_driver(tx, driver_id)
    return [
        row | {"payer_id": box.open(row["payer_id"], _context(driver_id, row["provider"]))}
        for box in boxes.values()
        for row in rows
    ]


async def erase(_: Payments, tx: Connection, driver_id: str) -> int:
    """See people.ERASES."""
    return await repository.delete(tx, driver_id)


async def move(payments: Payments, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES: seals them anew; where the other account has bound a provider too, its own payer stays."""
    bound = {row["provider"] for row in await repository.of_driver(tx, into)}
    for payer in await collect(payments, tx, driver_id):
        if payer["provider"] not in bound:
            await _save(payments, tx, into, payer["provider"], payer["payer_id"], payer["bound_at"])
    await repository.delete(tx, driver_id)


async def _save(payments: Payments, tx: Connection, driver_id: str, provider: str, payer_id: str, at: datetime) -> None:
    box = await payments.vault.box(tx, driver_id)
    await repository.save(tx, driver_id, provider, box.seal(payer_id, _context(driver_id, provider)), at)


def _context(driver_id: str, provider: str) -> str:
    return f"payers.payer_id|{driver_id}|{provider}"


@contextmanager
def _answers_of(name: str) -> Iterator[None]:
    """Turns what a platform says of a code into Problems."""
    try:
        yield
    except CodeRefused as error:
        detail = f"{name} does not know this code, or it is spent: let the app get a new one."
        raise Problem(422, "code-refused", detail) from error
    except PersonRefused as error:
        detail = f"{name} lets nobody pay with this account now; choose another method."
        raise Problem(409, "payer-refused", detail) from error
    except TooOften as error:
        headers = {"Retry-After": str(error.retry_after_seconds)}
        raise Problem(503, "unavailable", f"{name} wants a pause; get a new code then.", headers=headers) from error
    except PlatformAway as error:
        detail = f"{name} does not answer; let the app get a new code and try again."
        raise Problem(503, "unavailable", detail, headers={"Retry-After": "1"}) from error
