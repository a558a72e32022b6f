"""The sign-in page: a person proves who they are, step by step, and their app gets a code.

What the app asked for and how far the person has come is a row of ours, which the page knows by 256 random bits in a
hidden field: nothing of it can be changed from outside, and no cookie is needed. The row ends with the code.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from identity.domain.apps import PROOF_GRANT_PREFIX
from identity.domain.caller import Caller
from identity.domain.clients import digest_of
from identity.domain.codes import Code, Pending, new_handle
from identity.domain.oauth import OAuthError
from identity.domain.people import SignedIn
from identity.repository import apps
from identity.repository import codes as repository
from identity.use_cases.authlib_server import Authorization, Server
from identity.use_cases.context import Identity
from identity.use_cases.grants import SIGN_INS
from identity.use_cases.otp import request_code
from identity.use_cases.passwords import check_password, check_second_factor
from servicekit.postgres import Connection
from servicekit.problems import Problem

OTP = SIGN_INS[f"{PROOF_GRANT_PREFIX}otp"]


class Step(StrEnum):
    """What the page asks for."""

    START = "start"
    CODE = "code"
    SECOND_FACTOR = "second_factor"
    CONSENT = "consent"


class Wrong(StrEnum):
    """What the page says was wrong, in the reader's language."""

    PHONE = "phone"
    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - a word
    SECOND_FACTOR = "second_factor"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Page:
    """What the person is shown; `handle` is what the page's form sends back."""

    handle: str = field(repr=False)
    pending: Pending
    step: Step
    wrong: Wrong | None = None
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """The person goes back to their app."""

    location: str = field(repr=False)


class LeftPage(Exception):
    """The form is of a page that ran out, or was sent before."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One form that the page sent."""

    identity: Identity
    handle: str = field(repr=False)
    pending: Pending
    form: Mapping[str, str] = field(repr=False)
    caller: Caller

    @property
    def id_hash(self) -> bytes:
        """Of the visit's row."""
        return digest_of(self.handle)

    async def goes_on(self, step: Step, **progress: Any) -> Page:
        """The page of the next step; what was reached is stored first."""
        async with self.identity.store.connection() as connection:
            await repository.save_progress(connection, self.id_hash, progress)
        return Page(self.handle, self.pending, step)


async def begin(identity: Identity, fields: Mapping[str, str], more: Mapping[str, list[str]]) -> Page | Redirect:
    """The first page for what an app asks; `more` are all values of parameters that came more than once.

    Raises OAuthError where the app or its redirect URI is not known: then nobody may be sent anywhere.
    """
    async with identity.store.connection() as connection:
        app = await apps.find_app(connection, fields.get("client_id", ""))
    server = Server(app, issuer=identity.settings.issuer)
    asked = server.authorization(fields, more)
    if isinstance(asked, str):
        return Redirect(asked)
    if fields.get("prompt") == "none":
        return Redirect(server.denial(asked, "interaction_required"))
    handle = new_handle()
    pending = Pending(
        server.app, fields["redirect_uri"], asked.scopes, fields.get("state"), fields["code_challenge"], {}
    )  # fmt: skip
    async with identity.store.connection() as connection:
        await repository.insert_pending(connection, digest_of(handle), pending)
    return Page(handle, pending, Step.START)


async def take_step(identity: Identity, form: Mapping[str, str], caller: Caller) -> Page | Redirect:
    """What follows on a form of the page. Raises LeftPage."""
    handle = form.get("sign_in", "")
    async with identity.store.connection() as connection:
        pending = await repository.find_pending(connection, digest_of(handle))
    if pending is None:
        raise LeftPage
    visit = Visit(identity, handle, pending, form, caller)
    act, step, wrong = ACTIONS.get(form.get("action", ""), ACTIONS["start"])
    try:
        return await act(visit)
    except OAuthError as error:
        limited = error.retry_after_seconds is not None
        return Page(handle, pending, step, Wrong.LIMITED if limited else wrong, error.retry_after_seconds)
    except Problem as problem:
        wait = problem.headers.get("Retry-After")
        return Page(handle, pending, step, _WRONG_BY_STATUS.get(problem.status, wrong), int(wait) if wait else None)


_WRONG_BY_STATUS = {429: Wrong.LIMITED, 503: Wrong.UNAVAILABLE}


