"""How what the domain refuses is told to clients: once, for every route."""

from typing import cast

from fastapi import FastAPI, Request, Response

from payments.domain.orders import InvalidTransition
from payments.domain.refusals import WrongField
from servicekit.problems import Problem, problem_response, validation_problem


def install_refusals(app: FastAPI) -> None:
    """Makes a 409 that says the order's status, and what may be done, of every InvalidTransition; a 422 that names the
    field of every WrongField."""
    app.add_exception_handler(InvalidTransition, _invalid_transition)
    app.add_exception_handler(WrongField, _wrong_field)


async def _invalid_transition(_: Request, error: Exception) -> Response:
    return problem_response(problem_of(cast(InvalidTransition, error)))


async def _wrong_field(_: Request, error: Exception) -> Response:
    field = cast(WrongField, error).field
    return problem_response(validation_problem([{"type": "value", "loc": ("body", field), "msg": str(error)}]))


def problem_of(error: InvalidTransition) -> Problem:
    """The refusal as a problem."""
    return Problem(409, "invalid-transition", str(error), order_status=error.status, allowed=error.allowed)
