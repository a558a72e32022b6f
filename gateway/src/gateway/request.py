"""One request as it came from a client, and where it stands in its trace. No I/O."""

import time
from urllib.parse import unquote

import httptools

from gateway.routing import Route
from servicekit.problems import Problem
from servicekit.spans import Trace

MAX_QUERY_BYTES = 8 * 1024
MAX_BODY_BYTES = 2 * 1024 * 1024
"""While the route is not known yet; none has more."""
Header = tuple[bytes, bytes]
"""(name in lower case, value)."""


class Request:
    """A request; its body is whole once `complete`. The door fills in `route` and `client`."""

    __slots__ = (
        "admitted", "answered", "client", "complete", "has_body", "headers", "keep_alive", "method", "named", "parts",
        "path", "query", "received", "route", "started_ns", "trace", "url", "version",
    )  # fmt: skip

    trace: Trace
    """Set when its turn comes."""

    def __init__(self, client: str) -> None:
        self.client = client
        """The address it came from."""
        self.url = b""
        self.path = ""
        self.query = b""
        self.headers: list[Header] = []
        self.named: dict[bytes, bytes] = {}
        """The headers by name; where one comes twice, the first."""
        self.has_body = False
        """Whether a body is announced."""
        self.route: Route | None = None
        self.method = ""
        self.version = "1.1"
        self.keep_alive = False
        self.parts: list[bytes] = []
        """Of the body, as they came."""
        self.received = 0
        """Bytes of the body, those that nobody wanted too."""
        self.complete = False
        self.admitted = False
        self.answered = False
        self.started_ns = time.time_ns()

    @property
    def body(self) -> bytes:
        """What came of the body."""
        return b"".join(self.parts)

    @property
    def body_limit(self) -> int:
        """How long the body may be."""
        return MAX_BODY_BYTES if self.route is None else self.route.body_bytes

    def too_large(self) -> Problem:
        """What is wrong with a body beyond the limit."""
        return Problem(413, "body-too-large", f"The body is larger than {self.body_limit:,} bytes.")

    def expects_continue(self) -> bool:
        """Whether the client sends the body only when it is asked to."""
        return (self.header(b"expect") or b"").lower() == b"100-continue"

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, by its name in lower case."""
        return self.named.get(name)

    def split_url(self) -> None:
        """Fills in path and query. Problem 400 or 414 where the URL is none that we take."""
        try:
            url = httptools.parse_url(self.url)
            path = url.path.decode("ascii")
            self.query = url.query or b""
            self.path = unquote(path, errors="strict") if "%" in path else path
        except (httptools.HttpParserInvalidURLError, AttributeError, ValueError):
            raise Problem(400, "bad-url", "The URL is malformed: send a path, percent-encoded in UTF-8.") from None
        if not self.query.isascii():
            raise Problem(400, "bad-query", "The query has bytes outside ASCII; percent-encode them.")
        if len(self.query) > MAX_QUERY_BYTES:
            raise Problem(414, "query-too-long", f"The query is longer than {MAX_QUERY_BYTES:,} bytes; ask for less.")

    def declared_bytes(self) -> int:
        """How long the body says it is; 0 where it says nothing."""
        return int(self.header(b"content-length") or 0)
