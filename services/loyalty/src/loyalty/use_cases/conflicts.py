"""What staff should know of a campaign's neighbours before they publish it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from loyalty.domain import conflicts as domain
from loyalty.domain.conflicts import Example, Overlap
from loyalty.domain.terms import Campaign, Offer
from loyalty.repository import campaigns as repository
from loyalty.repository import places
from loyalty.use_cases.campaigns import campaign_for
from loyalty.use_cases.context import Loyalty
from servicekit.auth import Principal

MOST_TRIED = 50
"""Stations of an overlap at which a price is looked for."""
MOST_NAMED = 100
"""Stations of an overlap that are named; all are counted."""
MOST_COMPARED = 100
"""Other campaigns that are looked at, those that begin nearest to this one; the rest is counted."""
MOST_FILLS = 5
"""Fills that are priced with all campaigns at once: those of the pairs' examples that most campaigns hold for."""
Met = tuple[Campaign, Overlap]


async def conflicts(loyalty: Loyalty, principal: Principal, campaign_id: UUID) -> dict[str, Any]:
    """The operator's other campaigns that are out and meet this one: where, how they combine, what they take off.

    It is worked out in a thread, one at a time, since it may take a second. Raises Problem 404, 503: others do.
    """
    async with loyalty.previews.take():
        async with loyalty.store.connection() as connection:
            campaign = await campaign_for(connection, principal, campaign_id)
            others, total = await repository.others_out(connection, campaign, MOST_COMPARED)
            known = await places.places_of(connection, campaign.operator, campaign.scope.station_ids)
        met = await asyncio.to_thread(_met, campaign, others, known)
        tried = {UUID(place.station_id) for _, found in met for place in found.places[:MOST_TRIED]}
        async with loyalty.store.connection() as connection:
            prices = await places.prices_at(connection, list(tried))
        return await asyncio.to_thread(_preview, campaign, met, prices, total - len(others))


def _met(campaign: Campaign, others: Sequence[Campaign], known: Sequence[domain.Place]) -> list[Met]:
    """The campaign itself, and those that it meets, each with where."""
    now = datetime.now(UTC)
    found = ((other, domain.overlap(campaign.offer, other.offer, known, now)) for other in (campaign, *others))
    return [(other, where) for other, where in found if where is not None]


def _preview(campaign: Campaign, met: Sequence[Met], prices: domain.Prices, not_compared: int) -> dict[str, Any]:
    offers = [campaign.offer, *(other.offer for other, _ in met if other is not campaign)]
    examples = [_example(campaign.offer, other.offer, found, prices) for other, found in met]
    most = _most([one for one in examples if one is not None], offers)
    return {
        "campaign_id": campaign.campaign_id, "version": campaign.version, "most": _shown_example(most),
        "warnings": most.warnings if most else [], "not_compared": not_compared,
        "conflicts": [
            _shown(campaign.offer, other, found, example)
            for (other, found), example in zip(met, examples, strict=True) if other is not campaign
        ],
    }  # fmt: skip


def _example(offer: Offer, other: Offer, found: Overlap, prices: domain.Prices) -> Example | None:
    both = [offer] if other.id == offer.id else [offer, other]
    fill = domain.example_fill(found, both, prices)
    return domain.most_off(fill, both) if fill else None


def _most(examples: Sequence[Example], offers: Sequence[Offer]) -> Example | None:
    """Of a few fills, that of which all offers together take the largest share."""
    fills = dict.fromkeys(one.purchase for one in examples)
    chosen = sorted(fills, key=lambda fill: sum(one.refusal(fill) is not None for one in offers))[:MOST_FILLS]
    together = (domain.most_off(fill, offers) for fill in chosen)
    return max(together, key=lambda one: one.share_basis_points, default=None)


def _shown(offer: Offer, other: Campaign, found: Overlap, example: Example | None) -> dict[str, Any]:
    how = domain.combines(offer, other.offer)
    return {
        "campaign_id": other.campaign_id, "name": other.name, "status": other.status, "starts_at": other.starts_at,
        "ends_at": other.ends_at, "combines": how, "explanation": domain.EXPLANATIONS[how],
        "first_at": found.at, "stations": len(found.places),
        "station_ids": [place.station_id for place in found.places[:MOST_NAMED]], "fuels": found.fuels,
        "tiers": found.tiers, "methods": found.methods, "example": _shown_example(example),
        "warnings": example.warnings if example else [],
    }  # fmt: skip


def _shown_example(example: Example | None) -> dict[str, Any] | None:
    if example is None:
        return None
    fill = example.purchase
    return {
        "station_id": fill.station_id, "fuel": fill.fuel, "price_mills": fill.price_mills, "volume_ml": fill.volume_ml,
        "gross_minor": fill.gross_minor, "currency": fill.currency, "tier": fill.tier, "method": fill.method,
        "at": fill.at, "off_minor": example.off_minor, "share_basis_points": example.share_basis_points,
        "campaign_ids": example.campaign_ids,
    }  # fmt: skip
