"""Who may give which role where, and take it away; no I/O.

The table is short on purpose. Since an owner must own an operator to take anybody's ownership of it away, and nobody
changes their own roles, no operator ever loses its last owner.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from identity.domain.people import StaffRole
from servicekit.access import RULES, STATION_ROLES, Permission, Role, permissions_of

MANAGES: dict[Role, frozenset[Role]] = {
    Role.OWNER: frozenset({Role.OWNER, Role.MANAGER, Role.FINANCE, Role.ATTENDANT}),
    Role.MANAGER: frozenset({Role.ATTENDANT}),
}
"""What each role gives and takes away, within what it is bound to itself. Platform roles: operators' commands only."""

MAX_BINDINGS_BYTES = 5_000
"""Of all roles of a person as JSON; they stand in a token twice, which a verifier reads up to 16,384 characters of."""
MAX_OPERATOR_CHARACTERS = 64


class StaffError(Exception):
    """Roles that nobody can hold; the text says why and what to do."""


class OutsideRights(Exception):
    """A role, an operator or a station that the giver may not give; the text says which."""


@dataclass(frozen=True, slots=True)
class Manager:
    """Somebody who manages staff and clients: their roles, and the operators of the stations that are in question."""

    roles: tuple[StaffRole, ...]
    operator_of: Mapping[UUID, str]
    """Of every station in question that is known."""

    def may_give(self, given: StaffRole) -> bool:
        """Whether all of it is theirs to give and to take away."""
        return self.part_of(given) == given

    def part_of(self, given: StaffRole) -> StaffRole | None:
        """The part of a role that is theirs to give and to take away; None for nothing of it."""
        reach = self.reach(role for role, managed in MANAGES.items() if given.role in managed)
        return self._part_within(given, reach)

    @property
    def visible_reach(self) -> "Bindings":
        """Where they see who is staff."""
        return self.reach(RULES[Permission.STAFF_READ].roles)

    def visible_part(self, held: StaffRole) -> StaffRole | None:
        """The part of a role that they see; None for nothing of it."""
        return self._part_within(held, self.visible_reach)

    def reach(self, roles: Iterable[Role]) -> "Bindings":
        """What the roles among these are bound to, together."""
        wanted = frozenset(roles)
        held = [one for one in self.roles if one.role in wanted]
        return Bindings(
            frozenset(operator for one in held for operator in one.operators),
            frozenset(station for one in held for station in one.stations),
        )

    @property
    def client_reach(self) -> "Bindings":
        """Where they see and manage machine clients."""
        return self.reach(RULES[Permission.CLIENTS_READ].roles)

    def may_make_client(self, scopes: Sequence[str], operators: Sequence[str], stations: Sequence[UUID]) -> bool:
        """Whether a machine client with these scopes and bindings has nothing that its maker does not have."""
        for scope in scopes:
            holders = [role for role in STATION_ROLES if _may_pass_on(role, scope)]
            reach = self.reach(holders)
            if not self._reaches_all(reach, operators, stations):
                return False
        return bool(operators or stations)

    def sees_client(self, operators: Sequence[str], stations: Sequence[UUID]) -> bool:
        """Whether a machine client with these bindings is theirs to see and to manage."""
        return bool(operators or stations) and self._reaches_all(self.client_reach, operators, stations)

    def _reaches_all(self, reach: "Bindings", operators: Sequence[str], stations: Sequence[UUID]) -> bool:
        return set(operators) <= reach.operators and all(self._reaches(reach, one) for one in stations)

    def _part_within(self, role: StaffRole, reach: "Bindings") -> StaffRole | None:
        operators = tuple(one for one in role.operators if one in reach.operators)
        stations = tuple(one for one in role.stations if self._reaches(reach, one))
        return StaffRole(role.role, operators, stations) if operators or stations else None

    def _reaches(self, reach: "Bindings", station: UUID) -> bool:
        return station in reach.stations or self.operator_of.get(station) in reach.operators


@dataclass(frozen=True, slots=True)
class Bindings:
    """Operators and stations."""

    operators: frozenset[str]
    stations: frozenset[UUID]


def _may_pass_on(role: Role, scope: str) -> bool:
    """Machines alone report prices, so whoever manages clients makes them; all else its maker must hold."""
    held = permissions_of([role])
    return Permission.CLIENTS_MANAGE in held and (scope == Permission.PRICES_WRITE or scope in held)


def changed(before: Sequence[StaffRole], wanted: Sequence[StaffRole], manager: Manager) -> tuple[StaffRole, ...]:
    """A person's roles when the manager sets what is theirs to set; what is not stays as it is.

    Raises OutsideRights for a wanted role that is not the manager's to give, and StaffError.
    """
    for one in wanted:
        require_may_give(manager, one)
    kept = [rest for one in before if (rest := _without(one, manager.part_of(one)))]
    return merged([*kept, *wanted])


def require_may_give(manager: Manager, given: StaffRole) -> None:
    """Raises OutsideRights unless all of the role is the manager's to give."""
    if not manager.may_give(given):
        raise OutsideRights(f"you cannot make anybody {given.role} there: it takes a role of yours, at each place")


def merged(roles: Iterable[StaffRole]) -> tuple[StaffRole, ...]:
    """The roles, each once with all its bindings, sorted. Raises StaffError where one lacks them or has too many."""
    by_role: dict[Role, list[StaffRole]] = {}
    for one in roles:
        by_role.setdefault(one.role, []).append(one)
    together = tuple(_union(role, by_role[role]) for role in sorted(by_role))
    _require_bindings(together)
    return together


def _union(role: Role, parts: Sequence[StaffRole]) -> StaffRole:
    operators = sorted({operator for one in parts for operator in one.operators})
    stations = sorted({station for one in parts for station in one.stations})
    return StaffRole(role, tuple(operators), tuple(stations))


def _require_bindings(roles: Sequence[StaffRole]) -> None:
    for one in roles:
        if one.role is Role.DRIVER:
            raise StaffError("driver is no role of staff: people become drivers by signing in")
        if (one.role in STATION_ROLES) != bool(one.operators or one.stations):
            bound = "bind it to an operator or a station" if one.role in STATION_ROLES else "it is bound to nothing"
            raise StaffError(f"{one.role}: {bound}")
        if not all(0 < len(operator) <= MAX_OPERATOR_CHARACTERS for operator in one.operators):
            raise StaffError(f"an operator's name has 1 to {MAX_OPERATOR_CHARACTERS} characters")
    bindings = [[*one.operators, *map(str, one.stations)] for one in roles]
    if len(json.dumps(bindings, ensure_ascii=False).encode()) > MAX_BINDINGS_BYTES:
        raise StaffError("operators and stations together do not fit into a token: bind by operators instead")


def _without(role: StaffRole, part: StaffRole | None) -> StaffRole | None:
    """What is left of a role without a part of it; None for nothing, and a platform role whole."""
    if part is None:
        return role
    operators = tuple(one for one in role.operators if one not in part.operators)
    stations = tuple(one for one in role.stations if one not in part.stations)
    return StaffRole(role.role, operators, stations) if operators or stations else None
