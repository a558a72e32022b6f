"""Texts that people write for others to read: plain, without what could change how the rest is shown. Pure."""

import re

_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters but the line feed, marks that turn the direction of writing, and halves of characters."""
_GAPS = re.compile(r"\n{3,}")


def plain(text: str) -> str | None:
    """The text without them, with at most one empty line at a time; None where nothing is left."""
    return _GAPS.sub("\n\n", _UNSEEN.sub("", text.replace("\r\n", "\n"))).strip() or None
