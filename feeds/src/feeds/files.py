"""Files of a feed as bytes and as lines: plain, gzip, or a zip with one member, told apart by their first bytes."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from feeds.base import FeedError

MAX_LINE_BYTES = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_MARK = b"\xef\xbb\xbf"


class UndecodableError(ValueError):
    """A line is not in the encoding that the format prescribes; the text says what to do."""


def utf8(raw: bytes) -> str:
    """The text of a format that prescribes UTF-8. Raises UndecodableError."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UndecodableError("is not UTF-8; convert the file to UTF-8") from error


def utf8_or_latin_1(raw: bytes) -> str:
    """The text of a format that has been written in both: hardly any text in Latin-1 happens to be good UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_lines(path: Path, decode: Callable[[bytes], str] = utf8) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1; at least one. Raises FeedError.

    Decoded one by one, so that all before a break are yielded; a byte order mark is left out.
    """
    with open_bytes(path) as file:
        line = 0
        while raw := _read_line(path, file, line + 1):
            line += 1
            try:
                yield line, decode(raw.removeprefix(_MARK) if line == 1 else raw)
            except UndecodableError as error:
                raise FeedError(f"{path}: line {line} {error}") from error
        if line == 0:
            raise FeedError(f"{path}: the file is empty; fetch it again")


def open_bytes(path: Path) -> BinaryIO:
    """The file's content, unpacked as it is read. Raises FeedError."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP_MAGIC))
        if start.startswith(_GZIP_MAGIC):
            return io.BufferedReader(gzip.GzipFile(path))
        return _open_member(path) if start == _ZIP_MAGIC else path.open("rb")
    except OSError as error:
        raise FeedError(f"{path}: cannot be opened ({error.strerror}); check the path and its rights") from error


@contextmanager
def content(path: Path) -> Iterator[BinaryIO]:
    """The file's content behind a byte order mark; a truncated or corrupt packing is told as FeedError."""
    with open_bytes(path) as opened:
        try:
            file = opened if isinstance(opened, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, opened))
            if file.peek(1).startswith(_MARK):
                file.read(len(_MARK))
            if not file.peek(1):
                raise FeedError(f"{path}: the file is empty; fetch it again")
            yield file
        except _BROKEN as error:
            raise FeedError(f"{path}: truncated or corrupt ({error}); fetch it again") from error


_BROKEN = (EOFError, OSError, zlib.error, zipfile.BadZipFile)
"""A cut, a bad checksum and bad data in a packed file."""


def _open_member(path: Path) -> BinaryIO:
    try:
        members = [member for member in zipfile.ZipFile(path).infolist() if not member.is_dir()]
        if len(members) != 1:
            raise FeedError(f"{path}: a zip with {len(members)} files; unpack it and name the file to read")
        return cast(BinaryIO, zipfile.ZipFile(path).open(members[0]))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:  # RuntimeError: it wants a password
        raise FeedError(f"{path}: not a zip that can be read ({error}); fetch it again") from error


def _read_line(path: Path, file: BinaryIO, line: int) -> bytes:
    try:
        raw = file.readline(MAX_LINE_BYTES)
    except _BROKEN as error:
        raise FeedError(f"{path}: truncated or corrupt at line {line} ({error}); fetch it again") from error
    if len(raw) == MAX_LINE_BYTES:
        raise FeedError(f"{path}: line {line} is over {MAX_LINE_BYTES} bytes long, so this is not a table of rows")
    return raw
