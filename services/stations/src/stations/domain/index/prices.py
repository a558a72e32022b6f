"""Net prices of many stations at once."""

from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stations.domain.campaigns import Campaign
from stations.domain.index.geometry import Rows
from stations.domain.index.index import StationIndex
from stations.domain.index.questions import Buying, CampaignPart, NetPrice
from stations.domain.net_price import detour_mills_per_litre, detour_minor_units

Integers = NDArray[np.int64]


class NetPrices(NamedTuple):
    """The parts of each row's price, in mills per litre; `best` numbers the campaign in `campaigns`, -1 is none."""

    pump: Integers
    currencies: Integers
    discount: Integers
    detour_m: Integers
    detour: Integers
    net: Integers
    best: Integers
    campaigns: list[Campaign]


def net_prices(
    index: StationIndex, rows: Rows, detour_m: Integers, fuel: str, buying: Buying, now: datetime
) -> NetPrices:
    """The parts for rows that all sell the grade."""
    pump, currencies = index.grades.mills(fuel, rows), index.grades.currency_codes(fuel, rows)
    campaigns = list(index.campaigns.in_force(fuel, buying.volume_ml, now))
    discount, best = np.zeros(len(rows), np.int64), np.full(len(rows), -1, np.int64)
    for number, campaign in enumerate(campaigns):
        covered = _covered(index, campaign, rows, currencies, now)
        off = np.minimum(campaign.mills_off(pump, buying.volume_ml), pump)
        better = covered & (off > discount)
        discount = np.where(better, off, discount)
        best[better] = number
    detour = detour_mills_per_litre(detour_m, buying.consumption_ml_per_100km, buying.volume_ml, pump)
    return NetPrices(pump, currencies, discount, detour_m, detour, pump - discount + detour, best, campaigns)


def shown_net_prices(index: StationIndex, prices: NetPrices, places: Rows, buying: Buying) -> list[NetPrice]:
    """The parts of some rows, by their places in the arrays."""
    columns = (part[places].tolist() for part in prices[:7])
    return [
        NetPrice(
            pump, (currency := index.grades.currencies.values[code]), _part(prices, best, discount), detour,
            detour_minor_units(detour_m, buying.consumption_ml_per_100km, pump, currency), net,
        )
        for pump, code, discount, detour_m, detour, net, best in zip(*columns, strict=True)
    ]  # fmt: skip


def _part(prices: NetPrices, best: int, discount: int) -> CampaignPart | None:
    if best < 0:
        return None
    terms = prices.campaigns[best].terms
    return CampaignPart(str(terms.campaign_id), terms.name, discount)


def _covered(
    index: StationIndex, campaign: Campaign, rows: Rows, currencies: Integers, now: datetime
) -> NDArray[np.bool_]:
    """Which of the rows the campaign covers now."""
    terms, columns = campaign.terms, index.columns
    covered = np.ones(len(rows), np.bool_)
    if terms.currency is not None:
        covered &= currencies == index.grades.currencies.find(terms.currency)
    if terms.operators is not None:
        covered &= _among(columns["operator"][rows], [index.operators.find(one) for one in terms.operators])
    if terms.station_ids is not None and covered.any():
        covered &= _among(rows, index.rows_of(terms.station_ids))
    if terms.hours is not None and covered.any():
        zones = columns["zone"][rows[covered]]
        covered[covered] = index.zone_flags(zones, lambda zone: campaign.holds_in(zone, now))
    return covered


def _among(values: NDArray[Any], wanted: Any) -> NDArray[np.bool_]:
    return np.isin(values, wanted) if len(wanted) else np.zeros(len(values), np.bool_)
