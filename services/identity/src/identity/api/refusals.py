"""What the domain refuses, in the API's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from identity.domain.clients import ClientError
from identity.domain.passwords import BadEmail, WeakPassword
from identity.domain.staff import OutsideRights, StaffError
from servicekit.problems import Problem


@contextmanager
def refusals() -> Iterator[None]:
    """Turns the domain's refusals into Problems."""
    try:
        yield
    except OutsideRights as error:
        raise Problem(403, "outside-your-rights", _sentence(error)) from error
    except StaffError as error:
        raise Problem(422, "impossible-roles", _sentence(error)) from error
    except ClientError as error:
        raise Problem(422, "impossible-client", _sentence(error)) from error
    except BadEmail as error:
        raise Problem(422, "bad-email", _sentence(error)) from error
    except WeakPassword as error:
        raise Problem(422, "weak-password", _sentence(error)) from error


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
