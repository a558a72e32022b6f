"""Where a request comes from."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address


@dataclass(frozen=True, slots=True)
class Caller:
    """A client's address as the gateway saw it, and what its program calls itself."""

    address: str
    user_agent: str = ""

    @property
    def network(self) -> str:
        """What counts as one caller: an IPv4 address, or the /64 that an IPv6 client can choose its address from."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return self.address
        return str(IPv6Address(int(address) >> 64 << 64)) if isinstance(address, IPv6Address) else str(address)
