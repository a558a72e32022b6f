"""The trouble of whole files."""

import gzip

import pytest

from feeds.base import FeedError
from feeds.generate import PRICES_FILE, generate
from feeds.tankerkoenig import PRICE_COLUMNS, STATION_COLUMNS

ROW = "2014-06-08 09:50:01+02,00060029-0003-4444-8888-acdc00000003,1.329,1.549,1.509,1,0,0"
TABLE = f"{','.join(PRICE_COLUMNS)}\n{ROW}\n{ROW}\n".encode()


@pytest.fixture
def read(feed, tmp_path):
    """Read bytes as a price file: the lines read before the trouble, and its message."""

    def read_bytes(content):
        path = tmp_path / "prices.csv"
        path.write_bytes(content)
        lines = []
        with pytest.raises(FeedError) as caught:
            lines.extend(record.line for record in feed.prices(path))
        return lines, str(caught.value)

    return read_bytes


def test_a_missing_file_and_a_folder(feed, tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(FeedError, match=r"cannot be opened .*; check the path"):
            list(feed.prices(path))


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
def test_an_empty_file(read, content):
    assert "the file is empty" in read(content)[1]


def test_another_table_names_what_is_missing_and_what_is_foreign(read):
    _, message = read(TABLE.replace(b"e5,", b"premium,", 1))
    assert "missing columns: e5; foreign columns: premium; expected the header date,station_uuid," in message


def test_the_station_list_is_no_price_file(read):
    _, message = read(",".join(STATION_COLUMNS).encode())
    assert "missing columns: date, station_uuid, diesel" in message
    assert "foreign columns: uuid, name, brand" in message


def test_a_file_without_rows_is_read(feed, tmp_path):
    path = tmp_path / "prices.csv"
    path.write_bytes(TABLE.splitlines()[0])
    assert list(feed.prices(path)) == []


def test_plain_gzip_and_marked_files_read_alike(feed, tmp_path):
    path = tmp_path / "whatever.bin"
    read = []
    for content in (TABLE, gzip.compress(TABLE), b"\xef\xbb\xbf" + TABLE):
        path.write_bytes(content)
        read.append(list(feed.prices(path)))
    assert len(read[0]) == 2
    assert read[0] == read[1] == read[2]


def test_latin_1_breaks_at_its_line(read):
    lines, message = read(TABLE + ROW.replace("00060029", "Gößnitz").encode("latin-1") + b"\n")
    assert lines == [2, 3]
    assert "line 4 is not UTF-8" in message


def test_a_truncated_gzip_breaks_after_its_last_whole_line(read, tmp_path):
    generate(tmp_path, stations=50, prices=2000, seed=1)
    packed = (tmp_path / PRICES_FILE).read_bytes()
    lines, message = read(packed[: len(packed) // 2])
    assert len(set(lines)) > 500
    assert f"truncated or corrupt at line {lines[-1] + 1} " in message


def test_a_corrupt_gzip_breaks_too(read):
    packed = bytearray(gzip.compress(TABLE))
    packed[-5] ^= 0xFF  # its checksum
    lines, message = read(bytes(packed))
    assert lines in ([2, 3], [2], [])
    assert "truncated or corrupt at line" in message


def test_a_line_without_end_is_refused(read):
    lines, message = read(TABLE + b"x" * (1024 * 1024))
    assert lines == [2, 3]
    assert "line 4 is over 1048576 bytes long" in message
