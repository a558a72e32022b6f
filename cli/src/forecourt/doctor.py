"""`doctor`: what keeps a stack from starting, and what to do about it."""

import ctypes
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from forecourt.console import out
from local_stack import kafka, mongo, postgres, stack
from local_stack.config import Config, StackError
from local_stack.ports import owner
from local_stack.status import status

DISK_BYTES = 1024**3
MONGO_LIBRARIES = {"libcurl.so.4": "libcurl4", "libssl.so.3": "libssl3"}


@dataclass(frozen=True)
class Finding:
    """One check: what it found, and what to do when it is not well."""

    check: str
    well: bool
    found: str
    remedy: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Check what a stack needs; exit code 1 when something is wrong.

    Example: `./forecourt doctor`
    """
    config = Config.from_environment()
    findings = [finding for check in CHECKS for finding in check(config)]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            _print(finding)
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


def _print(finding: Finding) -> None:
    mark = "[green]ok[/]   " if finding.well else "[bold red]wrong[/]"
    out.print(f"{mark}  {finding.check:<14} {finding.found}", soft_wrap=True)
    if not finding.well:
        out.print(f"       {'':<14} [bold]{finding.remedy}[/]", soft_wrap=True)


def _python(_: Config) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), version, "install Python 3.11, then `make setup`")


def _programs(_: Config) -> Iterator[Finding]:
    programs: dict[str, Callable[[], object]] = {
        "postgres": lambda: postgres.binary("postgres"),
        "mongod": mongo.binary,
        "java": kafka.java_program,
    }
    for name, find in programs.items():
        try:
            yield Finding(name, True, str(find()))
        except StackError as error:
            yield Finding(name, False, str(error), "run `make setup`")


def _libraries(_: Config) -> Iterator[Finding]:
    for library, package in MONGO_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
            yield Finding(library, True, "present")
        except OSError:
            yield Finding(
                library, False, "missing; MongoDB needs it", f"on Debian or Ubuntu: apt-get install {package}"
            )


def _ports(config: Config) -> Iterator[Finding]:
    """A port is well when it is free or the stack's own part listens there."""
    for part in status(config):
        for port in part.ports:
            holder = None if part.pid else owner(port)
            found = f"port {port} is " + (f"taken by {holder}" if holder else "ours" if part.pid else "free")
            remedy = f"end {holder}, or set FORECOURT_PORT to move the whole stack"
            yield Finding(part.name, holder is None, found, remedy)


def _parts(config: Config) -> Iterator[Finding]:
    for part in status(config):
        if part.state == "dead":
            remedy = f"`./forecourt up` starts it again; `./forecourt logs {part.name}` tells why"
            yield Finding(part.name, False, "has died", remedy)


def _disk(config: Config) -> Iterator[Finding]:
    folder = next(parent for parent in (config.data, *config.data.parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    remedy = "free 1 GiB, or set FORECOURT_DATA to a folder on another disk"
    yield Finding("disk", free >= DISK_BYTES, f"{free / 1024**3:.1f} GiB free for {config.data}", remedy)
    yield Finding("data folder", os.access(folder, os.W_OK), str(config.data), f"make {folder} writable for yourself")


def _entrance(config: Config) -> Iterator[Finding]:
    try:
        for folder in (config.data, postgres.binary("postgres").parent):
            postgres.require_entrance(folder)
        yield Finding("postgres user", True, f"{postgres.run_as() or 'yourself'} may read what it needs")
    except StackError as error:
        yield Finding("postgres user", False, "cannot enter a folder", str(error))


def _lock(config: Config) -> Iterator[Finding]:
    holder = stack.lock_holder(config)
    remedy = "wait for it; if it hangs, end it: the lock goes with it"
    yield Finding("lock", holder is None, f"held by pid {holder}" if holder else "free", remedy)


CHECKS = (_python, _programs, _libraries, _entrance, _disk, _lock, _ports, _parts)
