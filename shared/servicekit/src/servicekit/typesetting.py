"""PDFs by typst, each in a process of its own that ends with it: what typst remembers of a document is gone then, and
one that is too large or takes too long takes nothing else along.
"""

import asyncio
import os
import sys
from typing import Any

import msgspec

from servicekit.problems import Problem
from servicekit.turns import Turns

MAX_AT_ONCE = 2
MAX_WAITING = 20
TIMEOUT_SECONDS = 10.0
CHILD = "servicekit.typeset_page"
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "SYSTEMROOT")
"""Of the environment: the child needs to find Python's packages, and none of our secrets."""


class Typesetter:
    """Makes PDFs of a package's templates (`templates/NAME.typ`), a few at a time."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._turns = Turns("The printing of PDFs", MAX_AT_ONCE, MAX_WAITING, retry_after_seconds=5)

    async def pdf(self, template: str, view: Any) -> bytes:
        """The PDF of a template; `view` is what it shows, of JSON's types and dataclasses.

        The same template and view give the same bytes. Raises Problem 503.
        """
        async with self._turns.take():
            return await _typeset(self._package, template, msgspec.json.encode(view))


async def _typeset(package: str, template: str, view: bytes) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", CHILD, package, template,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # an error of typst's quotes the document
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )  # fmt: skip
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            document, _ = await child.communicate(view)
    except TimeoutError:
        raise Problem(503, "pdf-too-slow", "The PDF takes too long; the same as CSV or JSON has all of it.") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise RuntimeError(f"typesetting {package}'s {template} ended with {child.returncode}")
    return document