async def _start(visit: Visit) -> Page:
    return await visit.goes_on(Step.START)


async def _send_code(visit: Visit) -> Page:
    sent = await request_code(visit.identity, visit.form.get("phone", ""), _device(visit), visit.caller)
    return await visit.goes_on(Step.CODE, otp=str(sent.id))


async def _take_code(visit: Visit) -> Page | Redirect:
    fields = {
        "request_id": visit.pending.progress.get("otp", ""), "code": visit.form.get("code", "").strip(),
        "device_id": _device(visit),
    }  # fmt: skip
    return await _signed_in(visit, await OTP(visit.identity, fields, visit.caller))


async def _take_password(visit: Visit) -> Page:
    email, password = visit.form.get("email", "").strip(), visit.form.get("password", "")
    step = await check_password(visit.identity, email, password, visit.caller)
    return await visit.goes_on(Step.SECOND_FACTOR, password=str(step.id))


async def _take_second_factor(visit: Visit) -> Page | Redirect:
    step_id = visit.pending.progress.get("password")
    if step_id is None:
        return await _start(visit)
    code = visit.form.get("code", "").strip()
    return await _signed_in(visit, await check_second_factor(visit.identity, UUID(step_id), code, visit.caller))


async def _signed_in(visit: Visit, signed_in: SignedIn) -> Page | Redirect:
    if visit.pending.app.first_party:
        return await _finish(visit, signed_in)
    person = {"user_id": str(signed_in.user_id), "methods": signed_in.methods, "at": signed_in.at.isoformat()}
    return await visit.goes_on(Step.CONSENT, person=person)


async def _approve(visit: Visit) -> Page | Redirect:
    person = visit.pending.progress.get("person")
    if person is None:
        return await _start(visit)
    at = datetime.fromisoformat(person["at"])
    return await _finish(visit, SignedIn(UUID(person["user_id"]), tuple(person["methods"]), at))


async def _finish(visit: Visit, signed_in: SignedIn) -> Redirect:
    """The code is made in the transaction that ends the visit: a form that comes twice gets one."""
    pending, (server, asked) = visit.pending, _asked_again(visit)
    location = server.approval(asked)
    code = Code(pending.app.client_id, pending.redirect_uri, pending.scopes, pending.challenge, signed_in)

    async def work(tx: Connection) -> None:
        if not await repository.delete_pending(tx, visit.id_hash):
            raise LeftPage
        await repository.insert_code(tx, digest_of(server.new_code), code)

    await visit.identity.store.transact(work)
    return Redirect(location)


async def _cancel(visit: Visit) -> Redirect:
    server, asked = _asked_again(visit)
    async with visit.identity.store.connection() as connection:
        if not await repository.delete_pending(connection, visit.id_hash):
            raise LeftPage
    return Redirect(server.denial(asked, "access_denied"))


def _asked_again(visit: Visit) -> tuple[Server, Authorization]:
    """What the app asked for, from our row: judged once more, since the app may have changed meanwhile."""
    pending = visit.pending
    fields = {
        "response_type": "code", "client_id": pending.app.client_id, "redirect_uri": pending.redirect_uri,
        "scope": " ".join(pending.scopes), "code_challenge": pending.challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    server = Server(pending.app, issuer=visit.identity.settings.issuer)
    asked = server.authorization(fields | ({"state": pending.state} if pending.state else {}))
    if isinstance(asked, str):
        raise LeftPage
    return server, asked


def _device(visit: Visit) -> str:
    """The page is a device of its own to the limits of codes."""
    return f"page-{visit.id_hash.hex()[:32]}"


Action = Callable[[Visit], Awaitable[Page | Redirect]]
ACTIONS: dict[str, tuple[Action, Step, Wrong]] = {
    "start": (_start, Step.START, Wrong.UNAVAILABLE),
    "phone": (_send_code, Step.START, Wrong.PHONE),
    "code": (_take_code, Step.CODE, Wrong.CODE),
    "password": (_take_password, Step.START, Wrong.PASSWORD),
    "second_factor": (_take_second_factor, Step.SECOND_FACTOR, Wrong.SECOND_FACTOR),
    "approve": (_approve, Step.CONSENT, Wrong.UNAVAILABLE),
    "cancel": (_cancel, Step.START, Wrong.UNAVAILABLE),
}
"""What each button of the page does, the step to which a refusal leads, and what it says there."""
