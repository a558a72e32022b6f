"""Which of our languages a person reads."""

import re

LANGUAGES = ("en", "zh")
_MEMBER = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


def best_language(accepted: str) -> str:
    """The language that an Accept-Language header likes best; English where it likes none of ours."""
    weights: dict[str, float] = {}
    for member in accepted.split(",")[:20]:
        if (match := _MEMBER.fullmatch(member)) and match[1].lower() in LANGUAGES:
            weights[match[1].lower()] = max(weights.get(match[1].lower(), 0.0), float(match[2] or 1))
    return max(weights, key=lambda language: weights[language]) if any(weights.values()) else "en"
