"""Keeps the price rules: the ones a new platform begins with, and every next version."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from pricing.domain.rule_book import RuleVersion, in_force
from pricing.domain.rules import Rule
from pricing.repository import rules as repository
from pricing.repository.rules import RULES, StoredVersion
from servicekit.postgres import Connection
from servicekit.problems import Problem

SEEDS = Path(__file__).parents[1] / "price_rules.json"
SEEDED_BY = "forecourt"


class _Seed(msgspec.Struct, forbid_unknown_fields=True):
    valid_from: datetime
    rules: msgspec.Raw


def seeds() -> list[RuleVersion]:
    """The rules that a new platform begins with, each region's as its version 1."""
    regions = msgspec.json.decode(SEEDS.read_bytes(), type=dict[str, _Seed])
    return [
        RuleVersion(region, 1, seed.valid_from, RULES.validate_json(bytes(seed.rules)))
        for region, seed in regions.items()
    ]


async def seed_rules(tx: Connection) -> None:
    """Stores the first rules of regions that never had any; whatever replicas start at once, it happens once."""
    if {seed.region for seed in seeds()} <= await repository.regions_with_rules(tx):
        return
    now = await repository.lock_rules(tx)
    known = await repository.regions_with_rules(tx)
    new = [StoredVersion(seed, SEEDED_BY, now) for seed in seeds() if seed.region not in known]
    await repository.add_versions(tx, new)


def etag(versions: Sequence[StoredVersion], now: datetime) -> str:
    """Names a state of a region's rules: which version is the newest, and which holds."""
    holding = in_force((one.rules for one in versions), now)
    newest = max((one.rules.version for one in versions), default=0)
    return f'"{newest}.{holding.version if holding else 0}"'


async def replace_rules(
    tx: Connection, region: str, rules: Sequence[Rule], valid_from: datetime | None, if_match: str | None, made_by: str
) -> StoredVersion:
    """Makes the next version of a region's rules, valid from now or later; the version that holds then.

    The same rules again make no version. Raises Problem 412 and 428 where the caller does not know what it replaces,
    422 where the version would begin in the past.
    """
    now = await repository.lock_rules(tx)
    versions = await repository.versions_of(tx, region)
    start = _start(valid_from, now)
    holding = in_force((one.rules for one in versions), start)
    if holding and list(holding.rules) == list(rules):
        return next(one for one in versions if one.rules is holding)
    _require_match(if_match, etag(versions, now))
    version = max((one.rules.version for one in versions), default=0) + 1
    made = StoredVersion(RuleVersion(region, version, start, rules), made_by, now)
    await repository.add_versions(tx, [made])
    return made


def _start(valid_from: datetime | None, now: datetime) -> datetime:
    if valid_from is not None and valid_from < now:
        raise Problem(
            422, "rules-in-the-past", "Rules cannot change for a time that has begun: what was decided stays. "
            "Leave `valid_from` out for now, or give a later time.",
        )  # fmt: skip
    return valid_from or now


def _require_match(if_match: str | None, current: str) -> None:
    """The caller must name the state that it has seen, so that two who edit at once do not undo each other's work."""
    if if_match is None:
        raise Problem(
            428, "if-match-required", "Send If-Match with the ETag of GET /v1/price-rules/{region}: it says that you "
            "have seen the rules you replace.", headers={"ETag": current},
        )  # fmt: skip
    given = {tag.strip().removeprefix("W/") for tag in if_match.split(",")}
    if not given & {current, "*"}:
        raise Problem(
            412, "rules-changed-meanwhile", "Somebody changed these rules after you read them: GET them again, and "
            "send your change with the new ETag.", headers={"ETag": current},
        )  # fmt: skip
