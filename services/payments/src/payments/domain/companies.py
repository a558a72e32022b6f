"""Companies whose account many fuel cards draw on. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MAX_COMPANIES = 5
"""That one driver manages."""
MAX_MANAGERS = 10
MAX_OPEN_INVITATIONS = 200
MAX_COMPANY_CARDS = 2_000


class InvitationKind(StrEnum):
    """What a code of a company gives to whoever claims it."""

    CARD = "card"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Company:
    """A company as it is stored; its name is sealed, and None once it is closed."""

    company_id: UUID
    name: bytes | None
    currency: str
    opened_at: datetime
    closed_at: datetime | None = None
