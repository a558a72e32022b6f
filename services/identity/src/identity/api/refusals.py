"""What the domain refuses, in the API's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from identity.domain.clients import ClientError
from identity.domain.passwords import BadEmail, WeakPassword
from identity.domain.staff import OutsideRights, StaffError
from servicekit.problems import Problem

SLUGS: dict[type[Exception], tuple[int, str]] = {
    OutsideRights: (403, "outside-your-rights"),
    StaffError: (422, "impossible-roles"),
    ClientError: (422, "impossible-client"),
    BadEmail: (422, "bad-email"),
    WeakPassword: (422, "weak-password"),
}


@contextmanager
def refusals() -> Iterator[None]:
    """Turns the domain's refusals into Problems."""
    try:
        yield
    except tuple(SLUGS) as error:
        status, slug = SLUGS[type(error)]
        text = str(error)
        raise Problem(status, slug, f"{text[:1].upper()}{text[1:]}.") from error
