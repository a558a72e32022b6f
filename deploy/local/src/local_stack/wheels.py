"""Programs that come inside Python wheels."""

from importlib.util import find_spec
from pathlib import Path

from local_stack.config import StackError


def program(package: str, path: str) -> Path:
    """A program in an installed package, found without importing it: some of these packages act at import."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations if spec else None) or []:
        if (found := Path(folder) / path).exists():
            return found
    raise StackError(f"{path} of the package {package} is not installed: run `make setup`")
