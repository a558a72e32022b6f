"""A person's data as one archive; no I/O."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from io import BytesIO
from uuid import UUID

GIVE_UP_AFTER = timedelta(days=1)
KEPT_FOR = timedelta(days=7)
LEASE = timedelta(minutes=2)
"""How long one process may take to ask all services once; then another goes on."""
MAX_WAIT = timedelta(minutes=10)
MAX_ARCHIVE_BYTES = 20 * 1024 * 1024
"""Of what was collected, before it is packed."""


class ExportStatus(StrEnum):
    """Where an export stands."""

    COLLECTING = "collecting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Export:
    """A person's request for all that is known of it."""

    id: UUID
    user_id: UUID
    status: ExportStatus
    waits_for: tuple[str, ...]
    """Services that did not answer the last time they were asked."""
    attempts: int
    requested_at: datetime
    expires_at: datetime | None = None


def wait_after(attempts: int) -> timedelta:
    """How long to leave services alone that did not answer: twice as long each time, within MAX_WAIT."""
    return min(timedelta(seconds=2 ** min(attempts, 20)), MAX_WAIT)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a service's file in the archive holds, in both languages."""

    en: str
    zh: str


CONTENTS: dict[str, Contents] = {
    "identity": Contents(
        "your account: ways to sign in, settings, vehicles, consents, devices, roles as staff, and what was done to it",
        "您的账户: 登录方式、设置、车辆、授权记录、登录设备、员工角色以及账户操作记录",
    ),
    "loyalty": Contents(
        "your points with every entry, your tier, coupons, gift orders, invitations, and the purchases they follow",
        "您的积分及每笔明细、会员等级、优惠券、礼品订单、邀请记录以及相关的消费记录",
    ),
    "analytics": Contents(
        "your refuelling habits by month, and reports that are sent to you",
        "您每月的加油习惯,以及定期发送给您的报表",
    ),
    "payments": Contents(
        "your orders, payments, refunds, fuel cards, bills and invoices",
        "您的订单、支付、退款、油卡、账单和发票",
    ),
    "pricing": Contents("your price alerts", "您的油价提醒"),
    "stations": Contents("your favourite stations with your notes, and your reviews", "您收藏的加油站及备注、您的评价"),
}
"""One line for each service that has data of people; a test compares it with the services that there are."""


def archive(parts: Mapping[str, str], made_at: datetime) -> bytes:
    """A ZIP file: what each service knows as JSON, and what is what in English and Chinese; `made_at` is in UTC."""
    files = {"README.en.txt": _english(parts, made_at), "README.zh.txt": _chinese(parts, made_at)}
    files |= {f"{service}.json": text for service, text in sorted(parts.items())}
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(zipfile.ZipInfo(name, made_at.timetuple()[:6]), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _english(parts: Mapping[str, str], made_at: datetime) -> str:
    lines = "\n".join(f"{service}.json: {CONTENTS[service].en}" for service in sorted(parts))
    return f"""All that Forecourt knows of you, as of {made_at:%Y-%m-%d %H:%M} UTC.

{lines}

The files are JSON in UTF-8: any text editor opens them. Times are UTC. Amounts of fuel are in millilitres, prices in
thousandths of the currency's unit per litre. Your password and the secrets of your devices are not in here: we keep
them in a form that cannot be read back. Whoever has this archive has your data: keep it safe, or delete it.
"""


def _chinese(parts: Mapping[str, str], made_at: datetime) -> str:
    lines = "\n".join(f"{service}.json: {CONTENTS[service].zh}" for service in sorted(parts))
    return f"""Forecourt 所掌握的您的全部数据, 截至 {made_at:%Y-%m-%d %H:%M} (UTC)。

{lines}

文件为 UTF-8 编码的 JSON, 任何文本编辑器均可打开。时间为 UTC。油量以毫升计, 价格以每升货币单位的千分之一计。
您的密码和设备密钥不在其中: 我们保存的形式无法还原。持有此压缩包者即可查看您的数据, 请妥善保管或删除。
"""
