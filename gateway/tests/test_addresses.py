"""Whose request it is: nobody can make themselves another address by what they write."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.addresses import MAX_HOPS, ClientAddresses

TRUSTED = (IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8"))
PROXY, CLIENT = "10.0.0.1", "203.0.113.7"
BEHIND = ClientAddresses(TRUSTED, "x-forwarded-for")
BEHIND_RFC7239 = ClientAddresses(TRUSTED, "forwarded")

outside = st.ip_addresses(v=4).filter(lambda address: address not in TRUSTED[0]).map(str)
inside = st.integers(0, 2**24 - 1).map(lambda number: str(IPv4Address("10.0.0.0") + number))
header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=100)


def forwarded_for(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]


@given(written=st.lists(header_text, max_size=3), peer=outside)
def test_security_26_without_a_trusted_proxy_the_peer_is_the_client(written: list[str], peer: str) -> None:
    headers = forwarded_for(*written)
    assert BEHIND.of(peer, headers) == peer
    assert ClientAddresses((), "x-forwarded-for").of(PROXY, headers) == PROXY


@given(written=st.lists(header_text, max_size=3), client=outside, proxies=st.lists(inside, max_size=MAX_HOPS - 1))
@example(written=["10.0.0.9, 10.0.0.8"], client=CLIENT, proxies=[PROXY])
def test_security_26_what_a_client_writes_never_counts(written: list[str], client: str, proxies: list[str]) -> None:
    """Each of our proxies appends who spoke to it, to the client's own header or in a line of its own."""
    appended = ", ".join([client, *proxies])
    assert BEHIND.of(PROXY, forwarded_for(*written, appended)) == client
    assert BEHIND.of(PROXY, forwarded_for(", ".join([*written, appended]))) == client


@given(written=header_text, client=outside)
def test_the_same_with_rfc_7239(written: str, client: str) -> None:
    header = f'{written}, for="{client}:4711";proto=https, For={PROXY}'.encode("latin-1")
    assert BEHIND_RFC7239.of(PROXY, [(b"forwarded", header)]) == client


@given(written=header_text)
def test_only_the_header_that_our_proxies_write_is_read(written: str) -> None:
    assert BEHIND.of(PROXY, [(b"forwarded", f"for={CLIENT}".encode()), (b"x-real-ip", b"1.2.3.4")]) == PROXY
    assert BEHIND_RFC7239.of(PROXY, forwarded_for(written, CLIENT)) == PROXY


@pytest.mark.parametrize(
    ("written", "client"),
    [
        ("", PROXY),
        ("203.0.113.7:4711", CLIENT),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", CLIENT),
        ("203.0.113.7, unknown", PROXY),
        ("203.0.113.7, _hidden, 10.9.9.9", "10.9.9.9"),
        ("203.0.113.7, 010.0.0.1", PROXY),
        ("203.0.113.7, fd00::5, ::ffff:10.3.3.3", CLIENT),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("203.0.113.7," + "10.0.0.2," * MAX_HOPS, PROXY),
        ("203.0.113.7" + ",10.0.0.2" * MAX_HOPS, "10.0.0.2"),
    ],
)
def test_the_nearest_address_that_is_not_ours(written: str, client: str) -> None:
    assert BEHIND.of(PROXY, forwarded_for(written)) == client
    assert BEHIND.of(f"::ffff:{PROXY}", forwarded_for(written, CLIENT)) == CLIENT
