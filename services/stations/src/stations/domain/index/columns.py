"""Arrays that grow, and small numbers for values that many stations share."""

from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", bound=Hashable)
FIRST_ROWS = 1_024


class Columns:
    """Named arrays of one length, a row for each station; new rows are zero."""

    def __init__(self, **types: Any) -> None:
        self.rows = 0
        self._arrays: dict[str, NDArray[Any]] = {name: np.zeros(0, kind) for name, kind in types.items()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def reserve(self, rows: int) -> None:
        """Makes room for so many rows; doubling keeps the cost of each row constant."""
        if rows <= self.rows:
            return
        self.rows = max(rows, 2 * self.rows, FIRST_ROWS)
        for name, array in self._arrays.items():
            longer = np.zeros((self.rows, *array.shape[1:]), array.dtype)
            longer[: len(array)] = array
            self._arrays[name] = longer

    def set(self, row: int, values: Mapping[str, Any]) -> None:
        """Writes some columns of a row."""
        for name, value in values.items():
            self._arrays[name][row] = value

    @property
    def bytes(self) -> int:
        """What the arrays take."""
        return sum(array.nbytes for array in self._arrays.values())


class Codes(Generic[Value]):
    """A small number for each distinct value; a value once seen keeps its number."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._codes: dict[Value, int] = {}

    def code(self, value: Value) -> int:
        """The value's number, a new one if need be."""
        code = self._codes.setdefault(value, len(self.values))
        if code == len(self.values):
            self.values.append(value)
        return code

    def find(self, value: Value) -> int:
        """The value's number, or -1, which no row has."""
        return self._codes.get(value, -1)
