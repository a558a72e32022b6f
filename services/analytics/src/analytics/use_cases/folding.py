"""Folds events into views: each counts once in a document, however often and wherever it comes."""

from collections.abc import Mapping, Sequence

from analytics.domain.catalogue import VIEWS
from analytics.domain.views import View
from analytics.use_cases.arriving import Arrivals, Arrived
from analytics.use_cases.context import Analytics
from analytics.use_cases.together import together
from analytics.use_cases.view_folding import ViewFolding, bury
from servicekit.envelope import Message
from servicekit.reading import MAX_ERROR_CHARACTERS
from servicekit.store import DeadLetter, StoreUnavailable


class Folding:
    """Folds messages into views, by default into what serves of all of them.

    `generations` names another generation by the view's name: a rebuild folds into one that does not serve yet.
    """

    def __init__(
        self, analytics: Analytics, views: Sequence[View] = VIEWS, generations: Mapping[str, int] | None = None
    ) -> None:
        chosen = generations or {}
        self.consumer = f"{analytics.settings.service}.views"
        self.views = {view.name: ViewFolding(analytics, view, chosen.get(view.name)) for view in views}
        self.unread = 0
        """How many messages could not be read, and were set aside."""
        self._analytics = analytics
        self._arrivals = Arrivals(analytics.pseudonyms)

    @property
    def consumers(self) -> list[str]:
        """Under which names it sets messages aside."""
        return [self.consumer, *(view.consumer for view in self.views.values())]

    async def replay(self, letter: DeadLetter) -> str | None:
        """Folds a message that was set aside; what is still wrong, or None. Raises StoreUnavailable."""
        views = [view for view in self.views.values() if letter.consumer in (self.consumer, view.consumer)]
        try:
            if (fact := self._arrivals.fact(letter.message)) is not None:
                for view in views:
                    await view.take_again(Arrived(fact, letter.message))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the dead letter keeps it
            return repr(error)[:MAX_ERROR_CHARACTERS]
        return None

    async def take(self, messages: Sequence[Message]) -> None:
        """Folds them; what cannot be read, or what a view cannot take, is set aside. Raises StoreUnavailable."""
        await self.fold(await self.read(messages))

    async def read(self, messages: Sequence[Message]) -> list[Arrived]:
        """The facts in the messages; what cannot be read is set aside."""
        arrived: list[Arrived] = []
        for message in messages:
            try:
                fact = self._arrivals.fact(message)
            except Exception as error:  # noqa: BLE001 - whatever reading raises, it is about this message
                self.unread += 1
                await bury(self._analytics, self.consumer, message, error)
                continue
            if fact is not None:
                arrived.append(Arrived(fact, message))
        return arrived

    async def fold(self, arrived: Sequence[Arrived]) -> None:
        """Folds facts into all views side by side; raises StoreUnavailable when each has ended."""
        await together(view.take(arrived) for view in self.views.values())
