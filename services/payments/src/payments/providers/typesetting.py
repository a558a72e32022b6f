"""PDFs by typst, each in a process of its own that ends with it: what typst remembers of a document is gone then, and
one that is too large or takes too long takes nothing else along.
"""

import asyncio
import os
import sys
from typing import Any

import msgspec

from servicekit.problems import Problem, Unavailable

MAX_AT_ONCE = 2
MAX_WAITING = 20
TIMEOUT_SECONDS = 10.0
CHILD = "payments.providers.typeset_page"
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "SYSTEMROOT")
"""Of the environment: the child needs to find Python's packages, and none of our secrets."""


class Typesetter:
    """Makes PDFs, a few at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0

    async def pdf(self, template: str, view: Any) -> bytes:
        """The PDF of a template of ours; `view` is what it shows, of JSON's types and dataclasses.

        The same template and view give the same bytes. Raises Problem 503.
        """
        if self._waiting >= MAX_WAITING:
            raise Unavailable("The printing of PDFs", retry_after_seconds=5)
        self._waiting += 1
        try:
            async with self._turns:
                return await _typeset(template, msgspec.json.encode(view))
        finally:
            self._waiting -= 1


async def _typeset(template: str, view: bytes) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", CHILD, template, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # an error of typst's quotes the document
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )  # fmt: skip
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            document, _ = await child.communicate(view)
    except TimeoutError:
        raise Problem(503, "pdf-too-slow", "The PDF takes too long; the bill as CSV or JSON has all of it.") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise RuntimeError(f"typesetting {template} ended with {child.returncode}")
    return document
