"""Errors as RFC 9457 problem+json: a stable type, a text that says what to do, the trace id, no internals."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from opentelemetry import trace
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_LISTED_ERRORS = 20
TYPE_PREFIX = "urn:forecourt:problem:"


class Problem(Exception):
    """An error the caller sees. `slug` is stable and documented; `detail` says what happened and what to do."""

    def __init__(
        self, status: int, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


class Unavailable(Problem):
    """Something this service needs is away for now; the same request may be sent again."""

    def __init__(self, what: str, retry_after_seconds: int = 1) -> None:
        super().__init__(
            503, "unavailable", f"{what} is not available right now; send the same request again shortly.",
            headers={"Retry-After": str(retry_after_seconds)},
        )  # fmt: skip


def trace_id() -> str | None:
    """The current trace's id as 32 hex digits, or None outside a trace."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def problem_body(problem: Problem, trace: str | None = None) -> bytes:
    """The problem as JSON bytes; `trace` is its trace's id, the running span's by default."""
    document = {
        "type": TYPE_PREFIX + problem.slug,
        "title": problem.slug.replace("-", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
        "trace_id": trace or trace_id(),
        **problem.extra,
    }
    return msgspec.json.encode(document)


def problem_response(problem: Problem) -> Response:
    """The problem as a response."""
    return Response(problem_body(problem), problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


PROBLEM_SCHEMA = {
    "type": "object",
    "description": "An error (RFC 9457). `type` is stable; `detail` says what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:forecourt:problem:invalid-input"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": ["string", "null"], "description": "Quote it when you ask for help"},
        "errors": {"type": "array", "items": {"type": "object"}, "description": "Each wrong field"},
    },
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a route that may answer with these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def validation_problem(errors: list[Any]) -> Problem:
    """Bad input: 400 where the body is no JSON at all, otherwise 422 with a JSON pointer to each wrong field."""
    if any(error["type"] == "json_invalid" for error in errors):
        where = errors[0].get("ctx", {}).get("error", "it could not be parsed")
        return Problem(400, "malformed-json", f"The body is not valid JSON: {where}.")
    listed = [
        {"pointer": "/" + "/".join(map(str, error["loc"][1:])), "in": str(error["loc"][0]), "detail": error["msg"]}
        for error in errors[:MAX_LISTED_ERRORS]
    ]
    first = listed[0]
    detail = f"{len(errors)} field(s) are wrong, first {first['in']} {first['pointer']}: {first['detail']}."
    return Problem(422, "invalid-input", detail, errors=listed)


def install_problem_handlers(app: FastAPI) -> None:
    """Every error of the app leaves as problem+json, unexpected ones as a 500 without internals."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
        return document

    app.openapi = openapi

    async def known(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for Problem only
        return problem_response(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it only
        return problem_response(validation_problem(list(error.errors())))

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it only
        slug = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return problem_response(
            Problem(error.status_code, slug, str(error.detail), headers=error.headers or {}),
        )

    async def unexpected(_: Request, error: Exception) -> Response:
        log.exception("unhandled error", exc_info=error)
        return problem_response(Problem(500, "internal-error", "Something went wrong here. Quote the trace id."))

    app.add_exception_handler(Problem, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
