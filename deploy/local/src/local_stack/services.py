"""The table of Forecourt's services; a new service is one more line."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local_stack.config import REPOSITORY, Config

_CODE = {".py", ".sql"}


@dataclass(frozen=True)
class Service:
    """One service: its name is its package, its Kafka principal and its database role."""

    name: str
    port_offset: int
    store: Literal["postgres", "mongo"] | None = None
    folder: str = ""

    def port(self, config: Config) -> int:
        """Where the service listens in this stack."""
        return config.port + self.port_offset

    def url(self, config: Config) -> str:
        """The service's own address; clients use the gateway's."""
        return f"http://127.0.0.1:{self.port(config)}"

    @property
    def path(self) -> Path:
        """The service's folder in the checkout."""
        return REPOSITORY / (self.folder or f"services/{self.name}")

    def code_stamp(self) -> str:
        """Changes with each edit of the code the service runs, so that `up` restarts what runs old code."""
        folders = (self.path / "src", REPOSITORY / "shared")
        files = sorted(file for folder in folders for file in folder.rglob("*.py") if "tests" not in file.parts)
        return ";".join(f"{file}:{os.stat(file).st_mtime_ns}" for file in files)

    def migrations_state(self) -> str:
        """The content of every file that decides what the schema is; empty where the service has no schema."""
        own = sorted((self.path / "migrations").glob("[0-9]*"))
        plumbing = sorted(file for file in (REPOSITORY / "shared/servicekit/src").rglob("*") if file.suffix in _CODE)
        return "\n".join(file.read_text() for file in (*own, *plumbing)) if own else ""


SERVICES = (
    Service("identity", 1, store="postgres"),
    Service("pricing", 2, store="postgres"),
    Service("stations", 3, store="mongo"),
    Service("payments", 4, store="postgres"),
    Service("loyalty", 5, store="postgres"),
    Service("analytics", 6, store="mongo"),
    Service("gateway", 0, folder="gateway"),
    Service("simulators", 9, folder="simulators"),
)
UPSTREAMS = tuple(service for service in SERVICES if service.store is not None)
"""What the gateway forwards to, and what holds data of people: all but the gateway and the simulators."""

SERVICE_BY_NAME = {service.name: service for service in SERVICES}
POSTGRES_ROLES = tuple(service.name for service in SERVICES if service.store == "postgres")
MONGO_USERS = tuple(service.name for service in SERVICES if service.store == "mongo")
