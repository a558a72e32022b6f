"""The audit log's chain: each entry's hash covers the one before it, so nothing can be changed or left out unseen."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Made = Callable[[bytes, str], bool]
"""Whether a keyed hash is that of a text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to whom; ids and words of ours only, never personal data."""

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
    """Texts, whole numbers, true and false, lists and objects of them: what JSON has in one spelling only."""

    def text(self, previous_hash: bytes) -> str:
        """What the entry's hash is made from: everything, in one fixed form."""
        fields = [
            self.sequence, self.at.isoformat(), self.actor, self.action, self.subject, self.details,
            previous_hash.hex(),
        ]  # fmt: skip
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as it lies in the log."""

    entry: Entry
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends: its newest entry."""

    sequence: int
    hash: bytes

    def text(self) -> str:
        """What the head's anchor is made from."""
        return f"{self.sequence} {self.hash.hex()}"


START = Head(0, b"")


class Broken(Exception):
    """The log is not what was written; `sequence` is the first entry that cannot be trusted."""

    def __init__(self, sequence: int, why: str) -> None:
        super().__init__(f"the audit log is broken at entry {sequence}: {why}")
        self.sequence = sequence


def follow(head: Head, stored: Stored, made: Made) -> Head:
    """The head after the next entry. Raises Broken."""
    expected = head.sequence + 1
    if stored.entry.sequence != expected:
        raise Broken(expected, f"it is missing, {stored.entry.sequence} comes next")
    if not made(stored.hash, stored.entry.text(head.hash)):
        raise Broken(expected, "it is not what was written, or does not follow the entry before it")
    return Head(expected, stored.hash)


def check_known(head: Head, known: Mapping[int, bytes]) -> None:
    """Compares with what somebody noted of this entry elsewhere. Raises Broken."""
    if known.get(head.sequence, head.hash) != head.hash:
        raise Broken(head.sequence, "another entry was noted elsewhere in its place: the log was written anew")


def check_end(end: Head, anchored: Head, anchor: bytes, known: Mapping[int, bytes], made: Made) -> None:
    """Whether the log ends where it should. Raises Broken."""
    if anchored != START and not made(anchor, anchored.text()):
        raise Broken(anchored.sequence, "the head was changed by somebody who does not have the key")
    last = max([anchored.sequence, *known])
    if end.sequence < last:
        raise Broken(end.sequence + 1, f"the log is cut off, it went to entry {last} at least")
    if end != anchored:
        raise Broken(anchored.sequence + 1, "entries follow the head, which every entry moves")
