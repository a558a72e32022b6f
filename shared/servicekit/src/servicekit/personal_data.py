"""A service's part in what becomes of a person's data: told to its owner, erased, handed to the account that is left.

A service says what it has (`PersonalData`); the rest is the same everywhere: events that come twice, late or out of
order, what is noted of an erasure, and the route by which identity asks for all there is.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from schemas.events import UserErasedV1, UserMergedV1
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.consumer import Received, Subscriptions
from servicekit.erasures import Erasure, Erasures
from servicekit.problems import problem_responses

EVENTS = (UserErasedV1, UserMergedV1)
"""What every service with personal data listens to."""


class PersonalData(Protocol):
    """What a service has of people; `tx` is the store's transaction handle."""

    kept: frozenset[str]
    """The kinds that stay: books that must say what was done, by an id that means nothing once identity forgot it."""

    async def collect(self, subject: str) -> dict[str, Any]:
        """All of one person, readable, by kind, a list each: what the person is given on request."""
        ...

    async def erase(self, tx: Any, subject: str) -> dict[str, int]:
        """Deletes all but what is kept, and the person's data key; how many of what. The second time there is none."""
        ...

    async def merge(self, tx: Any, subject: str, into: str) -> None:
        """Gives the same to another account of the person; a second time there is nothing left to give."""
        ...


class PeopleDesk:
    """Handles the events about people that every service with personal data listens to, and answers for the person."""

    def __init__(self, service: str, data: PersonalData, erasures: Erasures) -> None:
        self._service = service
        self._data = data
        self._erasures = erasures

    @property
    def subscriptions(self) -> Subscriptions:
        """What to add to the service's own."""
        return dict(zip(EVENTS, (self.take_erasures, self.take_merges), strict=True))

    async def take_erasures(self, tx: Any, received: Sequence[Received]) -> None:
        """Erases each person, all in the transaction."""
        for one in received:
            await self._erase(tx, str(one.event.user_id))

    async def take_merges(self, tx: Any, received: Sequence[Received]) -> None:
        """Gives each person's data to the account that is left. What is known of that one may be newer than the event:
        it may have been merged in turn, or erased."""
        for one in received:
            subject = str(one.event.user_id)
            known = await self._erasures.turn(tx, subject)
            survivor = await self._survivor(tx, subject, str(one.event.into_user_id))
            if survivor is None:
                await self._erase(tx, subject)
                continue
            await self._data.merge(tx, subject, survivor)
            erased = known.erased if known else {}
            await self._erasures.record(tx, subject, Erasure(datetime.now(UTC), erased, merged_into=survivor))

    async def _survivor(self, tx: Any, subject: str, into: str) -> str | None:
        """The account at the end of the chain of merges; None where it was erased."""
        while into != subject:
            gone = await self._erasures.turn(tx, into)
            if gone is None or gone.merged_into is None:
                return into if gone is None else None
            into = gone.merged_into
        raise ValueError("accounts were merged in a circle")

    async def _erase(self, tx: Any, subject: str) -> None:
        known = await self._erasures.turn(tx, subject)
        erased = Counter(known.erased if known else {})
        erased.update(await self._data.erase(tx, subject))
        await self._erasures.record(tx, subject, Erasure(datetime.now(UTC), erased))

    async def account_of(self, subject: str) -> dict[str, Any]:
        """What the service has of a person, and of one who is gone what it erased and how much it kept."""
        gone = await self._erasures.find(subject)
        data = await self._data.collect(subject)
        kept = {kind: len(data.pop(kind)) for kind in sorted(self._data.kept)} if gone else {}
        return {
            "service": self._service, "subject": subject, "data": data, "kept": kept,
            "erased_at": gone.at if gone else None, "erased": gone.erased if gone else {},
            "merged_into": gone.merged_into if gone else None,
        }  # fmt: skip


router = APIRouter(include_in_schema=False)
"""For identity alone, on the service's own port; the gateway never forwards to it. It needs `app.state.people_desk`."""


@router.get("/internal/personal-data/{subject}", responses=problem_responses(401, 403, 422, 503))
async def personal_data(
    request: Request, subject: UUID, _: Annotated[Principal, Requires(Permission.PERSONAL_DATA_READ)]
) -> Response:
    """`PeopleDesk.account_of` the person."""
    desk: PeopleDesk = request.app.state.people_desk
    return Response(msgspec.json.encode(await desk.account_of(str(subject))), media_type="application/json")
