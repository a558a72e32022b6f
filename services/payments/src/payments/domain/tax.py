"""Value added tax in an invoice (fapiao), in whole fen, so that lines and totals add up exactly. Pure.

The rules, for a line that was paid with `total` fen, tax included, for so much fuel:

1. tax = total x 13 / 113, rounded half up to the fen;
2. the amount without tax is the rest, total - tax: what rounding leaves over is in it, so the two are the total;
3. the quantity is the volume, exactly, in litres with 8 decimals;
4. the price without tax is amount / quantity, rounded half up to 8 decimals: quantity x price, rounded to the fen, is
   the amount again, for anything below 1,000,000 litres;
5. an invoice's sums are the sums of its lines; nothing is computed from the sums.

Sources: 13 % and 8 decimals of WeChat Pay's invoices for refined oil (pay.weixin.qq.com/doc/v3/partner/4016760559).
"""

from dataclasses import dataclass

RATE_PERCENT = 13
DECIMALS = 8


@dataclass(frozen=True, slots=True)
class TaxedLine:
    """What a line of an invoice says: fen, and 10^-8 of a litre and of a yuan per litre."""

    total_minor: int
    tax_minor: int
    quantity_e8: int
    price_e8: int

    @property
    def net_minor(self) -> int:
        """The amount without tax."""
        return self.total_minor - self.tax_minor


def taxed(total_minor: int, volume_ml: int) -> TaxedLine:
    """The line of an amount that includes the tax; both are above zero."""
    tax = half_up(total_minor * RATE_PERCENT, 100 + RATE_PERCENT)
    # Fen / millilitre is ten yuan / litre.
    price = half_up((total_minor - tax) * 10 * 10**DECIMALS, volume_ml)
    return TaxedLine(total_minor, tax, volume_ml * 10 ** (DECIMALS - 3), price)


def half_up(part: int, whole: int) -> int:
    """part / whole, neither below zero, rounded half up."""
    return (2 * part + whole) // (2 * whole)
