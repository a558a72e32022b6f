"""Sets of pseudonyms as views keep them: sorted, one after the other, so that equal sets are equal bytes."""

from collections.abc import Iterable

from analytics.domain.pseudonyms import BYTES


def packed(drivers: Iterable[bytes]) -> bytes:
    """A set of pseudonyms as bytes."""
    return b"".join(sorted(set(drivers)))


def unpacked(drivers: bytes) -> set[bytes]:
    """The pseudonyms of a packed set."""
    return {drivers[start : start + BYTES] for start in range(0, len(drivers), BYTES)}
