"""Cursors come back as they were; anything else is a Problem, never an error."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.cursors import MAX_CURSOR_CHARACTERS, decode_cursor, encode_cursor
from servicekit.problems import Problem

POSITION = tuple[datetime, str]


@given(st.datetimes(timezones=st.just(UTC)), st.text(max_size=60))
def test_a_position_comes_back(moment: datetime, text: str):
    cursor = encode_cursor((moment, text))
    if len(cursor) <= MAX_CURSOR_CHARACTERS:
        assert decode_cursor(cursor, POSITION) == (moment, text)
        assert cursor.isascii()
        assert not set("+/=") & set(cursor)


@given(st.text(max_size=600))
def test_junk_is_a_400(junk: str):
    with pytest.raises(Problem) as caught:
        decode_cursor(junk, POSITION)
    assert (caught.value.status, caught.value.slug) == (400, "bad-cursor")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=9))
def test_another_shape_of_position_is_a_400(position: object):
    with pytest.raises(Problem):
        decode_cursor(encode_cursor(position), POSITION)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"[" * 300, b'["2026-04-30T10:00:00Z"', b""])
def test_bytes_that_are_no_json_are_a_400(raw: bytes):
    with pytest.raises(Problem):
        decode_cursor(base64.urlsafe_b64encode(raw).decode(), POSITION)
