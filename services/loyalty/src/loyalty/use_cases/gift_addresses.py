"""Where gifts are sent to: sealed in the driver's box, open only to who ships them, gone when they have arrived."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from servicekit.vault import Box


def seal(box: Box, gift_order_id: UUID, address: Mapping[str, str]) -> bytes:
    """The address, sealed for one order."""
    return box.seal(msgspec.json.encode(address).decode(), _context(gift_order_id))


def opened(box: Box | None, gift_order_id: UUID, sealed: bytes | None) -> dict[str, str] | None:
    """The address of an order; None where there is none any more."""
    if box is None or sealed is None:
        return None
    return msgspec.json.decode(box.open(sealed, _context(gift_order_id)), type=dict[str, str])


def _context(gift_order_id: UUID) -> str:
    return f"gift_orders.address|{gift_order_id}"
