"""The project's Python files, parsed."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local_stack.config import REPOSITORY

FOLDERS = ("shared", "services", "gateway", "simulators", "feeds", "cli", "deploy", "tests")


@dataclass(frozen=True)
class Source:
    """One file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    @property
    def is_test(self) -> bool:
        """Whether the file is part of the tests."""
        return "tests" in self.path.relative_to(REPOSITORY).parts or self.path.name == "conftest.py"

    @cached_property
    def text(self) -> str:
        """The file as it is."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The file parsed."""
        return ast.parse(self.text)

    def calls(self) -> list[ast.Call]:
        """Every call in the file."""
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function in the file, nested ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def called(call: ast.Call) -> str:
    """The name that is called, as written: `asyncio.sleep`."""
    return ast.unparse(call.func)


SOURCES = [
    Source(REPOSITORY / "conftest.py"),
    *(Source(path) for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.py"))),
]
