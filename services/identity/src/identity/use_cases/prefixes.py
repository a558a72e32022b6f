"""Prefixes of phone numbers: judged by the codes that come back, blocked where somebody seems to earn by the others."""

import logging
from datetime import UTC, datetime

from identity.domain.otp import PrefixRate, UnknownPrefix
from identity.repository import otp as repository
from identity.use_cases import audit
from identity.use_cases.context import Identity
from servicekit.postgres import Connection
from servicekit.telemetry import SMS_PREFIXES_BLOCKED

log = logging.getLogger(__name__)

BATCH = 2_000


async def judge_prefixes(identity: Identity) -> None:
    """Judges the prefixes of codes whose time is over, and deletes these."""
    rule, now = identity.settings.otp.pumping_rule, datetime.now(UTC)

    async def work(tx: Connection) -> list[str]:
        blocked = []
        for rate in await repository.take_ended(tx, BATCH):
            judged = rate.judged(rule, now)
            await repository.save_rate(tx, judged)
            if judged.blocked_until != rate.blocked_until:
                blocked.append(rate.prefix)
        return blocked

    for prefix in await identity.store.transact(work):
        SMS_PREFIXES_BLOCKED.inc()
        log.error("prefix blocked: few of its codes come back, so somebody may earn by them", extra={"prefix": prefix})


async def list_prefixes(identity: Identity) -> list[PrefixRate]:
    """The prefixes that codes were sent to lately, the blocked ones first."""
    async with identity.store.connection() as connection:
        return await repository.list_rates(connection)


async def unblock_prefix(identity: Identity, prefix: str) -> None:
    """Sends codes to a prefix again, and counts it anew. Raises UnknownPrefix where it is not blocked."""

    async def work(tx: Connection) -> None:
        if not await repository.unblock(tx, prefix):
            raise UnknownPrefix(f"{prefix} is not blocked: list-prefixes shows all")
        await audit.append(identity, tx, "operator", "prefix-unblocked", prefix)

    await identity.store.transact(work)
