"""Tries proposed price rules on past reports; changes nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime

from asyncpg import QueryCanceledError

from pricing.domain.dry_runs import DryRun
from pricing.domain.rule_book import RuleVersion
from pricing.domain.rules import Rule
from pricing.repository import dry_runs as repository
from pricing.repository.dry_runs import Window
from pricing.repository.rules import current_rule_book, versions_of
from servicekit.postgres import Connection
from servicekit.problems import Problem

MAX_REPORTS = 100_000
STATEMENT_SECONDS = 8
ALWAYS = datetime.min.replace(tzinfo=UTC)


async def try_rules(tx: Connection, asked: Window, rules: Sequence[Rule]) -> tuple[Window, DryRun]:
    """What the rules would have said, had they held all the time; the window is shorter where there is too much in it.

    Raises Problem 422 where the window takes too long to read.
    """
    try:
        await repository.limit_seconds(tx, STATEMENT_SECONDS)
        window = await repository.newest_within(tx, asked, MAX_REPORTS)
        newest = await versions_of(tx, window.region, limit=1)
        proposed = RuleVersion(window.region, newest[0].rules.version + 1 if newest else 1, ALWAYS, rules)
        book = (await current_rule_book(tx)).with_rules(proposed)
        dry_run = DryRun(book, await repository.prices_before(tx, window))
        async for past, stations in repository.past_reports(tx, window):
            dry_run.add(past, stations)
    except QueryCanceledError as error:
        raise Problem(422, "dry-run-too-large", "The reports took too long to read; give a shorter window.") from error
    return window, dry_run
