"""One MongoDB as a replica set of one, with a user per service that sees its own database only."""

from collections.abc import Callable
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from local_stack import secrets
from local_stack.config import Config, StackError
from local_stack.processes import Command, minimal_environment, wait_until
from local_stack.services import MONGO_USERS
from local_stack.wheels import program

REPLICA_SET = "rs0"
ROOT = "root"
PRIMARY_TIMEOUT_SECONDS = 30.0
_UNAUTHENTICATED = (13, 18)
# A small cache, oplog and journal suit a laptop: an empty data folder takes 18 MB instead of 302.
_OPTIONS = (
    "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet", "--replSet", REPLICA_SET,
    "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64",
    "--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)",
    "--setParameter", "diagnosticDataCollectionEnabled=false",
    "--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100",
    # A killed client's transaction holds its documents until this runs out; the default is a minute.
    "--setParameter", "transactionLifetimeLimitSeconds=10",
)  # fmt: skip


class Mongo:
    """The MongoDB server of one stack."""

    name = "mongo"
    timeout_seconds = 60.0

    def __init__(self, config: Config, secrets: secrets.Secrets) -> None:
        self.config = config
        self.port = config.mongo_port
        self.ports = (config.mongo_port,)
        self._secrets = secrets
        self._folder = config.data / "mongo"
        self._key_file = self._folder / "key"

    def prepare(self, report: Callable[[str], None]) -> None:
        """Make the data folder and the key that members of the replica set share."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files.mkdir(exist_ok=True)
        secrets.write_private(self._key_file, self._secrets["mongo.key_file"])

    def command(self) -> Command:
        """How to start the server."""
        place = ("--port", str(self.port), "--dbpath", str(self._files), "--keyFile", str(self._key_file))
        return Command(self.name, (str(binary()), *place, *_OPTIONS), minimal_environment())

    def answers(self) -> bool:
        """Whether the server is primary, or new and so waits to be told of its replica set."""
        try:
            with self._anonymous() as client:
                hello = client.admin.command("hello")
        except PyMongoError:
            return False
        return hello["isWritablePrimary"] or "isreplicaset" in hello

    def desired(self) -> str:
        """The state that `provision` makes, as text."""
        return repr([self.port, [[name, self._secrets[f"mongo.{name}"]] for name in (ROOT, *MONGO_USERS)]])

    def provision(self) -> None:
        """Make the replica set, the root user (allowed without a login from here, once) and each service's user."""
        with self._anonymous() as client:
            self._initiate(client)
        with self._as_root() as client:
            self._adopt_port(client)
            for user in MONGO_USERS:
                self._put_user(client, user, user, [{"role": role, "db": user} for role in ("readWrite", "dbAdmin")])

    @property
    def _files(self) -> Path:
        return self._folder / "files"

    def _anonymous(self) -> MongoClient:
        return MongoClient("127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=1000)

    def _as_root(self) -> MongoClient:
        return MongoClient(
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=5000,
            username=ROOT, password=self._secrets[f"mongo.{ROOT}"],
        )  # fmt: skip

    def _initiate(self, client: MongoClient) -> None:
        """The first two steps of a new server; on a later start both are refused, as nobody is logged in."""
        members = {"_id": REPLICA_SET, "members": [self._member()]}
        try:
            client.admin.command("replSetInitiate", members)
            _wait_for_primary(client)
            self._put_user(client, "admin", ROOT, [{"role": "root", "db": "admin"}])
        except OperationFailure as refusal:
            if refusal.code not in _UNAUTHENTICATED:
                raise

    def _adopt_port(self, client: MongoClient) -> None:
        """The replica set remembers its member's address; after a change of port it must learn the new one."""
        members = client.admin.command("replSetGetConfig")["config"]
        if members["members"][0]["host"] != self._member()["host"]:
            members["members"] = [self._member()]
            members["version"] += 1
            client.admin.command("replSetReconfig", members, force=True)
        _wait_for_primary(client)

    def _member(self) -> dict[str, object]:
        return {"_id": 0, "host": f"127.0.0.1:{self.port}"}

    def _put_user(self, client: MongoClient, database: str, user: str, roles: list[dict[str, str]]) -> None:
        known = client[database].command("usersInfo", user)["users"] if user != ROOT else []
        command = "updateUser" if known else "createUser"
        client[database].command(command, user, pwd=self._secrets[f"mongo.{user}"], roles=roles)


def url(config: Config, secrets: secrets.Secrets, user: str) -> str:
    """How a service's user connects; its database has its name."""
    place = f"127.0.0.1:{config.mongo_port}/{user}"
    return f"mongodb://{user}:{secrets[f'mongo.{user}']}@{place}?replicaSet={REPLICA_SET}&authSource={user}"


def binary() -> Path:
    """The server's program."""
    return program("fiftyone", "db/bin/mongod")


def _wait_for_primary(client: MongoClient) -> None:
    if not wait_until(lambda: client.admin.command("hello")["isWritablePrimary"], PRIMARY_TIMEOUT_SECONDS):
        raise StackError("MongoDB does not elect itself: read its log with `./forecourt logs mongo`")
