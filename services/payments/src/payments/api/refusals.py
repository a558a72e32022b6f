"""How what the domain refuses is told to clients: once, for every route."""

from typing import cast

from fastapi import FastAPI, Request, Response

from payments.domain.orders import InvalidTransition
from servicekit.problems import Problem, problem_response


def install_refusals(app: FastAPI) -> None:
    """Makes a 409 that says the order's status, and what may be done, of every InvalidTransition."""
    app.add_exception_handler(InvalidTransition, _invalid_transition)


async def _invalid_transition(_: Request, error: Exception) -> Response:
    return problem_response(problem_of(cast(InvalidTransition, error)))


def problem_of(error: InvalidTransition) -> Problem:
    """The refusal as a problem."""
    return Problem(409, "invalid-transition", str(error), status=error.status, allowed=error.allowed)
