"""Sets of pseudonyms as views keep them: sorted, one after the other, so that equal sets are equal bytes."""

from collections.abc import Iterable
from struct import Struct

from analytics.domain.pseudonyms import BYTES

ONE = Struct(f"{BYTES}s")


def packed(drivers: Iterable[bytes]) -> bytes:
    """A set of pseudonyms as bytes."""
    return b"".join(sorted(set(drivers)))


def unpacked(drivers: bytes) -> set[bytes]:
    """The pseudonyms of a packed set."""
    return {one for (one,) in ONE.iter_unpack(drivers)}
