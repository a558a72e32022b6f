"""How two documents of a view differ, field by field, for people to read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analytics.domain.packed import unpacked

MISSING = "(missing)"
MAX_SHOWN = 60
FACTS_SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not the same; `field` is a path such as fuels.e5.orders, or empty for a whole document."""

    key: str
    field: str
    old: str
    new: str


def differences(key: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Difference]:
    """What differs between two documents with this id that are not the same; None: there is none."""
    if old is None or new is None:
        yield Difference(key, "", MISSING if old is None else "(is there)", MISSING if new is None else "(is there)")
        return
    found = [Difference(key, *one) for one in _fields("", old, new)]
    yield from found or [Difference(key, "", "(order of fields)", "(another order of fields)")]


def _fields(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        place = f"{path}{name}"
        if before == after and (name in old) == (name in new):
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _fields(f"{place}.", before, after)
        elif place == FACTS_SEEN and isinstance(before, bytes) and isinstance(after, bytes):
            yield place, *_facts(unpacked(before), unpacked(after))
        else:
            yield place, _shown(name in old, before), _shown(name in new, after)


def _facts(before: set[bytes], after: set[bytes]) -> tuple[str, str]:
    """Facts that only one of them has: their number, and the id of one."""
    return _one_of(before - after), _one_of(after - before)


def _one_of(facts: set[bytes]) -> str:
    return f"{len(facts)} only here, such as {min(facts).hex()}" if facts else "0 only here"


def _shown(is_there: bool, value: Any) -> str:
    if not is_there:
        return MISSING
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
