"""One OpenAPI document out of the services' own, holding only what the routes table lets through. No I/O."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gateway.examples import PROBLEM_REFERENCE, Document, add_examples, operations
from gateway.routing import Route
from servicekit.access import ANYONE, MACHINE, RULES, Reach, Role, holders
from servicekit.problems import MEDIA_TYPE, PROBLEM_SCHEMA

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
PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": PROBLEM_REFERENCE}}
EDGE_PROBLEMS = {
    "400": "The request cannot be read",
    "401": "The access token is missing or not accepted",
    "403": "The access token does not allow this",
    "404": "There is nothing here",
    "408": "The body came too slowly",
    "413": "The body is too large, or one where none is taken",
    "414": "The query is too long",
    "429": "Too many requests; Retry-After says how long to wait",
    "431": "The headers are too long",
    "502": "The service broke off its answer",
    "503": "The service is away or overloaded; Retry-After says when to try again",
    "504": "The service took too long",
}
"""What the door itself answers."""
WHOSE = {
    Reach.OWN: "for what is their own",
    Reach.STATIONS: "for the stations that they are bound to",
    Reach.PLATFORM: "for the whole platform",
}


def merge(documents: Mapping[str, Document], routes: Iterable[Route]) -> Document:
    """The public document. `documents` holds each service's own by its name, and the gateway's as `gateway`."""
    paths: dict[str, Document] = {}
    components: dict[str, Document] = {"schemas": {"Problem": PROBLEM_SCHEMA}}
    public = {(route.upstream or GATEWAY, route.method, _shape(route.path)): route for route in routes}
    for service in sorted(documents):
        kept = _public_paths(service, documents[service], public)
        for path, methods in _adopt(service, kept, documents[service], components).items():
            paths.setdefault(path, {}).update(methods)
    document = {"openapi": "3.1.0", "info": INFO, "servers": [{"url": "/"}], "paths": paths, "components": components}
    document = msgspec.json.decode(msgspec.json.encode(document))  # nothing in it is shared from here on
    _describe_streams(document)
    add_examples(document)
    return _sorted(document)


def _shape(path: str) -> str:
    """The path without its parameters' names, which each service chooses."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _public_paths(service: str, document: Document, public: Mapping[tuple[str, str, str], Route]) -> Document:
    kept: Document = {}
    for path, methods in document.get("paths", {}).items():
        for method, operation in methods.items():
            if (route := public.get((service, method.upper(), _shape(path)))) is not None:
                kept.setdefault(path, {})[method] = _with_access(_with_problems(operation, route), route)
    return kept


def _with_access(operation: Document, route: Route) -> Document:
    """Says who may call it: to people in its description, to programs in members of their own."""
    if route.permission is None:
        return operation | ANYONE
    rule, held = RULES[route.permission], holders(route.permission)
    roles = [name for name in (*Role, MACHINE) if name in held]
    needs = f"Needs `{rule.permission}`. Held by: {', '.join(roles)}, {WHOSE[rule.reach]}."
    if rule.step_up:
        needs += " The sign-in must be fresh."
    access = {"x-permission": rule.permission, "x-roles": roles, "x-reach": rule.reach, "x-step-up": rule.step_up}
    return {**operation, "description": f"{operation.get('description', '')}\n\n{needs}".strip()} | access


def _with_problems(operation: Document, route: Route) -> Document:
    """Errors that a service does not describe are problem+json; the door's own errors come on top."""
    responses = dict(operation.get("responses", {}))
    if route.cache is not None:
        responses["304"] = {"description": "Your copy is still right: its entity tag was in If-None-Match"}
    for status in _edge_statuses(route):
        response = responses.setdefault(status, {"description": EDGE_PROBLEMS[status]})
        responses[status] = {**response, "content": PROBLEM_CONTENT | response.get("content", {})}
    for status, response in responses.items():
        if status[0] in "45":
            responses[status] = {"content": PROBLEM_CONTENT, **response}
    return {**operation, "responses": dict(sorted(responses.items()))}


def _describe_streams(document: Document) -> None:
    """A stream is described by one of its events, whose data is JSON of the models that its route names."""
    text = {"type": "string"}
    for operation in operations(document):
        for kind, content in operation["responses"].get("200", {}).get("content", {}).items():
            if kind == "text/event-stream" and "schema" in content:
                models = {name: part for name, part in content["schema"].items() if name in {"$ref", "anyOf"}}
                data = text | {"contentMediaType": "application/json", "contentSchema": models}
                content["schema"] = {"type": "object", "properties": {"id": text, "event": text, "data": data}}


def _edge_statuses(route: Route) -> Iterator[str]:
    """With what the door may answer a request of this row before its service sees it, or in its place."""
    yield from ("400", "413", "414", "429", "431", "503")
    if route.upstream is not None:
        yield from ("502", "504")
    if route.permission is not None:
        yield from ("401", "403")
    if "{" in route.path:
        yield "404"
    if route.body_bytes:
        yield "408"


def _adopt(service: str, paths: Document, document: Document, components: dict[str, Document]) -> Document:
    """Takes the components that `paths` need into `components`; a name that means something else gets a prefix."""
    own = _reachable(paths, document)
    renamed = {
        key: f"{service.capitalize()}{key[1]}"
        for key, content in own.items()
        if components.get(key[0], {}).get(key[1], content) != content
    }
    for (section, name), content in own.items():
        new_name = renamed.get((section, name), name)
        content = _rewrite(content, renamed)
        if content.get("title") == name:  # generated clients name their classes by it
            content = content | {"title": new_name}
        components.setdefault(section, {})[new_name] = content
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
