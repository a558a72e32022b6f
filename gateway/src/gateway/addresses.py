"""Whose request it is: the address of the nearest peer that is not one of our own proxies. Pure."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.settings import Network

Address = IPv4Address | IPv6Address
Headers = Iterable[tuple[bytes, bytes]]

MAX_HOPS = 16
"""Entries that are looked at, the nearest first; who sends more is taken for the last of them."""
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](:\d{1,5})?|(?P<v4>[\d.]+)(:\d{1,5})?", re.ASCII)
_FORWARDED_FOR = re.compile(
    r'(?:^|;)\s*for\s*=\s*(?:"(?P<quoted>[^"\\]*)"|(?P<token>[^\s;,"]+))', re.ASCII | re.IGNORECASE
)


class ClientAddresses:
    """Finds the client's address behind proxies that we trust; what anybody else says of it is not read."""

    def __init__(self, trusted: Sequence[Network], header: str) -> None:
        self._trusted = tuple(trusted)
        self._header = header.encode()
        self._is_trusted = lru_cache(maxsize=4_096)(self._find_trusted)

    def of(self, peer: str, headers: Headers) -> str:
        """The address of the request's client; `peer` is the socket's, and stands where it is not a trusted proxy's.

        Each proxy appends who spoke to it. So we walk from the right, where our own proxy wrote, to the first address
        that is not ours: whatever stands left of it came from outside, and anybody may write anything there.
        """
        if not self._trusted or not self._is_trusted(peer):
            return peer
        nearest = peer
        for hop in self._hops(headers):
            address = _parse(hop)
            if address is None:
                return nearest
            nearest = str(address)
            if not self._is_trusted(nearest):
                return nearest
        return nearest

    def _hops(self, headers: Headers) -> list[str]:
        """What proxies appended, the nearest first."""
        lines = [value.decode("latin-1") for name, value in headers if name == self._header]
        hops = ",".join(lines).rsplit(",", MAX_HOPS)[-MAX_HOPS:] if lines else []
        if self._header == b"forwarded":
            hops = [_forwarded_for(hop) for hop in hops]
        return hops[::-1]

    def _find_trusted(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and any(address in network for network in self._trusted)


def _forwarded_for(element: str) -> str:
    """The `for` of one element of RFC 7239's Forwarded; empty where it has none."""
    match = _FORWARDED_FOR.search(element)
    return (match["quoted"] or match["token"] or "") if match else ""


def _parse(text: str) -> Address | None:
    """An address as proxies write it, with or without port; None for a name, an alias or nonsense."""
    text = text.strip()
    if match := _WITH_PORT.fullmatch(text):
        text = match["v6"] or match["v4"] or ""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
