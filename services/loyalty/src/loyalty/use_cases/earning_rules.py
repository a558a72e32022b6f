"""What operators' staff say of earning: whole lists, each a version that is never changed."""

from collections.abc import Sequence
from uuid import UUID

from loyalty.domain.earning import ScopedRule, TooMuch, require_sane
from loyalty.repository import earning as repository
from loyalty.repository.earning import RuleSet
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.earning import AHEAD, CHANNEL
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def newest(tx: Connection, principal: Principal, operator: str) -> RuleSet | None:
    """An operator's list as it was set last; None where it never was. Raises Problem 404."""
    _require_own(principal, operator)
    return await repository.newest(tx, operator)


async def replace(
    loyalty: Loyalty, tx: Connection, principal: Principal, operator: str, version: int, rules: Sequence[ScopedRule]
) -> RuleSet:
    """The list that holds instead of the version that the caller has seen (0: there was none), from a moment ahead.

    The version that was seen decides: of two who change it at once one is refused. Raises Problem 404, 409, 422.
    """
    _require_own(principal, operator)
    _require_sane(rules, loyalty.settings.points_per_minor)
    await _require_own_stations(tx, operator, rules)
    known = await repository.newest(tx, operator)
    if version != (known.version if known else 0):
        raise _changed()
    added = await repository.add(tx, operator, version + 1, rules, principal.subject, ahead=AHEAD)
    if added is None:
        raise _changed()
    await repository.notify(tx, CHANNEL)
    return added


def _require_own(principal: Principal, operator: str) -> None:
    """A list is about all of an operator's stations, so being bound to some of them is not enough."""
    if operator not in principal.bindings(Permission.CAMPAIGNS_WRITE)[0]:
        raise Problem(404, "no-such-operator", "There is no such operator among those that your token is bound to.")


def _require_sane(rules: Sequence[ScopedRule], points_per_minor: dict[str, int]) -> None:
    for index, rule in enumerate(rules):
        try:
            require_sane(rule, points_per_minor)
        except TooMuch as error:
            raise _bad(f"/rules/{index}", f"{str(error).capitalize()}.") from error


async def _require_own_stations(tx: Connection, operator: str, rules: Sequence[ScopedRule]) -> None:
    named = {UUID(one) for rule in rules for one in rule.station_ids or ()}
    unknown = named - await repository.stations_among(tx, operator, list(named))
    if unknown:
        raise _bad("/rules", f"These are no stations of {operator}: {', '.join(sorted(map(str, unknown)))[:200]}.")


def _bad(pointer: str, detail: str) -> Problem:
    return Problem(422, "bad-rules", detail, errors=[{"pointer": pointer, "in": "body", "detail": detail}])


def _changed() -> Problem:
    detail = "Somebody else has set these rules meanwhile; look at them again and send yours with their version."
    return Problem(409, "rules-changed", detail)
