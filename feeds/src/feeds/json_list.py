"""JSON files of a whole country, item by item, so that memory does not grow with the file."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import ijson

from feeds.base import FeedError, RowProblem
from feeds.files import content
from feeds.table import MAX_PROBLEM_CHARACTERS

Record = TypeVar("Record")


def read_list(
    path: Path, places: Sequence[str], parse: Callable[[int, dict[str, Any]], list[Record]]
) -> Iterator[Record | RowProblem]:
    """What `parse(number, item)` makes of each item of a list; its ValueError becomes a RowProblem. Raises FeedError.

    The list is at the first of the places ("stations", "stations.items", "" for the top) that has any item.
    """
    for number, item in _items(path, places):
        try:
            if not isinstance(item, dict):
                raise ValueError("not an object")
            records = parse(number, item)
        except ValueError as error:
            yield RowProblem(number, str(error), beginning(item))
        else:
            yield from records


def first_value(path: Path, name: str) -> Any:
    """The value of a name at the top of a file, wherever it stands there; None where there is none or the file breaks.

    Reading stops at the value, which feeds put first or last.
    """
    with content(path) as file:
        try:
            return next(ijson.items(file, name), None)
        except ijson.JSONError:
            return None


def beginning(item: object) -> str:
    """How an item begins, for people."""
    try:
        return json.dumps(item, default=str, ensure_ascii=False)[:MAX_PROBLEM_CHARACTERS]
    except RecursionError:
        return "(brackets nested without end)"


def _items(path: Path, places: Sequence[str]) -> Iterator[tuple[int, Any]]:
    found = False
    for place in places:
        with content(path) as file, _telling(path):
            for number, item in enumerate(ijson.items(file, f"{place}.item" if place else "item"), start=1):
                found = True
                yield number, item
        if found:
            return
    if not any(_has_list(path, place) for place in places):
        names = " or ".join(repr(place) if place else "the file itself" for place in places)
        raise FeedError(f"{path}: another file than expected: no list at {names}")


def _has_list(path: Path, place: str) -> bool:
    with content(path) as file:
        return any(prefix == place and event == "start_array" for prefix, event, _ in ijson.parse(file))


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except ijson.JSONError as error:
        what = str(error).partition("\n")[0]
        raise FeedError(f"{path}: not JSON, or broken off ({what}); fetch it again") from error
