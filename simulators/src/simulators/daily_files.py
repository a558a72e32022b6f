"""The bills that a provider has made, each under the token with which the merchant fetches it."""

import secrets

MAX_FILES = 20


class DailyFiles:
    """Files by token; the oldest are forgotten where there are too many."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def keep(self, packed: bytes) -> str:
        """The file's token."""
        token = secrets.token_urlsafe(24)
        self._files[token] = packed
        while len(self._files) > MAX_FILES:
            del self._files[next(iter(self._files))]
        return token

    def get(self, token: str) -> bytes | None:
        """The file, if it is still there."""
        return self._files.get(token)
