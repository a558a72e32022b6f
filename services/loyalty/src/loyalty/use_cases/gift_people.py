"""What becomes of a person's gifts and rewards: told, erased, handed to the person's other account; see people."""

from dataclasses import asdict
from typing import Any

from loyalty.domain.gifts import GiftStep
from loyalty.repository import gift_orders, rewards, stamps
from loyalty.use_cases import gift_addresses as addresses
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.gift_orders import LOYALTY, take_step
from servicekit.postgres import Connection


async def collect_orders(loyalty: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """A driver's orders of gifts, each with the address as far as it is kept."""
    box = (await loyalty.vault.boxes(tx, [driver_id])).get(driver_id)
    return [
        asdict(order) | {"address": addresses.opened(box, order.gift_order_id, order.address)}
        for order in await gift_orders.of_driver(tx, driver_id)
    ]


async def erase_orders(loyalty: Loyalty, tx: Connection, driver_id: str) -> int:
    """Nobody will come for what is open: it is cancelled. Addresses of what is on its way are forgotten."""
    waiting = await gift_orders.open_of(tx, driver_id)
    for gift_order_id in waiting:
        await take_step(loyalty, tx, gift_order_id, GiftStep.CANCEL, LOYALTY, forfeit=True)
    addressed = await gift_orders.with_address(tx, driver_id)
    for gift_order_id, _ in addressed:
        await gift_orders.set_address(tx, gift_order_id, None)
    return len(waiting) + len(addressed)


async def move_orders(loyalty: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """Addresses are sealed anew, in the other account's box."""
    if addressed := await gift_orders.with_address(tx, driver_id):
        old, new = await loyalty.vault.box(tx, driver_id), await loyalty.vault.box(tx, into)
        for gift_order_id, sealed in addressed:
            address = addresses.opened(old, gift_order_id, sealed) or {}
            await gift_orders.set_address(tx, gift_order_id, addresses.seal(new, gift_order_id, address))
    await gift_orders.move(tx, driver_id, into)


async def collect_rewards(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """What campaigns gave a driver."""
    return await rewards.of_driver(tx, driver_id)


async def move_rewards(_: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """What was given counts as given to the other account."""
    await rewards.move(tx, driver_id, into)


async def collect_stamps(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """A driver's stamps."""
    return await stamps.of_driver(tx, driver_id)


async def erase_stamps(_: Loyalty, tx: Connection, driver_id: str) -> int:
    """They are worth nothing to anybody else."""
    return await stamps.delete(tx, driver_id)


async def move_stamps(_: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """They are stuck onto the other account's cards."""
    await stamps.move(tx, driver_id, into)
