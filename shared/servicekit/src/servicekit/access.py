"""Who may do what: the one table of permissions, the roles that hold them, and what they reach. No I/O.

A permission is also the OAuth scope of that name. Every route names one by `servicekit.auth.Requires`, or says that it
is for anyone. The gateway checks that the token holds it; the service checks again, with the object.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is; staff roles hold at the operators and stations that they are bound to."""

    DRIVER = "driver"
    ATTENDANT = "attendant"
    MANAGER = "manager"
    OWNER = "owner"
    FINANCE = "finance"
    AGENT = "agent"
    ANALYST = "analyst"
    ADMIN = "admin"


MACHINE = "machine"
"""The column of machine clients: they have no role, only the scopes that they were made with."""

STATION_ROLES = frozenset({Role.ATTENDANT, Role.MANAGER, Role.OWNER, Role.FINANCE})
"""Roles that hold at operators or stations; the other staff roles hold for the whole platform."""


class Reach(StrEnum):
    """Which objects a permission is about: the rule that a service checks with the object in its hand."""

    OWN = "own"
    """The caller's own: what belongs to `Principal.subject`."""
    STATIONS = "stations"
    """Of stations that the caller is bound to, one by one or by their operator: `Principal.may_act_for`."""
    PLATFORM = "platform"
    """Of everybody."""


class Permission(StrEnum):
    """What a route may ask for."""

    ACCOUNT = "account"
    ACCOUNT_SECURE = "account:secure"
    DRIVER = "driver"
    PAY = "pay"
    CARDS_SECURE = "cards:secure"
    PRICES_WRITE = "prices:write"
    PUMPS_WRITE = "pumps:write"
    ORDERS_WRITE = "orders:write"
    REFUNDS_WRITE = "refunds:write"
    REFUNDS_APPROVE = "refunds:approve"
    FINANCE = "finance"
    CAMPAIGNS_WRITE = "campaigns:write"
    REWARDS_REDEEM = "rewards:redeem"
    REWARDS_REVIEW = "rewards:review"
    REPORTS_READ = "reports:read"
    REPORTS_SCHEDULE = "reports:schedule"
    STATIONS_WRITE = "stations:write"
    PRICE_CHANGES_WRITE = "price-changes:write"
    PRICE_CHANGES_APPROVE = "price-changes:approve"
    PRICE_RULES_WRITE = "price-rules:write"
    STAFF_READ = "staff:read"
    STAFF_MANAGE = "staff:manage"
    CLIENTS_READ = "clients:read"
    CLIENTS_MANAGE = "clients:manage"
    PERSONAL_DATA_READ = "personal-data:read"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: a permission, which objects it reaches, who holds it, and whether the sign-in must be fresh."""

    permission: Permission
    what: str
    reach: Reach
    roles: frozenset[Role]
    machines: bool = False
    """Whether a machine client may be made with it."""
    step_up: bool = False
    """Whether the person must have signed in within STEP_UP_SECONDS: it cannot be taken back, or gives rights away."""


STEP_UP_SECONDS = 300
_PEOPLE = frozenset(Role)
_DRIVER = frozenset({Role.DRIVER})
_CREW = frozenset({Role.ATTENDANT, Role.MANAGER, Role.OWNER})
_HEADS = frozenset({Role.MANAGER, Role.OWNER})
_MONEY = frozenset({Role.OWNER, Role.FINANCE})
_ADMIN = frozenset({Role.ADMIN})
_SUPPORT = frozenset({Role.AGENT, Role.ADMIN})
_NOBODY: frozenset[Role] = frozenset()

TABLE: tuple[Rule, ...] = (
    Rule(Permission.ACCOUNT, "profile, sessions, consents", Reach.OWN, _PEOPLE),
    Rule(Permission.ACCOUNT_SECURE, "sign-in ways, export, erasure", Reach.OWN, _PEOPLE, step_up=True),
    Rule(Permission.DRIVER, "vehicles, favourites, reviews, price alerts", Reach.OWN, _DRIVER),
    Rule(Permission.PAY, "orders, payments, cards, bills, points, coupons", Reach.OWN, _DRIVER),
    Rule(Permission.CARDS_SECURE, "bind, unbind, loosen fuel cards", Reach.OWN, _DRIVER, step_up=True),
    Rule(Permission.PRICES_WRITE, "report prices", Reach.STATIONS, _NOBODY, machines=True),
    Rule(Permission.PUMPS_WRITE, "set pumps and their states", Reach.STATIONS, _CREW, machines=True),
    Rule(Permission.ORDERS_WRITE, "confirm orders, report dispenses, shifts", Reach.STATIONS, _CREW, machines=True),
    Rule(Permission.REFUNDS_WRITE, "refund orders, decide exceptions", Reach.STATIONS, _HEADS),
    Rule(Permission.REFUNDS_APPROVE, "approve large refunds", Reach.STATIONS, _MONEY),
    Rule(Permission.FINANCE, "ledger, reconciliation", Reach.STATIONS, _MONEY),
    Rule(Permission.CAMPAIGNS_WRITE, "plan, publish, stop campaigns; coupons, gifts", Reach.STATIONS, _HEADS),
    Rule(Permission.REWARDS_REDEEM, "take coupons, hand over gifts", Reach.STATIONS, _CREW),
    Rule(Permission.REWARDS_REVIEW, "look into suspected misuse of rewards", Reach.PLATFORM, _SUPPORT),
    Rule(Permission.REPORTS_READ, "read reports", Reach.STATIONS, _HEADS, machines=True),
    Rule(Permission.REPORTS_SCHEDULE, "have reports sent by e-mail", Reach.STATIONS, _HEADS),
    Rule(Permission.STATIONS_WRITE, "register, edit and close stations", Reach.STATIONS, _HEADS, machines=True),
    Rule(Permission.PRICE_CHANGES_WRITE, "plan, cancel, roll back prices", Reach.STATIONS, _HEADS, machines=True),
    Rule(Permission.PRICE_CHANGES_APPROVE, "approve large price changes", Reach.STATIONS, _HEADS),
    Rule(Permission.PRICE_RULES_WRITE, "set a region's price rules", Reach.PLATFORM, _ADMIN, machines=True),
    Rule(Permission.STAFF_READ, "see staff", Reach.STATIONS, _HEADS),
    Rule(Permission.STAFF_MANAGE, "invite, change, remove staff", Reach.STATIONS, _HEADS, step_up=True),
    Rule(Permission.CLIENTS_READ, "see machine clients", Reach.STATIONS, _HEADS),
    Rule(Permission.CLIENTS_MANAGE, "make, rotate, revoke machine clients", Reach.STATIONS, _HEADS, step_up=True),
    Rule(Permission.PERSONAL_DATA_READ, "one service asks another for a person's data", Reach.PLATFORM, _NOBODY),
)

RULES = {rule.permission: rule for rule in TABLE}
MACHINE_SCOPES = tuple(rule.permission.value for rule in TABLE if rule.machines)
"""What a machine client may be made with."""
ANYONE = {"x-access": "anyone"}
"""`openapi_extra` of a route that asks for no permission, so that it is seen to be meant so."""


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """All that these roles hold together."""
    held = frozenset(roles)
    return frozenset(rule.permission for rule in TABLE if rule.roles & held)


def holders(permission: Permission) -> frozenset[str]:
    """The roles that hold a permission, and MACHINE where machine clients may."""
    rule = RULES[permission]
    return frozenset(rule.roles) | ({MACHINE} if rule.machines else frozenset())
