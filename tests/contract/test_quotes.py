"""A quote keeps what others say of the same fill: the order that is paid, and the search that promised a net price."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

import loyalty.domain.amounts as quoted
import loyalty.domain.campaigns as ours
import payments.domain.money as paid
from loyalty.domain.pricing import best_price
from loyalty.domain.terms import Campaign, Percentage, PerFill, PerLitre, Purchase, Scope, Stacking, Status
from schemas.events import CampaignPublishedV1
from schemas.vocabulary import mills_per_minor_unit
from stations.domain.campaigns import Campaigns

NOW = datetime(2026, 4, 30, 10, 0, tzinfo=UTC)
currencies = st.sampled_from(("CNY", "EUR", "JPY", "KWD"))
volumes, prices = st.integers(1, 500_000), st.integers(1, 100_000)
discounts = st.one_of(
    st.builds(Percentage, st.integers(1, 10_000)), st.builds(PerLitre, st.integers(1, 5_000)),
    st.builds(PerFill, st.integers(1, 50_000)),
)  # fmt: skip


@given(volumes, prices, currencies)
def test_a_quote_counts_as_the_order_will(volume_ml: int, price_mills: int, currency: str):
    amount = paid.amount_of(volume_ml, price_mills, currency)
    assert quoted.amount_of(volume_ml, price_mills, currency) == amount
    assert quoted.volume_for(amount, price_mills, currency) == paid.volume_for(amount, price_mills, currency)
    assert paid.MAX_VOLUME_ML == quoted.MAX_VOLUME_ML


@given(volumes, prices, currencies, st.lists(discounts, min_size=1, max_size=3), st.booleans())
def test_a_search_never_promises_more_than_a_quote_gives(
    volume_ml: int, price_mills: int, currency: str, benefits: list[Percentage | PerLitre | PerFill], together: bool
):
    """The search speaks of whole thousandths for each litre, and takes the best one alone."""
    gross = quoted.amount_of(volume_ml, price_mills, currency)
    purchase = Purchase(
        "driver", "test-operator", "station", "Europe/Vienna", "e5", price_mills, volume_ml, gross, currency, None,
        "member", NOW,
    )  # fmt: skip
    campaigns = [
        Campaign(
            f"01900000-0000-7000-8000-00000000000{place}", 1, Status.LIVE, "test-operator", "canary-campaign", benefit,
            Scope(), Stacking(f"group-{place}" if together else "campaign"), currency, NOW, None,
        )
        for place, benefit in enumerate(benefits)
    ]  # fmt: skip
    given_minor = gross - best_price(purchase, [one.offer for one in campaigns], left={}).paid_minor
    known = Campaigns()
    for campaign in campaigns:
        known.publish(CampaignPublishedV1.model_validate_json(ours.published(campaign, NOW).to_json()))
    for shown in known.in_force("e5", volume_ml, NOW):
        mills = min(shown.mills_off(price_mills, volume_ml), price_mills)
        promised = volume_ml * mills // (1_000 * mills_per_minor_unit(currency))
        rounded = int(shown.discount.kind == "percentage")  # a share of what the pump shows, itself a rounded amount
        assert given_minor >= min(promised, gross) - rounded
