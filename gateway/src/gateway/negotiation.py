"""What a client can take and what it has already: Accept-Encoding and If-None-Match (RFC 9110). Pure."""

import re
from functools import lru_cache

ENCODINGS = ("br", "gzip")
"""What we make, the smaller first."""
IDENTITY = "identity"
_MEMBER = re.compile(r"\s*(?P<coding>[a-z0-9*_-]+)\s*(?:;\s*q=(?P<weight>[01](?:\.\d{0,3})?)\s*)?", re.ASCII | re.I)
_ENTITY_TAG = re.compile(rb'(?:W/)?"([\x21\x23-\x7e]*)"')


@lru_cache(maxsize=1_024)
def best_encoding(accepted: bytes | None) -> str | None:
    """The encoding of ENCODINGS that an Accept-Encoding header likes best; None where the plain answer is better.

    What cannot be read is taken for absent: the plain answer is always understood.
    """
    weights: dict[str, float] = {}
    for member in (accepted or b"").decode("latin-1").lower().split(","):
        if match := _MEMBER.fullmatch(member):
            weights[match["coding"]] = float(match["weight"] or 1)
    anything = weights.get("*", 0.0)
    best = max(ENCODINGS, key=lambda encoding: weights.get(encoding, anything))
    weight = weights.get(best, anything)
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else None


def has_it(if_none_match: bytes | None, tag: bytes) -> bool:
    """Whether the client's copy has this entity tag; weak comparison, as RFC 9110 asks for a GET."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == b"*":
        return True
    return tag.removeprefix(b"W/").strip(b'"') in _ENTITY_TAG.findall(if_none_match)
