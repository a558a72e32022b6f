"""Bodies of answers, read whole and never beyond a bound."""

import aiohttp


class TooLong(ValueError):
    """The body is longer than was to be read."""


async def read_whole(content: aiohttp.StreamReader, max_bytes: int) -> bytes:
    """The body, in however many pieces it comes. Raises TooLong."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > max_bytes:
            raise TooLong(f"the body is longer than {max_bytes:,} bytes")
    return bytes(body)
