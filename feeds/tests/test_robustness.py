"""Readers of all feeds at their limits: files of any length, files that somebody has damaged."""

import gzip
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds import FEEDS
from feeds.base import FeedError, PriceRecord
from feeds.samples import SMALLEST, write_sample
from schemas.events import PriceReport

STATION_ID = "00060029-0003-4444-8888-acdc00000003"
FEW, MANY = 500, 2_500
SPARE_BYTES = 200_000
"""What buffers and caches of a fixed size may take more of a longer file, which is half a megabyte longer at least."""

DAMAGE = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True), st.integers(0, 30),
        st.sampled_from([
            b"", b'"', b"\x00", b"\n", b";", b"|", b",", b"NaN", b"1e999", b"9" * 30, b"null", b"[]", b"{}", b"<x>",
            b"&a;", b"\xff\xfe", b"\xe9", b"-", b"true",
        ]),
    ),
    min_size=1, max_size=5,
)  # fmt: skip
"""Where in the file, how many bytes go, and what stands there instead."""


def peak_bytes(feed: str, folder: Path, stations: int) -> int:
    """The most memory at once that reading a sample takes."""
    sample = write_sample(feed, folder, stations)[0]
    tracemalloc.start()
    try:
        for _ in FEEDS[feed].stations(sample.stations):
            pass
        for _ in FEEDS[feed].prices(sample.prices):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("feed", sorted(FEEDS.keys() - {"tankerkoenig"}))
def test_memory_does_not_grow_with_the_file(feed, tmp_path):
    few, many = (peak_bytes(feed, tmp_path / str(stations), stations) for stations in (FEW, MANY))
    assert many < few + SPARE_BYTES


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, list[bytes]]:
    """The unpacked files of each feed's sample."""
    contents = {}
    for feed in FEEDS:
        sample = write_sample(feed, tmp_path_factory.mktemp(feed), SMALLEST)[0]
        raw = [path.read_bytes() for path in {sample.stations, sample.prices}]
        contents[feed] = [gzip.decompress(one) if one.startswith(b"\x1f\x8b") else one for one in raw]
    return contents


@pytest.mark.parametrize("feed", FEEDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=DAMAGE, which=st.integers(0, 1))
def test_a_damaged_file_gives_sound_records_or_a_clear_error(feed, damage, which, whole, tmp_path):
    content = whole[feed][which % len(whole[feed])]
    for share, length, instead in damage:
        at = int(share * len(content))
        content = content[:at] + instead + content[at + length :]
    path = tmp_path / "damaged"
    path.write_bytes(content)
    for read in (FEEDS[feed].stations, FEEDS[feed].prices):
        try:
            for record in read(path):
                assert record.line > 0
                if isinstance(record, PriceRecord):
                    PriceReport.model_validate_json(msgspec.json.encode({"station_id": STATION_ID, **record.report}))
        except FeedError as error:
            assert str(path) in str(error)  # noqa: PT017 - whether it comes is up to the damage
