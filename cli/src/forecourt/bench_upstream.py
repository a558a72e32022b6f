"""The trivial upstream of `bench gateway`: the same answer to every request, with nothing looked at.

`python -m forecourt.bench_upstream PORT`
"""

import asyncio
import sys
from typing import cast

import uvloop

END_OF_HEAD = b"\r\n\r\n"
BODY = (
    b'{"reports":[{"report_id":"1","station_id":"01930b5e-0000-7000-8000-000000000001","fuel":"e5","price_mills":1789,'
    b'"currency":"EUR","effective_at":"2026-01-01T00:00:00Z","verdict":"accepted"}]}'
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


class FixedAnswer(asyncio.Protocol):
    """Answers as often as a head ends; requests have no bodies here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        data = self._rest + data
        heads = data.count(END_OF_HEAD)
        self._rest = data[data.rfind(END_OF_HEAD) + len(END_OF_HEAD) :] if heads else data
        self._transport.write(ANSWER * heads)


async def main(port: int) -> None:
    """Serves for ever."""
    server = await asyncio.get_running_loop().create_server(FixedAnswer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
