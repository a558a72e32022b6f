"""The floor of `bench stream`: a bare loop that writes the same bytes to every socket, with nothing of ours in it.

`python -m forecourt.bench_sender PORT`. Whoever sends an empty line is a reader, and gets one back. Whoever sends a
line of hexadecimal publishes: its bytes go to all readers.
"""

import asyncio
import sys
from typing import cast

import uvloop


class Socket(asyncio.Protocol):
    """A reader, or the publisher."""

    transport: asyncio.WriteTransport

    readers: "set[Socket]" = set()  # noqa: RUF012 - one process, one set

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self.transport = cast(asyncio.WriteTransport, transport)
        self._line = b""

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self.readers.discard(self)

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        self._line += data
        if not self._line.endswith(b"\n"):
            return
        message, self._line = bytes.fromhex(self._line.decode()), b""
        if message:
            for reader in self.readers:
                reader.transport.write(message)
        else:
            self.readers.add(self)
            self.transport.write(b"\n")


async def main(port: int) -> None:
    """Serves for ever."""
    server = await asyncio.get_running_loop().create_server(Socket, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
