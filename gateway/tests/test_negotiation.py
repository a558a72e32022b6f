"""Accept-Encoding and If-None-Match as clients write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.negotiation import ENCODINGS, best_encoding, has_it


@pytest.mark.parametrize(
    ("accepted", "best"),
    [
        (None, None), (b"", None), (b"br", "br"), (b"gzip", "gzip"), (b"gzip, br", "br"), (b"GZIP ; Q=0.5", "gzip"),
        (b"br;q=0.5, gzip;q=0.8", "gzip"), (b"br;q=0, gzip;q=0", None), (b"*", "br"), (b"*;q=0", None),
        (b"br;q=0, *", "gzip"), (b"identity, br;q=0.5", None), (b"identity;q=0.5, gzip", "gzip"), (b"zstd", None),
        (b"br;q=2", None), (b"br;q=x", None), (b"deflate, gzip;q=1.0, *;q=0.5", "gzip"), (b"gzip,,", "gzip"),
    ],
)  # fmt: skip
def test_best_encoding(accepted: bytes | None, best: str | None) -> None:
    assert best_encoding(accepted) == best


@given(st.binary(max_size=60))
def test_no_header_is_an_error(header: bytes) -> None:
    assert best_encoding(header) in {*ENCODINGS, None}
    assert has_it(header, b'W/"a"') in {True, False}


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        (None, False), (b'"a"', True), (b'W/"a"', True), (b'"b", W/"a"', True), (b'"b"', False), (b"*", True),
        (b"a", False), (b"", False), (b'"a', False),
    ],
)  # fmt: skip
def test_if_none_match(header: bytes | None, matches: bool) -> None:
    assert has_it(header, b'W/"a"') is matches
