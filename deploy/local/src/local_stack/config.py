"""Where a stack lives: its data folder and its ports, both taken from the environment only."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

REPOSITORY = Path(__file__).parents[4]
DEFAULT_PORT = 8080
LAST_OFFSET = 13
"""Offset of the highest port a stack uses."""


class StackError(Exception):
    """Something a person can put right; the text says how."""


@dataclass(frozen=True)
class Config:
    """One stack. Two of them run side by side when both `data` and `port` differ.

    Every port is derived from the gateway's, so that one number moves the whole stack.
    """

    data: Path
    port: int
    cache: Path = REPOSITORY / ".forecourt-cache"
    """Downloads that every stack of this checkout shares."""

    @classmethod
    def from_environment(cls) -> Self:
        """The stack that FORECOURT_DATA and FORECOURT_PORT name; StackError when a value makes no sense."""
        data = Path(os.environ.get("FORECOURT_DATA") or REPOSITORY / ".forecourt")
        return cls(data.expanduser().absolute(), _port(os.environ.get("FORECOURT_PORT") or str(DEFAULT_PORT)))

    def environment(self) -> dict[str, str]:
        """The variables with which another process finds this stack."""
        return {"FORECOURT_DATA": str(self.data), "FORECOURT_PORT": str(self.port)}

    @property
    def gateway_url(self) -> str:
        """The one address that clients use."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def kafka_port(self) -> int:
        """Where clients reach Kafka."""
        return self.port + 10

    @property
    def kafka_controller_port(self) -> int:
        """Where Kafka's controller listens; for the broker only."""
        return self.port + 11

    @property
    def postgres_port(self) -> int:
        """Where Postgres listens."""
        return self.port + 12

    @property
    def mongo_port(self) -> int:
        """Where MongoDB listens."""
        return self.port + LAST_OFFSET

    @property
    def kafka_bootstrap(self) -> str:
        """Kafka's bootstrap servers."""
        return f"127.0.0.1:{self.kafka_port}"


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1024 <= int(text) <= 65535 - LAST_OFFSET:
        return int(text)
    raise StackError(f"FORECOURT_PORT is {text!r}: set it to a number from 1024 to {65535 - LAST_OFFSET}")
