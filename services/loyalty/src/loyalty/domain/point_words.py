"""What a driver reads about points. Pure."""

from loyalty.domain.points import Kind

_TEXTS = {
    (Kind.ACCRUED, "order"): "Earned by refuelling",
    (Kind.ACCRUED, "given_back"): "Given back: what they were spent on was refunded",
    (Kind.REDEEMED, "order"): "Spent on an order",
    (Kind.REDEEMED, "gift"): "Spent on a gift",
    (Kind.MOVED, "moved_in"): "From your other account",
}
_TEXTS_OF_KIND = {
    Kind.ACCRUED: "A reward",
    Kind.REDEEMED: "Spent",
    Kind.REVERSED: "Taken back: the order that earned them was refunded",
    Kind.EXPIRED: "Expired",
    Kind.FORFEITED: "Given up with the account",
    Kind.MOVED: "Moved to your other account",
}


def text_of(kind: Kind, reason: str) -> str:
    """What an entry is, for people."""
    return _TEXTS.get((kind, reason), _TEXTS_OF_KIND[kind])


def about_debt(owed: int) -> str | None:
    """Why a balance is below zero, and what becomes of it; None where it is not."""
    if not owed:
        return None
    return (
        f"You owe {owed} points: an order was refunded after the points that it earned were spent. "
        "Points that you get next pay this first; your refund was not reduced."
    )
