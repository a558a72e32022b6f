"""What another service knows of a person, asked over HTTP: `servicekit.personal_data` answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import aiohttp
import msgspec

from servicekit.bodies import TooLong, read_whole

TIMEOUT = aiohttp.ClientTimeout(total=30.0, connect=3.0)
MAX_ANSWER_BYTES = 16 * 1024 * 1024


class NoAnswer(Exception):
    """The service is away, or its answer makes no sense; the text says which, and nothing of the person."""


@dataclass(frozen=True, slots=True)
class Account:
    """A service's answer."""

    service: str
    subject: UUID
    data: dict[str, Any]
    erased_at: datetime | None = None
    erased: dict[str, int] = field(default_factory=dict)
    merged_into: UUID | None = None


class OtherServices:
    """The services with data of people, by name and base URL; it connects with the first question."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = dict(urls)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def names(self) -> list[str]:
        """All of them, sorted."""
        return sorted(self._urls)

    async def account_of(self, service: str, subject: UUID, token: str) -> Account:
        """All that the service has of the person, and what it erased. Raises NoAnswer."""
        url = f"{self._urls[service].rstrip('/')}/internal/personal-data/{subject}"
        try:
            async with self._opened().get(
                url, headers={"Authorization": f"Bearer {token}"}, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise NoAnswer(f"{service} answers {response.status}")
                account = msgspec.json.decode(await read_whole(response.content, MAX_ANSWER_BYTES), type=Account)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer(f"{service} does not answer: {type(error).__name__}") from None
        except TooLong as error:
            raise NoAnswer(f"{service} answers too much: {error}") from None
        except msgspec.DecodeError as error:
            raise NoAnswer(f"{service} answers something else than an account") from error
        if (account.service, account.subject) != (service, subject):
            raise NoAnswer(f"{service} answers for somebody else")
        return account

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())
        return self._session
