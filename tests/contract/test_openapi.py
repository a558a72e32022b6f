"""The merged OpenAPI document as clients get it: clean names, an example everywhere, and a client made from it."""

import asyncio
import compileall
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI

from gateway.examples import PROBLEM_REFERENCE, Examples, operations
from gateway.openapi import Document, merge
from gateway.routes import ROUTES

NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
OPERATION = re.compile(r"[a-z]+(_[a-z]+)*")
UNDESCRIBED = {"/docs", "/docs/{asset}", "/openapi.json"}
"""What the document does not describe: itself."""


@pytest.fixture(scope="module")
def documents(apps: dict[str, FastAPI]) -> dict[str, Document]:
    """Each service's own document, the gateway's by its name too."""
    return {name: app.openapi() for name, app in apps.items()}


@pytest.fixture(scope="module")
def document(documents: dict[str, Document]) -> Document:
    """What a whole platform shows."""
    return merge(documents, ROUTES)


def test_every_route_of_a_service_has_a_row(documents: dict[str, Document]) -> None:
    rows = {(route.method, route.path) for route in ROUTES}
    shown = {(method.upper(), path) for one in documents.values() for path, it in one["paths"].items() for method in it}
    assert shown - rows == set(), "clients cannot reach what gateway/routes.py does not have"


def test_every_row_of_the_routes_table_is_described(document: Document) -> None:
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    rows = {(route.method, route.path) for route in ROUTES if route.path not in UNDESCRIBED}
    assert rows == described, "a row without a service's route, or with another name for a path parameter"


def test_operations_are_named_after_their_functions(document: Document) -> None:
    names = Counter(operation["operationId"] for operation in operations(document))
    assert [name for name, count in names.items() if count > 1 or not OPERATION.fullmatch(name)] == []


def test_every_operation_says_what_it_does(document: Document) -> None:
    silent = [one["operationId"] for one in operations(document) if not one.get("summary") or not one.get("tags")]
    assert silent == []


def test_components_have_clean_names(document: Document) -> None:
    names = list(document["components"]["schemas"])
    assert [name for name in names if not NAME.fullmatch(name)] == []
    assert [name for name in names if name.removeprefix("Stations") in names and name.startswith("Stations")] == []


def test_no_example_had_to_be_guessed(document: Document) -> None:
    """Every field says how it looks: by Field(examples=[..]), or by its name in gateway/example_values.py."""
    examples = Examples(document)
    for where, schema, _ in illustrated(document):
        if schema != PROBLEM_REFERENCE:
            examples.of(schema, where.rpartition(" ")[2])
    assert sorted(set(examples.guessed)) == []


def illustrated(document: Document) -> Iterator[tuple[str, Document, list[Any]]]:
    """(where, schema, examples) of every parameter, body and answer."""
    for operation in operations(document):
        name = operation["operationId"]
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            yield f"{name} {parameter['name']}", schema, given(parameter) or schema.get("examples", [])
        for status, message in [("body", operation.get("requestBody", {})), *operation["responses"].items()]:
            for kind, content in message.get("content", {}).items():
                yield f"{name} {status} {kind}", content.get("schema", {}), given(content)


def given(holder: Document) -> list[Any]:
    named = [one["value"] for one in holder.get("examples", {}).values()]
    return named + ([holder["example"]] if "example" in holder else [])


def test_every_operation_has_examples_that_its_schemas_allow(document: Document) -> None:
    wrong = []
    for where, schema, examples in illustrated(document):
        if not examples:
            wrong.append(f"{where}: no example")
        checked = jsonschema_rs.validator_for({"components": document["components"], **schema}, validate_formats=True)
        wrong += [f"{where}: {error.message}" for example in examples for error in checked.iter_errors(example)]
    assert wrong == []


async def test_a_client_made_from_it_compiles_and_can_be_imported(document: Document, tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.yaml").write_text(
        "post_hooks: []\ncontent_type_overrides:\n"
        "  application/zip: application/octet-stream\n  application/pdf: application/octet-stream\n"
        "  application/vnd.openxmlformats-officedocument.spreadsheetml.sheet: application/octet-stream\n"
    )
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none",
        "--config", "config.yaml", "--output-path", "forecourt_client", "--fail-on-warning",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await made.communicate()
    assert made.returncode == 0, output.decode()
    client = tmp_path / "forecourt_client"
    assert compileall.compile_dir(client, quiet=1)
    functions = {file.stem for file in client.glob("api/*/*.py")}
    assert {operation["operationId"] for operation in operations(document)} <= functions
    await import_all(modules_of(client), tmp_path)


def modules_of(package: Path) -> list[str]:
    files = [file.relative_to(package.parent).with_suffix("") for file in package.rglob("*.py")]
    return [".".join(file.parts).removesuffix(".__init__") for file in files]


async def import_all(modules: list[str], folder: Path) -> None:
    """In a process of its own."""
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    imported = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *modules, cwd=folder)
    assert await imported.wait() == 0
