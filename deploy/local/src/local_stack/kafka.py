"""One Kafka broker that is its own controller, with passwords and access rules on."""

import base64
import socket
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local_stack import kafka_install, kafka_provision, secrets
from local_stack.config import LAST_OFFSET, Config, StackError
from local_stack.locks import locked
from local_stack.processes import Command, Process, minimal_environment, wait_until

FORMAT_TIMEOUT_SECONDS = 60
TRAINING_TIMEOUT_SECONDS = 90
# The short session lets a killed broker register again after 3 s; the default keeps it out for 9.
_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=CLIENT://127.0.0.1:{port}
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=SCRAM-SHA-256
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-256
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="{admin}" password="{password}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="{admin}" password="{password}" user_{admin}="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{admin}
auto.create.topics.enable=false
log.dirs={logs}
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=2
"""


class Kafka:
    """The broker of one stack."""

    name = "kafka"
    timeout_seconds = 60.0

    def __init__(self, config: Config, secrets: secrets.Secrets, training: Path | None = None) -> None:
        self.config = config
        self.port = config.kafka_port
        self.ports = (config.kafka_port, config.kafka_controller_port)
        self._secrets = secrets
        self._training = training
        self._folder = config.data / "kafka"
        self._settings_file = self._folder / "server.properties"

    def prepare(self, report: Callable[[str], None]) -> None:
        """Install the jars once per checkout, write the settings, format the log folder once."""
        cache = self.config.cache
        if self._training is None and not _installed(cache):
            with locked(cache / "kafka.lock", lambda: report("waits for another stack that installs Kafka")):
                _install(cache, report)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        secrets.write_private(self._settings_file, self._settings())
        if not (self._logs / "meta.properties").exists():
            report("formats its log folder")
            self._format()

    def command(self) -> Command:
        """How to start the broker."""
        training = f"-XX:AOTCacheOutput={self._training}" if self._training else None
        argv = (*self._java(training), "kafka.Kafka", str(self._settings_file))
        return Command(self.name, argv, minimal_environment(), stamp=self._settings())

    def answers(self) -> bool:
        """Whether clients can use the broker."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
            self.admin().list_topics(timeout=2)
        except (OSError, KafkaException):
            return False
        return True

    def admin(self) -> AdminClient:
        """An administrator's client."""
        return AdminClient(kafka_provision.client_settings(self.config, self._secrets, secrets.KAFKA_ADMIN))

    def desired(self) -> str:
        """The state that `provision` makes, as text."""
        return kafka_provision.desired_state(self._secrets)

    def provision(self) -> None:
        """Make users, topics and access rules as the catalogue wants them."""
        kafka_provision.apply(self.admin(), self._secrets)

    @property
    def _logs(self) -> Path:
        return self._folder / "logs"

    def _java(self, option: str | None = None) -> list[str]:
        """Java, quick with the start-up cache; where that is not there yet, merely slower."""
        cache = self.config.cache
        return kafka_install.java(cache, option or f"-XX:AOTCache={kafka_install.startup_cache(cache)}")

    def _settings(self) -> str:
        return _SETTINGS.format(
            port=self.port,
            controller_port=self.config.kafka_controller_port,
            admin=secrets.KAFKA_ADMIN,
            password=self._secrets[f"kafka.{secrets.KAFKA_ADMIN}"],
            logs=self._logs,
        )

    def _format(self) -> None:
        """Format with the administrator's password. It travels in a private file: a command line is public."""
        user = f"SCRAM-SHA-256=[name={secrets.KAFKA_ADMIN},password={self._secrets[f'kafka.{secrets.KAFKA_ADMIN}']}]"
        place = ("-t", _cluster_id(), "-c", str(self._settings_file))
        java, *arguments = (*self._java(), "kafka.tools.StorageTool", "format", *place, "--add-scram", user)
        arguments_file = self._folder / "format.arguments"
        secrets.write_private(arguments_file, "\n".join(f'"{argument}"' for argument in arguments))
        try:
            result = subprocess.run(  # noqa: S603 -- the command is ours, no shell is involved
                [java, f"@{arguments_file}"],
                env=minimal_environment(), capture_output=True, text=True, timeout=FORMAT_TIMEOUT_SECONDS, check=False,
            )  # fmt: skip
        finally:
            arguments_file.unlink()
        if result.returncode != 0:
            raise StackError(f"Kafka cannot format {self._logs}: {(result.stderr or result.stdout).strip()}")


def java_program() -> Path:
    """The Java that runs the broker."""
    if not kafka_install.JAVA.exists():
        raise StackError(f"{kafka_install.JAVA} is missing: run `make setup`")
    return kafka_install.JAVA


def _cluster_id() -> str:
    """A random id; one that began with a dash would read as an option."""
    return "F" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


def _installed(cache: Path) -> bool:
    return kafka_install.installed(cache) and kafka_install.startup_cache(cache).exists()


def _install(cache: Path, report: Callable[[str], None]) -> None:
    if not kafka_install.installed(cache):
        report("downloads its jars (46 MB, once per checkout)")
        kafka_install.install(cache)
    if not kafka_install.startup_cache(cache).exists():
        report("trains the JVM's start-up cache (10 s, once per checkout)")
        _train(cache)


def _train(cache: Path) -> None:
    """Run a throw-away broker once; the JVM writes its cache as it ends."""
    target = kafka_install.startup_cache(cache)
    scratch = Path(mkdtemp(prefix="training-", dir=cache))
    config = Config(scratch, _free_base_port(), cache)
    broker = Kafka(config, secrets.load_or_create(config), training=scratch / "cache.aot")
    process = Process(scratch, broker.name)
    try:
        broker.prepare(lambda _: None)
        process.start(broker.command())
        if not wait_until(broker.answers, TRAINING_TIMEOUT_SECONDS):
            raise StackError(f"Kafka does not start:\n{process.log_tail()}")
        broker.provision()
        process.stop(TRAINING_TIMEOUT_SECONDS)
        (scratch / "cache.aot").replace(target)
    finally:
        process.stop()
        rmtree(scratch)


def _free_base_port() -> int:
    """A base whose two Kafka ports are free now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            base = probe.getsockname()[1] - LAST_OFFSET
        if all(_is_free(base + offset) for offset in range(LAST_OFFSET + 1)):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
