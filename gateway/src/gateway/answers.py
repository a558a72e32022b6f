"""A whole answer of an upstream, and the forms in which clients get it: with its tag, compressed, or not again."""

import gzip
from hashlib import blake2b
from typing import NamedTuple

import brotli

from gateway.negotiation import best_encoding, has_it
from gateway.request import Header
from gateway.routing import Cache

MIN_COMPRESSED_BYTES = 1_024
"""Less fits into one packet anyway."""
FAST_ABOVE_BYTES = 64 * 1024
"""Larger bodies get a quicker pass: the event loop waits for it."""
COMPRESSIBLE = (b"application/json", b"application/problem+json", b"text/")
OK, NOT_MODIFIED = 200, 304
REPLACED = frozenset({b"cache-control", b"content-length", b"etag", b"vary"})


class Form(NamedTuple):
    """An answer as one client gets it."""

    status: int
    headers: list[Header]
    body: bytes


class Answer:
    """A whole answer; what it looks like compressed is worked out once for all who share it."""

    def __init__(self, status: int, headers: list[Header], body: bytes) -> None:
        self._status = status
        self._headers = [(name.lower(), value) for name, value in headers]
        self._body = body
        self._tag = dict(self._headers).get(b"etag", b"")
        self._encoded: dict[str, bytes] = {}

    def form(self, cache: Cache, accept_encoding: bytes | None, if_none_match: bytes | None) -> Form:
        """The answer for a client with these headers. Only a 200 is tagged and may be kept."""
        if self._status != OK:
            headers = [header for header in self._headers if header[0] != b"content-length"]
            return Form(self._status, [*headers, _length(self._body)], self._body)
        headers = self._described(cache)
        if has_it(if_none_match, self._entity_tag()):
            return Form(NOT_MODIFIED, [header for header in headers if not header[0].startswith(b"content-")], b"")
        encoding = best_encoding(accept_encoding) if self._is_worth_it() else None
        if encoding is None:
            return Form(OK, [*headers, _length(self._body)], self._body)
        body = self._encode(encoding)
        return Form(OK, [*headers, (b"content-encoding", encoding.encode()), _length(body)], body)

    def _described(self, cache: Cache) -> list[Header]:
        given = dict(self._headers)
        return [
            *(header for header in self._headers if header[0] not in REPLACED),
            (b"cache-control", given.get(b"cache-control", cache.control)),
            (b"etag", self._entity_tag()), (b"vary", b"accept-encoding"),
        ]  # fmt: skip

    def _entity_tag(self) -> bytes:
        """The service's own, or a weak one, as all encodings share it, from the content, so that replicas agree."""
        if not self._tag:
            self._tag = b'W/"%b"' % blake2b(self._body, digest_size=12).hexdigest().encode()
        return self._tag

    def _is_worth_it(self) -> bool:
        """Whether to compress. A tag of the service's own may stand for these very bytes."""
        given = dict(self._headers)
        if b"content-encoding" in given or b"etag" in given or len(self._body) < MIN_COMPRESSED_BYTES:
            return False
        return given.get(b"content-type", b"").startswith(COMPRESSIBLE)

    def _encode(self, encoding: str) -> bytes:
        if encoding not in self._encoded:
            fast = len(self._body) > FAST_ABOVE_BYTES
            if encoding == "br":
                self._encoded[encoding] = brotli.compress(self._body, quality=1 if fast else 4)
            else:
                self._encoded[encoding] = gzip.compress(self._body, compresslevel=1 if fast else 6, mtime=0)
        return self._encoded[encoding]


def _length(body: bytes) -> Header:
    return b"content-length", b"%d" % len(body)
