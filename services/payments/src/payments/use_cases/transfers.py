"""The transfers of a payment's life, each with the key by which it happens once. Pure.

| key | what |
|---|---|
| `payment|<attempt id>` | what a provider charged: a payment, a deposit, or money nobody asked for any more |
| `payment|<order id>` | an order that a fuel card paid, or coupons and points wholly |
| `capture|<order id>` | of a deposit, or of what was held on a card, what the station earned |
| `refund|<refund id>` | what went back |
"""

from uuid import UUID

from payments.domain.attempts import Attempt
from payments.domain.ledger import Account, AccountKind, Posting, Transfer, TransferKind
from payments.domain.orders import Mode, Order
from payments.domain.refunds import Refund, RefundPurpose
from servicekit.ids import new_id

LOYALTY = "loyalty"
"""Who bears the discounts of coupons and points."""


def station_of(order: Order) -> Account:
    """The revenue of the order's station."""
    return Account(AccountKind.STATION, str(order.station_id), order.currency)


def promotion_of(currency: str) -> Account:
    """What loyalty pays for drivers."""
    return Account(AccountKind.PROMOTION, LOYALTY, currency)


def deposit_of(order: Order) -> Account:
    """What was charged for the order before fuelling."""
    return Account(AccountKind.DEPOSIT, str(order.order_id), order.currency)


def paid_at_provider(order: Order, attempt: Attempt) -> Transfer:
    """A charge that counts: to the station, or to the order's deposit where fuelling comes after it."""
    provider = Posting(Account(AccountKind.PROVIDER, attempt.provider, attempt.currency), -attempt.amount_minor)
    key = f"payment|{attempt.attempt_id}"
    if order.mode is not Mode.POST_PAY:
        deposit = Posting(deposit_of(order), attempt.amount_minor)
        return _transfer(TransferKind.DEPOSIT, key, order.order_id, provider, deposit)
    return _transfer(TransferKind.PAYMENT, key, order.order_id, provider, *_earned(order, attempt.amount_minor))


def paid_by_card(order: Order, card: Account) -> Transfer:
    """A card's money: to the station, or to the order's deposit where fuelling comes after it."""
    taken, key = Posting(card, -order.paid_minor), f"payment|{order.order_id}"
    if order.mode is Mode.PREPAID:
        deposit = Posting(deposit_of(order), order.paid_minor)
        return _transfer(TransferKind.DEPOSIT, key, order.order_id, taken, deposit)
    return _transfer(TransferKind.PAYMENT, key, order.order_id, taken, *_earned(order, order.paid_minor))


def captured_from(order: Order, card: Account, amount_minor: int) -> Transfer:
    """What the station earned of what was held on a card; above zero."""
    return _transfer(
        TransferKind.CAPTURE, f"capture|{order.order_id}", order.order_id,
        Posting(card, -amount_minor), Posting(station_of(order), amount_minor),
    )  # fmt: skip


def paid_by_discounts(order: Order) -> Transfer:
    """Nothing was left to pay."""
    return _transfer(TransferKind.PAYMENT, f"payment|{order.order_id}", order.order_id, *_earned(order, 0))


def came_late(attempt: Attempt) -> Transfer:
    """A charge that nobody asked for any more: it waits for its refund."""
    return _transfer(
        TransferKind.LATE_PAYMENT, f"payment|{attempt.attempt_id}", attempt.purpose_id,
        Posting(Account(AccountKind.PROVIDER, attempt.provider, attempt.currency), -attempt.amount_minor),
        Posting(Account(AccountKind.SUSPENSE, attempt.provider, attempt.currency), attempt.amount_minor),
    )  # fmt: skip


def captured(order: Order, amount_minor: int) -> Transfer:
    """What the station earned of a deposit; above zero."""
    return _transfer(
        TransferKind.CAPTURE, f"capture|{order.order_id}", order.order_id,
        Posting(deposit_of(order), -amount_minor), Posting(station_of(order), amount_minor),
    )  # fmt: skip


def refunded(refund: Refund, destination: Account) -> Transfer:
    """What went back to the driver, and with a whole refund the discount to who paid it."""
    source = Account(refund.source_kind, refund.source_owner, refund.currency)
    kind = TransferKind.RELEASE if refund.purpose is RefundPurpose.RELEASE else TransferKind.REFUND
    return _transfer(
        kind, f"refund|{refund.refund_id}", refund.purpose_id,
        Posting(source, -refund.amount_minor - refund.discount_minor), Posting(destination, refund.amount_minor),
        Posting(promotion_of(refund.currency), refund.discount_minor),
    )  # fmt: skip


def _earned(order: Order, paid_minor: int) -> tuple[Posting, Posting]:
    """The station gets the gross amount; who gives the discount pays it."""
    return (
        Posting(promotion_of(order.currency), -order.discount_minor),
        Posting(station_of(order), paid_minor + order.discount_minor),
    )


def _transfer(kind: TransferKind, key: str, subject: UUID, *postings: Posting) -> Transfer:
    return Transfer(new_id(), kind, key, tuple(one for one in postings if one.amount_minor), subject)
