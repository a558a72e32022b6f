"""What only people can settle: the kinds of exceptions, and what may be done about each, as one table. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    """What is wrong."""

    PAID_NOT_DISPENSED = "paid_not_dispensed"
    """The money is there, and the pump gave nothing."""
    OVER_DISPENSED = "over_dispensed"
    """The pump gave more than was paid for or authorised."""
    MISMATCH = "mismatch"
    """Two sides say different numbers about the same thing."""
    TIMEOUT = "timeout"
    """Fuel was dispensed, and nobody paid for it in time."""
    UNKNOWN_PAYMENT = "unknown_payment"
    """A provider has not said for long what became of a charge, or tells of one that is not ours."""
    DISPUTED = "disputed"
    """The driver says that the order is wrong."""
    REFUND_FAILED = "refund_failed"
    """The provider cannot give the money back by itself."""
    LEDGER_DIFFERENCE = "ledger_difference"
    """The books do not agree with what happened."""


class CaseStatus(StrEnum):
    """How far an exception is."""

    OPEN = "open"
    PROPOSED = "proposed"
    """Decided by one person; above the limit a second one must agree."""
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    """Nothing need be done; that can be undone for a while."""


class Action(StrEnum):
    """What people do about an exception."""

    REFUND_WHOLE = "refund_whole"
    REFUND_AMOUNT = "refund_amount"
    REFUND_DIFFERENCE = "refund_difference"
    REFUND_PAYMENT = "refund_payment"
    MARK_DISPENSED = "mark_dispensed"
    ACCEPT_PUMP = "accept_pump"
    ACCEPT_STATION = "accept_station"
    WAIVE = "waive"
    WRITE_OFF = "write_off"
    ASK_NOW = "ask_now"
    DECLINE = "decline"
    RETRY = "retry"
    PAID_OTHERWISE = "paid_otherwise"
    DISMISS = "dismiss"


class Reason(StrEnum):
    """Why, as people choose it."""

    NOT_DISPENSED = "not_dispensed"
    UNDER_DISPENSED = "under_dispensed"
    PUMP_ERROR = "pump_error"
    STATION_ERROR = "station_error"
    PROVIDER_ERROR = "provider_error"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_FUEL = "wrong_fuel"
    FUEL_QUALITY = "fuel_quality"
    DUPLICATE = "duplicate"
    DRIVER_AGREED = "driver_agreed"
    DRIVER_LEFT = "driver_left"
    UNFOUNDED = "unfounded"
    GOODWILL = "goodwill"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Rule:
    """What an action does, and what there must be for it."""

    what: str
    about: str | None = None
    """What the exception's details must name: `attempt_id`, `dispense_id`, `refund_id`."""
    asks: str | None = None
    """What the person must say: `amount_minor` or `volume_ml`."""
    settles: bool = True
    """False: it only helps on; the exception stays open until what it is about has changed."""


_DISMISS = Rule("nothing is changed; can be undone for a while")

ACTIONS: Mapping[Kind, Mapping[Action, Rule]] = {
    Kind.PAID_NOT_DISPENSED: {
        Action.REFUND_WHOLE: Rule("all that was paid goes back to the driver"),
        Action.MARK_DISPENSED: Rule("the pump gave so much after all: the order is settled with it", asks="volume_ml"),
        Action.DISMISS: _DISMISS,
    },
    Kind.OVER_DISPENSED: {
        Action.WAIVE: Rule("the station bears what was given above the money; nobody is charged without agreeing"),
        Action.DISMISS: _DISMISS,
    },
    Kind.MISMATCH: {
        Action.ACCEPT_STATION: Rule("what the order says stands", about="dispense_id"),
        Action.ACCEPT_PUMP: Rule(
            "before it is paid: the order gets the pump's volume, which the driver must accept", about="dispense_id"
        ),
        Action.REFUND_DIFFERENCE: Rule("what was paid above the pump's volume goes back", about="dispense_id"),
        Action.ASK_NOW: Rule("the provider is asked again at once", about="attempt_id", settles=False),
        Action.REFUND_PAYMENT: Rule(
            "what the provider says was paid goes back whole, and the order can be paid anew", about="attempt_id"
        ),
        Action.DISMISS: _DISMISS,
    },
    Kind.TIMEOUT: {
        Action.WRITE_OFF: Rule("the debt is given up: the order is rejected as written off"),
        Action.MARK_DISPENSED: Rule("the money came meanwhile: the order is settled with the pump's volume",
                                    about="dispense_id"),
        Action.DISMISS: Rule("the debt stays, and the driver can still pay; can be undone for a while"),
    },
    Kind.UNKNOWN_PAYMENT: {
        Action.ASK_NOW: Rule("the provider is asked again at once", about="attempt_id", settles=False),
        Action.DISMISS: _DISMISS,
    },
    Kind.DISPUTED: {
        Action.REFUND_WHOLE: Rule("all that is left of what was paid goes back to the driver"),
        Action.REFUND_AMOUNT: Rule("a part goes back to the driver", asks="amount_minor"),
        Action.DECLINE: Rule("the dispute ends, and the order stays as it was"),
    },
    Kind.REFUND_FAILED: {
        Action.RETRY: Rule("the provider is asked about the same refund again, and for it where it knows of none",
                           about="refund_id"),
        Action.PAID_OTHERWISE: Rule("the station gave the driver the money itself", about="refund_id"),
        Action.DISMISS: _DISMISS,
    },
    Kind.LEDGER_DIFFERENCE: {Action.DISMISS: _DISMISS},
}  # fmt: skip
"""One click each; what is not here is refused and changes nothing."""
TO_DECIDE = frozenset({CaseStatus.OPEN, CaseStatus.PROPOSED})


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody wants done about an exception."""

    action: Action
    reason: Reason
    by: str
    at: datetime
    amount_minor: int | None = None
    volume_ml: int | None = None
    note: bytes | None = None
    """Sealed."""
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An exception as it is stored (the word itself is Python's). `note` is sealed."""

    exception_id: UUID
    kind: Kind
    station_id: UUID | None
    operator: str | None
    order_id: UUID | None
    details: Mapping[str, Any]
    status: CaseStatus
    raised_at: datetime
    action: str | None = None
    reason: str | None = None
    amount_minor: int | None = None
    volume_ml: int | None = None
    note: bytes | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    refund_id: UUID | None = None

    @property
    def actions(self) -> Mapping[Action, Rule]:
        """What may be done about it."""
        rules = ACTIONS[self.kind].items()
        return {action: rule for action, rule in rules if rule.about is None or rule.about in self.details}


class CannotDecide(Exception):
    """The decision is none for this exception; the text says why, and what is possible."""


def rule_of(case: Case, decision: Decision) -> Rule:
    """The rule of a decision that may be made. Raises CannotDecide."""
    if case.status is not CaseStatus.OPEN:
        raise CannotDecide(f"The exception is {case.status}: there is nothing to decide.")
    rule = case.actions.get(decision.action)
    if rule is None:
        possible = ", ".join(case.actions)
        raise CannotDecide(f"{decision.action} is nothing that can be done about this exception; {possible} is.")
    if rule.asks is not None and getattr(decision, rule.asks) is None:
        raise CannotDecide(f"{decision.action} needs {rule.asks}.")
    return rule


def can_undo(case: Case, now: datetime, within: timedelta) -> bool:
    """Whether a dismissal can still be taken back."""
    return case.status is CaseStatus.DISMISSED and case.decided_at is not None and now - case.decided_at <= within
