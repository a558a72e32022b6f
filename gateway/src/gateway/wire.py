"""Requests and answers as bytes: which headers pass, which are added, and problems. No I/O."""

from collections.abc import Iterable
from functools import lru_cache

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gateway.request import Header, Request
from servicekit.problems import MEDIA_TYPE, Problem, problem_body

FORWARDED_REQUEST_HEADERS = frozenset({
    b"accept", b"accept-encoding", b"accept-language", b"authorization", b"content-encoding", b"content-type",
    b"idempotency-key", b"if-match", b"if-modified-since", b"if-none-match", b"last-event-id", b"prefer", b"range",
    b"user-agent", b"wechatpay-nonce", b"wechatpay-serial", b"wechatpay-signature", b"wechatpay-signature-type",
    b"wechatpay-timestamp",
})  # fmt: skip
"""Nothing else passes: no hop-by-hop header, no cookie, no `x-user-*` or `x-forwarded-*` that a client made up."""

WITHHELD_RESPONSE_HEADERS = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
    b"upgrade", b"date", b"server", b"via", b"x-powered-by", b"trace-id", b"traceparent", b"tracestate",
})  # fmt: skip
WITHHELD_RESPONSE_PREFIXES = (b"x-forecourt-", b"x-internal-", b"x-user-")
SECURITY_HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}
"""Set where the answer does not set them itself."""
WITHOUT_BODY = frozenset({"GET", "HEAD"})
"""Other methods say so where their body is empty (RFC 9110, 8.6)."""
SECURITY_LINES = {name: b"%b: %b\r\n" % (name, value) for name, value in SECURITY_HEADERS.items()}
ALL_SECURITY_LINES = b"".join(SECURITY_LINES.values())


@lru_cache(maxsize=1_024)
def may_pass(name: bytes) -> bool:
    """Whether a header of an answer goes on to the client. The same few names come with every answer."""
    return name not in WITHHELD_RESPONSE_HEADERS and not name.startswith(WITHHELD_RESPONSE_PREFIXES)


def forwarded_request(request: Request, host: bytes, prefix: bytes, traceparent: bytes) -> bytes:
    """The whole request as an upstream gets it; its body has the length that was counted, not what the client said."""
    target = prefix + request.path.encode()
    if request.query:
        target += b"?" + request.query
    parts = [request.method.encode(), b" ", target, b" HTTP/1.1\r\nhost: ", host, b"\r\n"]
    for name, value in request.headers:
        if name in FORWARDED_REQUEST_HEADERS:
            parts += (name, b": ", value, b"\r\n")
    if request.client:
        parts += (b"x-forwarded-for: ", request.client.encode(), b"\r\n")
    body = request.body if request.has_body else b""
    if body or request.method not in WITHOUT_BODY:
        parts.append(b"content-length: %d\r\n" % len(body))
    parts += (b"traceparent: ", traceparent, b"\r\n\r\n", body)
    return b"".join(parts)


def answer_head(
    request: Request, status: int, headers: Iterable[Header], more: Iterable[Header], *, chunked: bool, close: bool
) -> bytes:
    """The head of an answer: `headers` as far as they may pass, `more` of the server's own, security and framing."""
    parts, given = [STATUS_LINE[status]], []
    for name, value in headers:
        if may_pass(name):
            parts += (name, b": ", value, b"\r\n")
            if name in SECURITY_LINES:
                given.append(name)
    if given:
        parts += [line for name, line in SECURITY_LINES.items() if name not in given]
    else:
        parts.append(ALL_SECURITY_LINES)
    for name, value in more:
        parts += (name, b": ", value, b"\r\n")
    if chunked:
        parts.append(b"transfer-encoding: chunked\r\n")
    if close:
        parts.append(b"connection: close\r\n")
    parts.append(b"trace-id: %b\r\n\r\n" % request.trace.trace_id.encode())
    return b"".join(parts)


def problem_answer(problem: Problem, trace_id: str) -> tuple[list[Header], bytes]:
    """(headers, body) of a problem."""
    body = problem_body(problem, trace_id)
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    headers += [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    return headers, body


def chunk(body: bytes) -> bytes:
    """A piece of a body in chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(body), body)


LAST_CHUNK = b"0\r\n\r\n"
