"""Text messages on their way: what is written, and when a failed one is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from identity.domain.phones import LANGUAGES, Phone

MAX_ATTEMPTS = 8
MAX_DOUBTFUL = 2
"""So often a message may be sent without anybody knowing whether it was: a second one costs little and shows the same
code, a third is a nuisance."""
DOUBT = timedelta(seconds=30)
"""How long a message that may have been sent gets to arrive, and longer than any attempt takes."""
LONGEST_WAIT = timedelta(seconds=30)


class MessageKind(StrEnum):
    """What a message says; every provider has a template for each, in each language."""

    CODE = "code"
    """Parameter `code`."""
    LOGIN_CHANGED = "login-changed"
    """No parameters: a way to sign in to the account was added, changed or taken away."""


TEMPLATES = frozenset(f"{kind} {language}" for kind in MessageKind for language in LANGUAGES)
"""The names of all templates, e.g. `code zh`."""


def require_templates(given: Mapping[str, str]) -> Mapping[str, str]:
    """The templates. Raises ValueError where one is missing: better at the start than when somebody waits for it."""
    if missing := TEMPLATES - set(given):
        raise ValueError(f"give a template for each of: {', '.join(sorted(missing))}")
    return given


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A message to a phone."""

    phone: Phone
    kind: MessageKind
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """The name of its template, e.g. `code zh`."""
        return f"{self.kind} {self.phone.language}"


class Outcome(StrEnum):
    """What became of an attempt."""

    SENT = "sent"
    IMPOSSIBLE = "impossible"
    """Nobody can send to this phone: it does not exist, or wants no messages."""
    NOT_NOW = "not_now"
    """Not sent: this provider has sent enough to this phone. Another one may."""
    AWAY = "away"
    """Not sent: this provider sends nothing at all for now."""
    UNKNOWN = "unknown"
    """It may have been sent."""


def next_attempt_after(attempts: int, providers: int) -> timedelta:
    """How long a message that surely was not sent waits: not at all while a provider is left that was not asked."""
    if attempts < providers:
        return timedelta()
    return min(timedelta(seconds=2 ** (attempts - providers)), LONGEST_WAIT)
