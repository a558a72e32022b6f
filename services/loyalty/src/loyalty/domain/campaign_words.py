"""A campaign in plain words, for those who fuel, in our languages. Pure."""

# ruff: noqa: RUF001
# Chinese has signs of its own.

from collections.abc import Iterator, Sequence
from typing import Any

from loyalty.domain.amounts import amount_text, litres_text
from loyalty.domain.terms import (
    AtCounter,
    Campaign,
    CouponReward,
    GiftReward,
    Hours,
    Percentage,
    PerFill,
    PerLitre,
    PointsMultiplier,
    PriceLock,
    Scope,
    StampCard,
    Trigger,
)

Words = dict[str, str]
"""The same in `en` and `zh`."""

WHEN: dict[Trigger, Words] = {
    Trigger.CLAIM: {"en": "for taking it in the app", "zh": "在应用内领取"},
    Trigger.EVERY_FILL: {"en": "for each fill", "zh": "每次加油"},
    Trigger.FIRST_FILL: {"en": "for your first fill", "zh": "首次加油"},
    Trigger.NTH_FILL: {"en": "for every {count} fills", "zh": "每加油 {count} 次"},
    Trigger.BIRTHDAY_MONTH: {"en": "in the month of your birthday", "zh": "生日当月"},
    Trigger.COME_BACK: {"en": "for coming back after {count} days", "zh": "{count} 天后回归"},
    Trigger.INVITE_FRIEND: {"en": "for a friend's first fill on your invitation", "zh": "邀请的好友首次加油"},
}
METHODS: dict[str, Words] = {
    "wechat": {"en": "WeChat Pay", "zh": "微信支付"},
    "alipay": {"en": "Alipay", "zh": "支付宝"},
    "fuel_card": {"en": "fuel card", "zh": "加油卡"},
}
TIER_WORDS = {"member": "普通会员", "silver": "银卡", "gold": "金卡", "platinum": "白金"}
DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
WHOLE_WEEK = 7


def gives(campaign: Campaign) -> Words:
    """What it gives."""
    currency = campaign.currency or ""
    match campaign.benefit:
        case Percentage(basis_points=points, most_minor=most):
            return _percentage(points, most, currency)
        case PerLitre(mills=mills):
            return {"en": f"{_mills(mills)} {currency} off each litre", "zh": f"每升立减 {_mills(mills)} {currency}"}
        case PerFill(amount_minor=amount):
            return {"en": f"{amount_text(amount, currency)} off", "zh": f"立减 {amount_text(amount, currency)}"}
        case PriceLock(price_mills=price):
            most_text = f"{_mills(price)} {currency}"
            return {"en": f"at most {most_text} for a litre", "zh": f"每升最高 {most_text}"}
        case AtCounter():
            return {"en": "given at the counter", "zh": "在柜台领取"}
        case PointsMultiplier(basis_points=points):
            return {
                "en": f"{_hundredths(points // 100)} times the points",
                "zh": f"{_hundredths(points // 100)} 倍积分",
            }
        case CouponReward(trigger=trigger, count=count):
            return _reward("a coupon", "优惠券一张", trigger, count)
        case GiftReward(trigger=trigger, count=count):
            return _reward("a gift", "礼品一份", trigger, count)
        case StampCard(stamps=stamps):
            return {
                "en": f"a coupon for {stamps} stamps, one for each fill",
                "zh": f"每次加油集一枚印章，集满 {stamps} 枚得优惠券一张",
            }


def _percentage(points: int, most: int | None, currency: str) -> Words:
    words = {"en": f"{_hundredths(points)} % off", "zh": f"立减 {_hundredths(points)}%"}
    if most is None:
        return words
    bound = amount_text(most, currency)
    return {"en": f"{words['en']}, at most {bound}", "zh": f"{words['zh']}，最多 {bound}"}


def _reward(en: str, zh: str, trigger: Trigger, count: int | None) -> Words:
    when = {language: text.format(count=count) for language, text in WHEN[trigger].items()}
    return {"en": f"{en} {when['en']}", "zh": f"{when['zh']}，得{zh}"}


def conditions(campaign: Campaign) -> list[Words]:
    """When and for whom it holds, each condition by itself; the times of its begin and end are told elsewhere."""
    return list(_conditions(campaign, campaign.scope))


def _conditions(campaign: Campaign, scope: Scope) -> Iterator[Words]:
    for hours in scope.hours or ():
        yield _hours(hours)
    if scope.tiers is not None:
        names = [TIER_WORDS.get(tier, tier) for tier in scope.tiers]
        yield {"en": f"for {_or(scope.tiers)} members", "zh": f"限{'、'.join(names)}"}
    if scope.methods is not None:
        names = [METHODS[method] for method in scope.methods]
        yield {
            "en": f"when you pay by {_or([one['en'] for one in names])}",
            "zh": f"使用{'、'.join(one['zh'] for one in names)}付款",
        }
    if scope.minimum_volume_ml is not None:
        least = litres_text(scope.minimum_volume_ml)
        yield {"en": f"from {least} litres on", "zh": f"满 {least} 升"}
    if scope.minimum_minor is not None:
        amount = amount_text(scope.minimum_minor, campaign.currency or "")
        yield {"en": f"from {amount} on", "zh": f"满 {amount}"}
    if campaign.uses_per_driver is not None:
        times = campaign.uses_per_driver
        yield {
            "en": "once for each driver" if times == 1 else f"{times} times for each driver",
            "zh": f"每人限 {times} 次",
        }
    if campaign.budget_minor is not None or campaign.most_uses is not None:
        yield {"en": "while stocks last", "zh": "先到先得，用完即止"}


def _hours(hours: Hours) -> Words:
    days = sorted(hours.weekdays)
    every = len(days) == WHOLE_WEEK
    en = "every day" if every else "on " + ", ".join(DAYS_EN[day - 1] for day in days)
    zh = "每天" if every else "、".join(DAYS_ZH[day - 1] for day in days)
    if hours.from_time == hours.until_time == "00:00":
        return {"en": en, "zh": zh}
    until = hours.until_time if hours.until_time != "00:00" else "24:00"
    return {"en": f"{en} from {hours.from_time} to {until}", "zh": f"{zh} {hours.from_time}-{until}"}


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _hundredths(value: int) -> str:
    """Hundredths without what says nothing: 250 is 2.5."""
    whole, rest = divmod(value, 100)
    return f"{whole}" + (f".{rest:02}".rstrip("0") if rest else "")


def _mills(mills: int) -> str:
    """Thousandths as an amount: 150 is 0.15."""
    whole, rest = divmod(mills, 1_000)
    text = f"{rest:03}"
    return f"{whole}." + (text[:2] if text[2] == "0" else text)


def for_drivers(campaign: Campaign) -> dict[str, Any]:
    """What drivers may know of it; how much of its budget is left is not theirs to know."""
    scope = campaign.scope
    return {
        "campaign_id": campaign.campaign_id, "operator": campaign.operator, "name": campaign.name,
        "description": campaign.description, "kind": campaign.benefit.__struct_config__.tag,
        "gives": gives(campaign), "conditions": conditions(campaign), "currency": campaign.currency,
        "starts_at": campaign.starts_at, "ends_at": campaign.ends_at, "station_ids": scope.station_ids,
        "fuels": scope.fuels, "tiers": scope.tiers, "methods": scope.methods, "hours": scope.hours,
        "minimum_volume_ml": scope.minimum_volume_ml, "minimum_minor": scope.minimum_minor,
        "uses_per_driver": campaign.uses_per_driver,
    }  # fmt: skip
