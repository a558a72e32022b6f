"""Why an offer, a coupon or points do not take part in a price: a word for programs, a sentence for people. Pure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from loyalty.domain.amounts import amount_text, litres_text
from loyalty.domain.terms import Hours, Offer, Purchase

POINTS = "points"
"""What a refusal of points is about; others name the coupon or the campaign by its id."""

METHOD_NAMES = {"wechat": "WeChat Pay", "alipay": "Alipay", "fuel_card": "the fuel card"}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WHATS = {"coupon": "coupon", "card_discount": "card discount"}
"""What people call an offer, by its kind; any other is a campaign."""

REFUSALS: dict[str, str] = {
    # of the offer and the purchase
    "operator": "This {what} is for the stations of another operator.",
    "not_yet": "This {what} begins on {starts}.",
    "expired": "The {what} ended on {ends}.",
    "currency": "This {what} is for stations that sell in {currency}.",
    "station": "This {what} is for other stations.",
    "grade": "This {what} is for other grades.",
    "tier": "This {what} is for members of the tier {tiers}.",
    "method": "This {what} is for paying with {methods}.",
    "minimum_volume": "This {what} is for {minimum_volume} litres or more.",
    "minimum_amount": "This {what} is for {minimum_amount} or more.",
    "hours": "This {what} holds {hours}, by the station's clock.",
    # of what others took
    "used_up": "This {what} is used up: its budget, or your share of it.",
    "less": "Another discount that it cannot be combined with takes off more.",
    "chosen": "It cannot be combined with the coupon that you chose.",
    "nothing_left": "It would take nothing off: other discounts already leave nothing for it.",
    "not_together": "The coupons that you chose cannot be combined with each other.",
    "fewer_points": "Another campaign multiplies your points by more.",
    # of a coupon
    "unknown": "You have no coupon with this id.",
    "at_counter": "This coupon is for what the crew gives: show its code at the counter.",
    "redeemed": "The coupon was used already.",
    "reserved": "The coupon is set aside for another payment; cancel that, or wait until it has ended.",
    "cancelled": "The coupon was withdrawn.",
    # of points
    "too_few": "You have {available} points.",
    "no_points_here": "Points cannot be spent on amounts in {currency}.",
}
"""A sentence for each word."""


class Refusal(Struct, frozen=True):
    """Why something does not take part. `what`: the id of a coupon or a campaign, or `points`."""

    what: str
    reason: str
    """One of REFUSALS; expect new ones."""
    detail: str


def refusal(word: str, what: str, /, **facts: object) -> Refusal:
    """A refusal whose sentence needs no offer."""
    return Refusal(what, word, REFUSALS[word].format(what="coupon", **facts))


def offer_refusal(word: str, offer: Offer, purchase: Purchase) -> Refusal:
    """A refusal of an offer for a purchase."""
    sentence = REFUSALS[word]
    return Refusal(offer.id, word, sentence.format_map(_Facts(offer, purchase)) if "{" in sentence else sentence)


class _Facts(dict[str, str]):
    """What the sentences say of an offer, each worked out only where one says it."""

    def __init__(self, offer: Offer, purchase: Purchase) -> None:
        super().__init__()
        self._offer = offer
        self._purchase = purchase

    def __missing__(self, name: str) -> str:
        offer, scope = self._offer, self._offer.scope
        match name:
            case "what":
                return WHATS.get(offer.kind, "campaign")
            case "starts":
                return _moment(offer.starts_at.astimezone(ZoneInfo(self._purchase.time_zone)))
            case "ends":
                zone = ZoneInfo(self._purchase.time_zone)
                return _last_day(offer.ends_at, zone) if offer.ends_at else "another day"
            case "currency":
                return offer.currency or "another currency"
            case "tiers":
                return _either(scope.tiers or ())
            case "methods":
                return _either([METHOD_NAMES.get(method, method) for method in scope.methods or ()])
            case "minimum_volume":
                return litres_text(scope.minimum_volume_ml or 0)
            case "minimum_amount":
                return amount_text(scope.minimum_minor or 0, self._purchase.currency)
            case _:
                return _either([_hours(hours) for hours in (scope.hours or ())[:3]])


def _either(words: "list[str] | tuple[str, ...]") -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _last_day(ends_at: datetime, zone: ZoneInfo) -> str:
    """The day on which it still held: what ends at midnight ended the day before."""
    return _day((ends_at - timedelta(microseconds=1)).astimezone(zone))


def _moment(moment: datetime) -> str:
    return f"{_day(moment)} at {moment:%H:%M}"


def _hours(hours: Hours) -> str:
    days = "every day" if len(hours.weekdays) == 7 else f"on {_either([WEEKDAYS[day - 1] for day in hours.weekdays])}"
    if hours.from_time == hours.until_time == "00:00":
        return days
    return f"{days} from {hours.from_time} to {hours.until_time}"
