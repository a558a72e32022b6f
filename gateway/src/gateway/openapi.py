"""One OpenAPI document out of the services' own, holding only what the routes table lets through. No I/O."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.routes import Route
from servicekit.problems import MEDIA_TYPE, PROBLEM_SCHEMA

Document = dict[str, Any]
GATEWAY = "gateway"
_REFERENCE = re.compile(r"#/components/(?P<section>\w+)/(?P<name>[\w.-]+)", re.ASCII)
_ComponentKey = tuple[str, str]
"""(section, name), e.g. ("schemas", "Price")."""

INFO = {
    "title": "Forecourt API",
    "version": "1",
    "description": "Find a station and its live prices. Prices are integer thousandths of the currency's major unit "
    "per litre, times are UTC (RFC 3339), coordinates WGS-84. Every answer carries `trace-id`: quote it to us.",
}
PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
EDGE_PROBLEMS = {
    "429": "Too many requests; Retry-After says how long to wait",
    "503": "The service is away or overloaded; Retry-After says when to try again",
    "504": "The service took too long",
}


def merge(documents: Mapping[str, Document], routes: Iterable[Route]) -> Document:
    """The public document. `documents` holds each service's own by its name, and the gateway's as `gateway`."""
    paths: dict[str, Document] = {}
    components: dict[str, Document] = {"schemas": {"Problem": PROBLEM_SCHEMA}}
    public = frozenset((route.upstream or GATEWAY, route.method, _shape(route.path)) for route in routes)
    for service in sorted(documents):
        kept = _public_paths(service, documents[service], public)
        for path, operations in _adopt(service, kept, documents[service], components).items():
            paths.setdefault(path, {}).update(operations)
    document = {"openapi": "3.1.0", "info": INFO, "servers": [{"url": "/"}], "paths": paths, "components": components}
    return _sorted(document)


def _shape(path: str) -> str:
    """The path without its parameters' names, which each service chooses."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _public_paths(service: str, document: Document, public: frozenset[tuple[str, str, str]]) -> Document:
    kept: Document = {}
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            if (service, method.upper(), _shape(path)) in public:
                kept.setdefault(path, {})[method] = _with_problems(operation)
    return kept


def _with_problems(operation: Document) -> Document:
    """Errors that a service does not describe are problem+json; the door's own errors come on top."""
    responses = dict(operation.get("responses", {}))
    for status, description in EDGE_PROBLEMS.items():
        response = responses.setdefault(status, {"description": description})
        responses[status] = {**response, "content": PROBLEM_CONTENT | response.get("content", {})}
    for status, response in responses.items():
        if status[0] in "45":
            responses[status] = {"content": PROBLEM_CONTENT, **response}
    return {**operation, "responses": responses}


def _adopt(service: str, paths: Document, document: Document, components: dict[str, Document]) -> Document:
    """Takes the components that `paths` need into `components`; a name that means something else gets a prefix."""
    own = _reachable(paths, document)
    renamed = {
        key: f"{service.capitalize()}{key[1]}"
        for key, content in own.items()
        if components.get(key[0], {}).get(key[1], content) != content
    }
    for (section, name), content in own.items():
        components.setdefault(section, {})[renamed.get((section, name), name)] = _rewrite(content, renamed)
    return _rewrite(paths, renamed)


def _reachable(paths: Document, document: Document) -> dict[_ComponentKey, Document]:
    """The components that some paths need, by way of others too."""
    components = document.get("components", {})
    found: dict[_ComponentKey, Document] = {}
    waiting = list(_references(paths))
    while waiting:
        section, name = key = waiting.pop()
        if key not in found and name in components.get(section, {}):
            found[key] = components[section][name]
            waiting += _references(found[key])
    return dict(sorted(found.items()))


def _references(node: Any) -> Iterator[_ComponentKey]:
    """Every component that a part of a document names, security schemes included."""
    if isinstance(node, list):
        for part in node:
            yield from _references(part)
    if not isinstance(node, dict):
        return
    for name, part in node.items():
        if name == "$ref" and isinstance(part, str) and (match := _REFERENCE.fullmatch(part)):
            yield match["section"], match["name"]
        elif name == "security" and isinstance(part, list):
            yield from (("securitySchemes", scheme) for requirement in part for scheme in requirement)
        else:
            yield from _references(part)


def _rewrite(node: Any, renamed: Mapping[_ComponentKey, str]) -> Any:
    """The same part of a document with components called by their new names."""
    if not renamed:
        return node
    if isinstance(node, list):
        return [_rewrite(part, renamed) for part in node]
    if not isinstance(node, dict):
        return node
    return {name: _rewrite_member(name, part, renamed) for name, part in node.items()}


def _rewrite_member(name: str, part: Any, renamed: Mapping[_ComponentKey, str]) -> Any:
    if name == "$ref" and isinstance(part, str) and (match := _REFERENCE.fullmatch(part)):
        section, component = match["section"], match["name"]
        return f"#/components/{section}/{renamed.get((section, component), component)}"
    if name == "security" and isinstance(part, list):
        return [
            {renamed.get(("securitySchemes", scheme), scheme): scopes for scheme, scopes in requirement.items()}
            for requirement in part
        ]
    return _rewrite(part, renamed)


def _sorted(document: Document) -> Document:
    """Paths and components by name, so that the document changes only when the API does."""
    sections = {name: dict(sorted(section.items())) for name, section in sorted(document["components"].items())}
    return {**document, "paths": dict(sorted(document["paths"].items())), "components": sections}
