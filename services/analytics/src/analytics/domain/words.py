"""What files and mails say beside the figures, in the languages that staff read."""

from collections.abc import Mapping

Words = Mapping[str, str]

_ENGLISH: Words = {
    "brand": "Forecourt", "report": "Report", "about": "About", "period": "Period", "compared_with": "Compared with",
    "time_zone": "Times are those of", "made_at": "Made at", "complete_until": "Complete until",
    "nothing_yet": "nothing has been read yet", "note": "Note", "total": "Total", "totals": "Totals",
    "overview": "Overview", "key_figures": "At a glance", "definitions": "Definitions", "figure": "Figure",
    "definition": "What it is", "unit": "Unit", "before": "Before", "change": "Change", "value": "Value",
    "page": "Page", "of": "of", "no_rows": "Nothing happened in this period.",
    "cut": "{shown} of {rows} rows are shown here; the same report as XLSX or CSV has them all.",
    "few": "<5: left out, since fewer than five drivers stand behind it, or behind what it would tell by a difference.",
    "fuel.petrol_92": "Petrol 92", "fuel.petrol_95": "Petrol 95", "fuel.petrol_98": "Petrol 98",
    "fuel.e5": "Super E5", "fuel.e10": "Super E10", "fuel.e85": "E85", "fuel.diesel_b0": "Diesel 0#",
    "fuel.diesel_b7": "Diesel B7", "fuel.premium_petrol": "Premium petrol", "fuel.premium_diesel": "Premium diesel",
    "fuel.lpg": "LPG", "fuel.cng": "CNG", "fuel.adblue": "AdBlue", "fuel.hydrogen": "Hydrogen",
    "method.wechat": "WeChat Pay", "method.alipay": "Alipay", "method.fuel_card": "Fuel card",
    "method.none": "Discounts alone", "method.other": "Others",
    "driver_group.new": "New", "driver_group.returning": "Returning",
    "discount.campaign": "Campaign", "discount.card_discount": "Card discount", "discount.coupon": "Coupon",
    "discount.points": "Points", "price_kind.own": "own price", "price_kind.relative": "price beside its neighbours'",
}  # fmt: skip
_CHINESE: Words = {
    "brand": "Forecourt", "report": "报表", "about": "对象", "period": "期间", "compared_with": "对比期间",
    "time_zone": "时间所属时区", "made_at": "生成时间", "complete_until": "数据截至", "nothing_yet": "尚未读取任何数据",
    "note": "说明", "total": "合计", "totals": "合计", "overview": "概览", "key_figures": "要点",
    "definitions": "指标定义", "figure": "指标", "definition": "含义", "unit": "单位", "before": "对比值",
    "change": "变化", "value": "数值", "page": "页", "of": "/", "no_rows": "本期间没有任何记录。",
    "cut": "此处仅显示 {rows} 行中的 {shown} 行;完整内容请见 XLSX 或 CSV 格式。",
    "few": "<5:该数据或可由其差额推算出的数据涉及的车主不足五人,故不显示。",
    "fuel.petrol_92": "92# 汽油", "fuel.petrol_95": "95# 汽油", "fuel.petrol_98": "98# 汽油", "fuel.e5": "E5 汽油",
    "fuel.e10": "E10 汽油", "fuel.e85": "E85 汽油", "fuel.diesel_b0": "0# 柴油", "fuel.diesel_b7": "B7 柴油",
    "fuel.premium_petrol": "高级汽油", "fuel.premium_diesel": "高级柴油", "fuel.lpg": "液化石油气",
    "fuel.cng": "压缩天然气", "fuel.adblue": "车用尿素", "fuel.hydrogen": "氢气",
    "method.wechat": "微信支付", "method.alipay": "支付宝", "method.fuel_card": "加油卡",
    "method.none": "全额优惠", "method.other": "其他",
    "discount.campaign": "活动", "discount.card_discount": "加油卡优惠", "discount.coupon": "优惠券",
    "discount.points": "积分", "price_kind.own": "自身价格", "price_kind.relative": "相对周边价格",
    "driver_group.new": "新车主", "driver_group.returning": "回头车主",
}  # fmt: skip
WORDS: Mapping[str, Words] = {"en": _ENGLISH, "zh": _CHINESE}


def named(words: Words, kind: str, value: str) -> str:
    """A word of the events for people; one that is not known here is shown as it is."""
    return words.get(f"{kind}.{value}", value)
