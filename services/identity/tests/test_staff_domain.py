"""Who may give which role where: the rules, on any roles whatever."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant
from hypothesis.stateful import rule as step
from joserfc.jwk import ECKey

from identity.domain.oauth import TokenFrame, person_claims
from identity.domain.people import Rights, StaffRole
from identity.domain.sessions import Session
from identity.domain.staff import (
    MANAGES,
    MAX_BINDINGS_BYTES,
    Manager,
    OutsideRights,
    StaffError,
    changed,
    merged,
    require_may_give,
)
from identity.tokens import sign
from servicekit.access import MACHINE_SCOPES, STATION_ROLES, Permission, Role
from servicekit.auth import MAX_TOKEN_CHARACTERS
from servicekit.ids import new_id

OPERATORS = ("aral", "shell")
STATIONS = {UUID(int=number): OPERATORS[number % 2] for number in range(4)}
UNKNOWN = UUID(int=99)
NOW = datetime(2026, 5, 1, tzinfo=UTC)

places = st.tuples(
    st.sets(st.sampled_from(OPERATORS)).map(sorted).map(tuple),
    st.sets(st.sampled_from([*STATIONS, UNKNOWN])).map(sorted).map(tuple),
).filter(any)
station_roles = st.builds(lambda role, at: StaffRole(role, *at), st.sampled_from(sorted(STATION_ROLES)), places)
platform_roles = st.sampled_from([Role.ADMIN, Role.ANALYST, Role.AGENT]).map(StaffRole)
any_roles = st.lists(st.one_of(station_roles, platform_roles), max_size=4).map(merged)


def role(name: str, *operators: str, stations: tuple[UUID, ...] = ()) -> StaffRole:
    return StaffRole(Role(name), operators, stations)


def manager(*roles: StaffRole) -> Manager:
    return Manager(roles, STATIONS)


def holdings(roles: tuple[StaffRole, ...]) -> set[tuple[Role, str | UUID]]:
    """Every (role, place) there is in the roles; a platform role holds everywhere."""
    return {(one.role, place) for one in roles for place in (*one.operators, *one.stations, *_everywhere(one))}


def _everywhere(one: StaffRole) -> tuple[str, ...]:
    return () if one.operators or one.stations else ("*",)


@pytest.mark.parametrize(
    ("giver", "given", "may"),
    [
        (role("owner", "aral"), role("owner", "aral"), True),
        (role("owner", "aral"), role("finance", "aral"), True),
        (role("owner", "aral"), role("manager", "aral", stations=(UUID(int=0),)), True),
        (role("owner", "aral"), role("manager", "shell"), False),
        (role("owner", "aral"), role("attendant", stations=(UUID(int=1),)), False),
        (role("owner", "aral"), role("attendant", stations=(UNKNOWN,)), False),
        (role("manager", "aral"), role("attendant", "aral"), True),
        (role("manager", "aral"), role("manager", "aral"), False),
        (role("manager", "aral"), role("finance", "aral"), False),
        (role("manager", stations=(UUID(int=0),)), role("attendant", stations=(UUID(int=0),)), True),
        (role("manager", stations=(UUID(int=0),)), role("attendant", stations=(UUID(int=2),)), False),
        (role("manager", stations=(UUID(int=0),)), role("attendant", "aral"), False),
        (role("attendant", "aral"), role("attendant", "aral"), False),
        (role("finance", "aral"), role("attendant", "aral"), False),
        (StaffRole(Role.ADMIN), role("attendant", "aral"), False),
        (role("owner", "aral"), StaffRole(Role.ADMIN), False),
        (StaffRole(Role.ADMIN), StaffRole(Role.ADMIN), False),
    ],
)
def test_who_may_give_what(giver: StaffRole, given: StaffRole, may: bool) -> None:
    assert manager(giver).may_give(given) is may


@given(any_roles, any_roles, any_roles)
def test_a_change_touches_nothing_but_what_the_manager_manages(
    mine: tuple[StaffRole, ...], before: tuple[StaffRole, ...], wanted: tuple[StaffRole, ...]
) -> None:
    me = manager(*mine)
    try:
        after = changed(before, wanted, me)
    except OutsideRights:
        assert not all(me.may_give(one) for one in wanted)
        return
    differs = holdings(before) ^ holdings(after)
    assert all(me.may_give(_single(*one)) for one in differs)
    assert holdings(wanted) <= holdings(after)


def _single(name: Role, place: str | UUID) -> StaffRole:
    if place == "*":
        return StaffRole(name)
    return StaffRole(name, (place,), ()) if isinstance(place, str) else StaffRole(name, (), (place,))


@given(any_roles, station_roles)
def test_nobody_gives_more_than_they_reach(mine: tuple[StaffRole, ...], given_role: StaffRole) -> None:
    if manager(*mine).may_give(given_role):
        givers = [one for one in mine if given_role.role in MANAGES.get(one.role, ())]
        mine_operators = {operator for one in givers for operator in one.operators}
        mine_stations = {station for one in givers for station in one.stations}
        assert set(given_role.operators) <= mine_operators
        assert all(one in mine_stations or STATIONS.get(one) in mine_operators for one in given_role.stations)
    else:
        with pytest.raises(OutsideRights):
            require_may_give(manager(*mine), given_role)


@given(any_roles, st.lists(st.sampled_from(MACHINE_SCOPES), min_size=1), places)
def test_a_client_can_do_no_more_than_its_maker_but_report_prices(
    mine: tuple[StaffRole, ...], scopes: list[str], at: tuple[tuple[str, ...], tuple[UUID, ...]]
) -> None:
    if not manager(*mine).may_make_client(scopes, *at):
        return
    heads = [one for one in mine if one.role in (Role.OWNER, Role.MANAGER)]
    operators = {operator for one in heads for operator in one.operators}
    assert set(at[0]) <= operators
    assert all(one in {s for head in heads for s in head.stations} or STATIONS.get(one) in operators for one in at[1])
    assert Permission.PRICE_RULES_WRITE not in scopes
    assert manager(*mine).sees_client(*at)


def test_a_client_for_nowhere_is_nobodys() -> None:
    owner = manager(role("owner", "aral"))
    assert not owner.may_make_client(["prices:write"], (), ())
    assert not owner.sees_client((), ())
    assert owner.may_make_client(["prices:write", "pumps:write"], ("aral",), (UUID(int=0),))
    assert not owner.may_make_client(["price-rules:write"], ("aral",), ())


@pytest.mark.parametrize(
    "impossible",
    [
        [role("owner")],
        [role("admin", "aral")],
        [StaffRole(Role.DRIVER)],
        [role("owner", "o" * 65)],
        [role("owner", "")],
        [StaffRole(Role.MANAGER, (), tuple(UUID(int=number) for number in range(MAX_BINDINGS_BYTES // 38)))],
    ],
)
def test_roles_that_nobody_can_hold(impossible: list[StaffRole]) -> None:
    with pytest.raises(StaffError):
        merged(impossible)


@given(st.lists(station_roles, max_size=6))
def test_merging_loses_nothing_and_is_the_same_again(roles: list[StaffRole]) -> None:
    once = merged(roles)
    assert holdings(once) == holdings(tuple(roles))
    assert merged(once) == once
    assert len({one.role for one in once}) == len(once)


@pytest.mark.parametrize("name", ["o", "油", '"'])
def test_the_most_that_a_person_can_hold_fits_into_a_token_that_verifiers_read(name: str) -> None:
    held: tuple[StaffRole, ...] = tuple(StaffRole(one) for one in (Role.ADMIN, Role.AGENT, Role.ANALYST))
    try:
        for number in range(1_000):
            place = role(sorted(STATION_ROLES)[number % 4], f"{number:03}{name * 20}", stations=(UUID(int=number),))
            held = merged([*held, place])
    except StaffError:
        pass
    rights = Rights(new_id(), 1, True, held)
    session = Session(
        new_id(), rights.user_id, "c" * 64, "App", (), ("pwd", "otp", "mfa"), NOW, NOW, NOW, NOW, 1, "",
    )  # fmt: skip
    frame = TokenFrame("https://" + "i" * 200, "forecourt", 1, 600, new_id())
    claims = person_claims(session, rights, [one.value for one in Permission], frame)
    assert len(json.dumps(claims, ensure_ascii=False).encode()) > 9_000
    key = ECKey.generate_key("P-256", {"kid": str(new_id())})
    assert len(sign(claims, str(new_id()), key)) <= MAX_TOKEN_CHARACTERS


class Company(RuleBasedStateMachine):
    """Four people who change each other's roles as the API lets them; there is always an owner of each operator."""

    def __init__(self) -> None:
        super().__init__()
        self.roles: list[tuple[StaffRole, ...]] = [(role("owner", *OPERATORS),), (), (), ()]

    @step(actor=st.integers(0, 3), other=st.integers(0, 3), wanted=any_roles)
    def change(self, actor: int, other: int, wanted: tuple[StaffRole, ...]) -> None:
        self._try(actor, other, lambda me, before: changed(before, wanted, me))

    @step(actor=st.integers(0, 3), other=st.integers(0, 3))
    def remove(self, actor: int, other: int) -> None:
        self._try(actor, other, lambda me, before: changed(before, (), me))

    @step(actor=st.integers(0, 3), other=st.integers(0, 3), given=station_roles)
    def invite(self, actor: int, other: int, given: StaffRole) -> None:
        def work(me: Manager, before: tuple[StaffRole, ...]) -> tuple[StaffRole, ...]:
            require_may_give(me, given)
            return merged([*before, given])

        self._try(actor, other, work)

    def _try(
        self, actor: int, other: int, work: Callable[[Manager, tuple[StaffRole, ...]], tuple[StaffRole, ...]]
    ) -> None:
        if actor == other:
            return  # nobody changes their own roles
        try:
            self.roles[other] = work(manager(*self.roles[actor]), self.roles[other])
        except OutsideRights:
            return

    @invariant()
    def every_operator_has_an_owner(self) -> None:
        owned = {
            operator for held in self.roles for one in held if one.role is Role.OWNER for operator in one.operators
        }
        assert owned == set(OPERATORS)

    @invariant()
    def nobody_became_more_than_an_owner(self) -> None:
        assert all(one.role in STATION_ROLES for held in self.roles for one in held)


TestCompany = Company.TestCase
