"""Who may import whom; the contracts stand in pyproject.toml."""

import subprocess
import sys
import tomllib
from pathlib import Path

from local_stack.config import REPOSITORY
from local_stack.services import SERVICES

LINTER = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["type"]: contract for contract in LINTER["contracts"]}


def test_imports_follow_the_contracts():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    result = subprocess.run(  # noqa: S603 - our own command
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout


def test_every_service_is_under_the_contracts():
    names = {service.name for service in SERVICES}
    assert names <= set(LINTER["root_packages"])
    assert set(CONTRACTS["independence"]["modules"]) == names
    with_store = {service.name for service in SERVICES if service.store}
    assert set(CONTRACTS["layers"]["containers"]) == with_store
    domains = next(one for one in LINTER["contracts"] if "domain knows no" in one["name"])["source_modules"]
    assert {f"{name}.domain" for name in with_store} <= set(domains)


def test_every_package_is_under_the_contracts():
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    packages = {path.rpartition("/")[2] for path in build["targets"]["wheel"]["packages"]}
    assert packages == set(LINTER["root_packages"])
