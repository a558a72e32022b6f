"""A coupon in plain words, for those who have it, in our languages. Pure."""

# ruff: noqa: RUF001
# Chinese has signs of its own.

from typing import Any

import msgspec

from loyalty.domain import campaign_words
from loyalty.domain.campaign_words import Words
from loyalty.domain.coupon_templates import as_campaign
from loyalty.domain.coupons import Template
from loyalty.domain.terms import AtCounter

AT_COUNTER: Words = {
    "en": "Make a code and show it at the counter.",
    "zh": "生成券码，在柜台出示。",
}
WHEN_PAYING: Words = {
    "en": "Choose it when you pay, or make a code and show it at the counter.",
    "zh": "支付时选择，或生成券码在柜台出示。",
}


def gives(template: Template) -> Words:
    """What one gets, e.g. `20.00 CNY off`."""
    return campaign_words.gives(as_campaign(template))


def for_drivers(template: Template) -> dict[str, Any]:
    """What drivers are told of what they have, in words and for programs."""
    return {
        "name": template.name, "description": template.description, "operator": template.operator,
        "gives": gives(template), "conditions": campaign_words.conditions(as_campaign(template)),
        "how_to_use": AT_COUNTER if isinstance(template.benefit, AtCounter) else WHEN_PAYING,
        "benefit": msgspec.to_builtins(template.benefit), "scope": msgspec.to_builtins(template.scope),
        "currency": template.currency,
    }  # fmt: skip
