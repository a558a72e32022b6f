"""House rules that a machine can check; each failure names the places."""

import ast
import re

from local_stack.config import REPOSITORY

from .sources import SOURCES, called

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 300
MAX_TEST_SLEEP_SECONDS = 0.05
KEBAB_CASE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LEFT_TO_DO = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X:")))
METRIC_KINDS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
PROBLEMS = "shared/servicekit/src/servicekit/problems.py"
TELEMETRY = "shared/servicekit/src/servicekit/telemetry.py"
TOOLS = ("cli/", "deploy/")
"""Commands import what they need when they run it: all together takes seconds."""

LONGER: dict[str, str] = {}
"""Files and functions (`path` or `path:function`) that may be longer than the rule, with the reason."""

CODE = [source for source in SOURCES if not source.is_test]
TESTS = [source for source in SOURCES if source.is_test]


def test_there_is_something_to_check():
    assert len(CODE) > 50
    assert len(TESTS) > 20


def test_files_are_short():
    lengths = {str(source): len(source.text.splitlines()) for source in CODE}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES and name not in LONGER} == {}


def test_functions_are_short():
    lengths = {
        f"{source}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for source in CODE
        for function in source.functions()
    }
    assert {
        name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES and name not in LONGER
    } == {}


def test_what_may_be_longer_exists_and_says_why():
    names = {str(source) for source in CODE} | {f"{source}:{one.name}" for source in CODE for one in source.functions()}
    assert LONGER.keys() <= names
    assert all(LONGER.values())


def test_a_file_opens_with_a_line_that_says_what_lives_there():
    docstrings = {str(source): ast.get_docstring(source.tree) for source in SOURCES if source.text}
    assert [name for name, docstring in docstrings.items() if not (docstring or "").strip(" .")] == []


def test_nothing_is_left_to_do():
    assert [str(source) for source in SOURCES if LEFT_TO_DO.search(source.text)] == []


def test_no_import_hides_in_a_function():
    hidden = [
        f"{source}:{node.lineno}"
        for source in SOURCES
        if not str(source).startswith(TOOLS)
        for function in source.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_tests_poll_instead_of_sleeping():
    sleeps = [
        f"{source}:{call.lineno}"
        for source in TESTS
        for call in source.calls()
        if called(call).rpartition(".")[2] == "sleep" and not _is_short(call)
    ]
    assert sleeps == []


def _is_short(call: ast.Call) -> bool:
    """Whether it sleeps for a constant and small while, as a poll does between two looks."""
    match call.args:
        case [ast.Constant(value=int() | float() as seconds)]:
            return seconds <= MAX_TEST_SLEEP_SECONDS
    return False


def test_problem_slugs_are_constant_and_kebab_case():
    problems = [
        (f"{source}:{call.lineno}", call.args[1])
        for source in CODE
        if str(source) != PROBLEMS  # it makes one slug of a status's own phrase
        for call in source.calls()
        if called(call) == "Problem"
    ]
    assert problems
    assert [place for place, slug in problems if not _is_kebab_case(slug)] == []


def _is_kebab_case(slug: ast.expr) -> bool:
    return isinstance(slug, ast.Constant) and bool(KEBAB_CASE.fullmatch(str(slug.value)))


def test_metrics_are_made_in_one_file():
    elsewhere = [
        f"{source}:{node.lineno}"
        for source in CODE
        if str(source) != TELEMETRY
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
        if METRIC_KINDS & {alias.name for alias in node.names}
    ]
    assert elsewhere == []


def test_every_dependency_says_why_it_is_here():
    lines = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8").partition("[build-system]")[0].splitlines()
    dependencies = [line.strip() for line in lines if re.match(r' {4}"[a-z]', line)]
    assert len(dependencies) > 20
    assert [line for line in dependencies if "# " not in line] == []
