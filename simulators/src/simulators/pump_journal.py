"""A station's own notebook of what its pumps gave and nobody has acknowledged yet: it survives a power cut."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Report = Mapping[str, Any]


class Journal:
    """Reports by their dispense_id, in the order in which they were written; each line is safe before it counts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._pending = _read(file)
        self._rewrite()

    @property
    def pending(self) -> list[Report]:
        """What is still to be said, the oldest first."""
        return list(self._pending.values())

    def add(self, report: Report) -> None:
        """Writes down what a pump gave. The first word counts."""
        if report["dispense_id"] not in self._pending:
            self._append({"report": dict(report)})
            self._pending[report["dispense_id"]] = report

    def settle(self, dispense_id: str) -> None:
        """It was heard."""
        if self._pending.pop(dispense_id, None) is not None:
            self._append({"heard": dispense_id})
        if not self._pending:
            self._rewrite()

    def _append(self, line: Any) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _rewrite(self) -> None:
        """Leaves out what was heard."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._file.with_suffix(".new")
        scratch.write_text("".join(json.dumps({"report": dict(one)}) + "\n" for one in self._pending.values()))
        scratch.replace(self._file)


def _read(file: Path) -> dict[str, Report]:
    """What was not heard. A last line that a power cut tore was never acted upon."""
    pending: dict[str, Report] = {}
    for text in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if "report" in line:
            pending[line["report"]["dispense_id"]] = line["report"]
        else:
            pending.pop(line["heard"], None)
    return pending
