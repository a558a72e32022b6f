"""What a station says that a pump gave: a volume, an amount, or both, which must then agree. Pure."""

from payments.domain.money import amount_of, volume_for
from payments.domain.orders import Order
from payments.domain.refusals import WrongField


class Disagreement(Exception):
    """A volume and an amount that do not belong together at the order's price."""

    def __init__(self, volume_ml: int, said_minor: int, computed_minor: int) -> None:
        self.volume_ml = volume_ml
        self.said_minor = said_minor
        self.computed_minor = computed_minor
        super().__init__(
            f"{volume_ml} ml at the order's price are {computed_minor} minor units, and {said_minor} was said; "
            "look at the pump, and send what it shows."
        )


def agreed(order: Order, volume_ml: int | None, amount_minor: int | None) -> tuple[int, int]:
    """(millilitres, minor units at the order's price); an amount alone must be what some volume costs.

    Raises WrongField where there is neither, Disagreement.
    """
    if volume_ml is None and amount_minor is None:
        raise WrongField("volume_ml", "Say what the pump gave: volume_ml, amount_minor, or both.")
    if volume_ml is None:
        volume_ml = volume_for(amount_minor or 0, order.price_mills, order.currency)
    gross_minor = amount_of(volume_ml, order.price_mills, order.currency)
    if amount_minor is not None and amount_minor != gross_minor:
        raise Disagreement(volume_ml, amount_minor, gross_minor)
    return volume_ml, gross_minor
