"""Do two releases understand each other? `python -m schemas.compatibility` compares `json/` with `released/`.

Two releases run side by side while a deployment rolls, and old records stay in their topics. So today's consumers must
take all that the released producers write, and the released consumers all that today's producers write.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.export import FOLDER
from schemas.subsumption import refusals

Contract = Mapping[str, Any]
PLACE = ("x-topic", "x-key")


@dataclass(frozen=True)
class Break:
    """One thing that a release breaks, and whom it breaks."""

    event: str
    field: str
    change: str
    consumers: tuple[str, ...]

    def __str__(self) -> str:
        whom = ", ".join(self.consumers) or "no consumer yet, but whoever reads it later"
        return f"{self.event}: {self.field}: {self.change}; it breaks {whom}"


def breaks(released: Mapping[str, Contract], current: Mapping[str, Contract]) -> list[Break]:
    """Every break between two sets of contracts, each by event name."""
    found = [Break(name, "(event)", "it was removed", _consumers(released[name])) for name in released.keys() - current]
    for name in sorted(released.keys() & current):
        found += _breaks_of(name, released[name], current[name])
    return found


def _breaks_of(name: str, released: Contract, current: Contract) -> Iterator[Break]:
    everyone = tuple(dict.fromkeys((*_consumers(current), *_consumers(released))))
    for place in PLACE:
        if released[place] != current[place]:
            change = f"it was {released[place]!r} and is {current[place]!r}"
            yield Break(name, f"({place.removeprefix('x-')})", change, everyone)
    for field, change in refusals(reader=current, writer=released):
        yield Break(
            name, field, f"records of the released producer are refused by today's: {change}", _consumers(current)
        )
    for field, change in refusals(reader=released, writer=current):
        yield Break(name, field, f"today's records are refused by released consumers: {change}", _consumers(released))


def _consumers(contract: Contract) -> tuple[str, ...]:
    return tuple(contract["x-consumers"])


def read_contracts(folder: Path) -> dict[str, Contract]:
    """The contracts of a folder, by event name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def report(found: Iterable[Break]) -> str:
    """The breaks, one a line, and what to do."""
    lines = [f"{one}\n" for one in found]
    advice = "Publish the change as a new version of the event, beside the old one (shared/schemas/README.md).\n"
    return "".join([*lines, advice]) if lines else "compatible with the released schemas\n"


def main(folder: Path = FOLDER) -> int:
    """Prints what is broken; the exit status."""
    found = breaks(read_contracts(folder / "released"), read_contracts(folder / "json"))
    sys.stdout.write(report(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
