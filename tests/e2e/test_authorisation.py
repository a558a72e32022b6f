"""The security matrix: every operation of the merged OpenAPI document, asked by everybody, about their own and others'.

What is expected comes from the one table of permissions (`servicekit.access`), which the document repeats.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import aiohttp
import pytest

from servicekit.access import MACHINE, Reach, Role

from .operations import Answer, Api, Key, Operation
from .people import People
from .schemas import ClosedSchemas
from .world import OTHER, OURS, Caller, World

PUBLIC = {
    ("post", "/v1/oauth/token"), ("post", "/v1/oauth/revoke"), ("get", "/v1/oauth/authorize"),
    ("post", "/v1/oauth/authorize"), ("post", "/v1/otp-requests"), ("post", "/v1/staff-invitations/accept"),
    ("post", "/v1/staff-invitations/confirm"),
    ("get", "/.well-known/jwks.json"), ("get", "/.well-known/oauth-authorization-server"),
    ("get", "/v1/stations/nearby"), ("get", "/v1/stations/along"), ("get", "/v1/stations/clusters"),
    ("get", "/v1/stations"), ("get", "/v1/stations/{station_id}"), ("get", "/v1/stations/{station_id}/reviews"),
    ("get", "/v1/stations/{station_id}/pumps"), ("get", "/v1/stations/{station_id}/navigation"),
    ("get", "/v1/prices"), ("get", "/v1/prices/stream"), ("get", "/v1/price-rules/{region}"),
    ("get", "/v1/stations/{station_id}/prices/history"), ("get", "/v1/stations/{station_id}/prices/position"),
    ("get", "/v1/campaigns"), ("get", "/v1/campaigns/{campaign_id}"),
    ("get", "/v1/prices/levels"), ("post", "/v1/webhooks/wechatpay/payments"),
    ("post", "/v1/webhooks/wechatpay/refunds"), ("post", "/v1/webhooks/alipay"),
    ("get", "/v1/gifts"), ("get", "/v1/reports/metrics"),
}  # fmt: skip
"""What anybody may do; a route that is added here was decided to be public."""

REFUSED = {403, 404}
Verdict = Callable[[Answer], bool]


def _own_thing(answer: Answer) -> bool:
    return answer.status in {200, 201, 204}


WHAT_OTHERS_GET: dict[Key, Verdict] = {
    ("post", "/v1/price-reports"): lambda one: [v["reason"] for v in one.document["verdicts"]] == ["not_your_station"],
    ("put", "/v1/me/favourites/{station_id}"): _own_thing,
    ("delete", "/v1/me/favourites/{station_id}"): _own_thing,
    ("post", "/v1/me/identities/{identity_id}/unlink"): lambda one: one.slug == "proof-refused",
    ("post", "/v1/orders"): _own_thing,
    ("post", "/v1/quotes"): _own_thing,
    ("post", "/v1/stations/{station_id}/reviews"): _own_thing,
    ("delete", "/v1/stations/{station_id}/reviews/mine"): _own_thing,
}
"""Where 403 or 404 is not the answer about somebody else's station: reports have a verdict each, and whose station it
is does not matter to a driver, whose favourite, review, order and quote are the driver's own. Which of the ways to
sign in is meant is looked at after the proof."""

NEEDS_A_PROOF: dict[Key, set[str]] = {
    ("post", "/v1/me/identities"): {"proof-refused", "staff-account"},
    ("post", "/v1/me/identities/{identity_id}/unlink"): {"proof-refused", "staff-account"},
    ("post", "/v1/me/merges"): {"proof-refused", "staff-account"},
    ("post", "/v1/me/password"): {"wrong-password"},
    ("put", "/v1/me/payers/{provider}"): {"code-refused"},
    ("delete", "/v1/me/payers/{provider}"): {"payer-missing"},
    ("get", "/v1/fuel-cards/{card_id}/recharges/{recharge_id}"): {"no-such-recharge"},
    ("get", "/v1/campaigns/{campaign_id}/simulation"): {"not-simulated"},
    ("get", "/v1/reports/overview/campaigns/{campaign_id}"): {"no-such-campaign"},  # it is planned, not published
    ("post", "/v1/exceptions/{exception_id}/resolve"): {"no-such-exception"},
    ("post", "/v1/exceptions/{exception_id}/approve"): {"no-such-exception"},
    ("post", "/v1/exceptions/{exception_id}/reject"): {"no-such-exception"},
    ("post", "/v1/exceptions/{exception_id}/undo"): {"no-such-exception"},
    ("get", "/v1/companies/{company_id}/recharges/{recharge_id}"): {"no-such-recharge"},
    ("post", "/v1/companies/claims"): {"card-refused", "too-many-tries"},
    ("delete", "/v1/companies/{company_id}/managers/{manager_id}"): {"no-such-manager"},
    ("post", "/v1/companies/{company_id}/cards/{card_id}/freeze"): {"no-such-card"},
    ("post", "/v1/companies/{company_id}/cards/{card_id}/unfreeze"): {"no-such-card"},
    ("put", "/v1/companies/{company_id}/cards/{card_id}/limits"): {"no-such-card"},
    ("delete", "/v1/companies/{company_id}/cards/{card_id}"): {"no-such-card"},
    ("post", "/v1/refunds/{refund_id}/approve"): {"no-such-refund"},
    ("post", "/v1/refunds/{refund_id}/reject"): {"no-such-refund"},
    ("post", "/v1/invoices"): {"no-such-title"},
    ("get", "/v1/invoices/{invoice_id}"): {"no-such-invoice"},
    ("get", "/v1/invoices/{invoice_id}/preview"): {"no-such-invoice"},
    ("get", "/v1/ledger/accounts/{account_id}"): {"no-such-account"},
    ("post", "/v1/referrals"): {"code-refused", "too-many-tries"},
    ("post", "/v1/reward-flags/{flag_id}/clear"): {"no-such-flag"},
    ("post", "/v1/reward-flags/{flag_id}/confirm"): {"no-such-flag"},
    ("post", "/v1/report-schedules/{schedule_id}/confirm"): {"code-refused", "code-expired"},
    ("post", "/v1/gift-orders"): {"no-such-gift"},
    **{
        (method, f"/v1/gift-orders/{{gift_order_id}}{step}"): {"no-such-gift-order"}
        for method, step in (
            ("get", ""), ("post", "/code"), ("post", "/cancel"), ("post", "/ready"), ("post", "/ship"),
            ("post", "/deliver"), ("post", "/return"),
        )
    },
    ("post", "/v1/gift-hand-overs"): {"code-refused", "too-many-tries"},
    ("post", "/v1/coupon-codes"): {"code-refused", "too-many-tries"},
    ("post", "/v1/coupons/{code}/redeem"): {"code-refused", "too-many-tries"},
    ("post", "/v1/campaigns/{campaign_id}/claims"): {"no-such-campaign"},
    **{
        (method, f"/v1/me/coupons/{{coupon_id}}{step}"): {"no-such-coupon"}
        for method, step in (("get", ""), ("post", "/code"), ("post", "/transfer"), ("delete", "/transfer"))
    },
}  # fmt: skip
"""What needs more than a token: a code of somebody's phone, or the old password, which no example has. What they answer
to one that is not good is all that can be asked here; identity's own tests prove the rest."""

OF_THE_ASKER = {("get", "/v1/me/favourites"), ("get", "/v1/price-reports"), ("get", "/v1/orders")}
"""Lists of what somebody said of stations, or ordered there, whosever they are."""
CLOSE = ("post", "/v1/stations/{station_id}/closures")
"""After it nothing may be done with the station."""
SET_PUMP = "/v1/stations/{station_id}/pumps/{pump_id}"
ENDS_THE_CALLER = (("delete", "/v1/me"), ("delete", "/v1/me/sessions/{session_id}"))
"""After it the token is not good any more: drivers come anew for each, staff do them last and in this order."""
ORDER = ("put", "post", "patch", "get", "delete")
"""Things are made before they are looked at."""
AT_ONCE = 8


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Iterator[Callable[[], None]]:
    """Counts a cell; the summary says how many there were."""
    cells: list[None] = []
    yield lambda: cells.append(None)
    record_property("cells", len(cells))


Count = Callable[[], None]


async def none_wrong(work: Iterable[Awaitable[str | None]]) -> None:
    """Asks all, a few at a time; fails with all that was wrong."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(question: Awaitable[str | None]) -> str | None:
        async with slots:
            return await question

    wrong = [answer for answer in await asyncio.gather(*map(one, work)) if answer]
    assert not wrong, "\n".join(wrong)


def may(caller: Caller, operation: Operation) -> bool:
    return caller.role in operation.holders


async def test_only_what_was_decided_to_be_public_is(api: Api):
    protected = {operation.key for operation in api.protected()}
    assert len(protected) > 40
    assert api.operations.keys() - protected == PUBLIC


async def test_security_23_what_is_public_asks_nobody_for_a_token_and_shows_what_is_described(
    api: Api, world: World, count: Count
):
    """A token that is not good does not matter either, where none is asked for."""
    closed = ClosedSchemas(api.document)

    async def ask(operation: Operation, authorization: str | None) -> str | None:
        count()
        answer = await api.ask(operation, authorization, world.around(OURS), timeout=aiohttp.ClientTimeout(sock_read=5))
        wrong = answer.slug in {"unauthorised", "missing-scope", "step-up-required"} or answer.status >= 500
        told = [f"{answer.status} {answer.text}"] if wrong else list(closed.violations(operation, answer))
        return f"{operation.key} {authorization}: {told}" if told else None

    questions = (
        ask(api.operations[key], authorization)
        for key in PUBLIC - {("get", "/v1/prices/stream")}
        for authorization in (None, "Bearer nonsense")
        if not (authorization and key[1].startswith("/v1/oauth/"))  # there it is the client's own proof
    )
    await none_wrong(questions)


async def test_security_21_no_token_or_a_bad_one_is_401_everywhere(api: Api, world: World, count: Count):
    async def ask(operation: Operation, side: str, authorization: str | None) -> str | None:
        count()
        answer = await api.ask(operation, authorization, world.objects(operation, side))
        fine = (answer.status, answer.slug) == (401, "unauthorised")
        return None if fine else f"{operation.key} {authorization}: {answer.status} {answer.text}"

    bad = (None, "Bearer nonsense", "Basic eDp5", "Bearer " + "a." * 5_000)
    questions = (ask(operation, side, one) for operation in api.protected() for side in OTHER for one in bad)
    await none_wrong(questions)


async def test_security_21_every_role_without_the_permission_is_denied_everywhere(api: Api, world: World, count: Count):
    async def ask(operation: Operation, caller: Caller, side: str) -> str | None:
        count()
        answer = await api.ask(operation, caller.authorization, world.objects(operation, side))
        fine = (answer.status, answer.slug) == (403, "missing-scope")
        return None if fine else f"{operation.key} by {caller.name}, {side}: {answer.status} {answer.text}"

    questions = (
        ask(operation, caller, side)
        for operation in api.protected()
        for caller in world.callers
        for side in OTHER
        if not may(caller, operation)
    )
    await none_wrong(questions)


async def test_security_10_a_sign_in_of_an_hour_ago_does_nothing_that_needs_a_fresh_one(
    api: Api, world: World, people: People, count: Count
):
    fresh = [operation for operation in api.protected() if operation.needs_fresh_sign_in]
    callers = [one for one in world.callers if one.role != MACHINE and any(may(one, operation) for operation in fresh)]
    stale = {caller.name: await people.stale(caller.session) for caller in callers}
    assert len(callers) > len(Role)

    async def ask(operation: Operation, caller: Caller) -> str | None:
        count()
        objects = world.objects(operation, caller.side)
        answer = await api.ask(operation, stale[caller.name].authorization, objects)
        fine = (answer.status, answer.slug) == (401, "step-up-required")
        return None if fine else f"{operation.key} by {caller.name}: {answer.status} {answer.text}"

    questions = (ask(operation, caller) for operation in fresh for caller in callers if may(caller, operation))
    await none_wrong(questions)


async def test_security_20_what_is_somebody_elses_cannot_be_touched(api: Api, world: World, count: Count):
    """Whoever holds the permission asks about objects of the other side; afterwards all of them are as they were."""
    before = {caller.name: await belongings(api, world, caller) for caller in world.callers}

    async def ask(operation: Operation, caller: Caller) -> str | None:
        count()
        answer = await api.ask(operation, caller.authorization, world.objects(operation, OTHER[caller.side]))
        is_right = WHAT_OTHERS_GET.get(operation.key, lambda one: one.status in REFUSED)
        return None if is_right(answer) else f"{operation.key} by {caller.name}: {answer.status} {answer.text}"

    questions = (
        ask(operation, caller)
        for operation in api.protected()
        for caller in world.callers
        if may(caller, operation) and operation.reach != Reach.PLATFORM and world.is_about_sides(operation)
    )
    await none_wrong(questions)
    assert {caller.name: await belongings(api, world, caller) for caller in world.callers} == before


async def belongings(api: Api, world: World, caller: Caller) -> dict[Key, Any]:
    """Ids of all that the caller's lists show, but for what the questions themselves leave there: what is said of
    somebody else's station in one's own name."""
    lists = [
        operation
        for operation in api.protected()
        if operation.key[0] == "get" and not operation.names and may(caller, operation)
    ]
    answers = {one.key: await api.ask(one, caller.authorization, world.around(caller.side)) for one in lists}
    return {key: sorted(ids_in(answer.document)) for key, answer in answers.items() if key not in OF_THE_ASKER}


def ids_in(node: Any) -> set[str]:
    """Everything in a document that is called an id."""
    if isinstance(node, list):
        return {one for part in node for one in ids_in(part)}
    if not isinstance(node, dict):
        return set()
    own = {str(value) for name, value in node.items() if name.endswith("_id")}
    return own | {one for part in node.values() for one in ids_in(part)}


async def test_security_20_whoever_is_bound_to_one_station_acts_for_that_one_only(
    api: Api, world: World, people: People
):
    """A manager and a machine of one station, at another one of the same operator."""
    mine = world.sides[OURS]["station_id"]
    register, pump = (api.operations[key] for key in (("post", "/v1/stations"), ("put", SET_PUMP)))
    answer = await api.ask(register, world.of(MACHINE).authorization, world.around(OURS))
    other = answer.document["station_id"]
    bound = [
        await people.machine("one-station", stations=[mine]),
        await people.staff("one-station", [Role.MANAGER], stations=[mine]),
    ]
    for session in bound:
        answers = [await api.ask(pump, session.authorization, {"station_id": station}) for station in (mine, other)]
        assert [one.status for one in answers] == [200, 403]
        assert (await api.ask(register, session.authorization, world.around(OURS))).slug == "not-your-operator"


async def test_security_20_and_23_everybody_may_do_what_the_table_says_and_sees_nothing_else(
    api: Api, world: World, count: Count
):
    """So it was the stranger that was refused, and nothing else about the requests; and examples are good ones."""
    closed = ClosedSchemas(api.document)
    wrong: list[str] = []
    for operation in sorted(api.protected(), key=turn_of):
        for caller in [one for one in world.callers if may(one, operation)]:
            count()
            who = await anew(world, caller) if operation.key in ENDS_THE_CALLER else caller
            answer = await api.ask(operation, who.authorization, await world.fresh(operation, who))
            told = [*verdict(operation, answer), *closed.violations(operation, answer), *strange(world, who, answer)]
            wrong += [f"{operation.key} by {caller.name}: {one}" for one in told]
    assert not wrong, "\n".join(wrong)


def turn_of(operation: Operation) -> tuple[int, int, int]:
    key = operation.key
    end = ENDS_THE_CALLER.index(key) + 1 if key in ENDS_THE_CALLER else 0
    return end, int(key == CLOSE), ORDER.index(key[0])


async def anew(world: World, caller: Caller) -> Caller:
    """Another driver in the place of one whose account or session is about to end."""
    if caller.role != Role.DRIVER:
        return caller
    return Caller(caller.name, caller.role, caller.side, await world.people.driver("leaving"))


def verdict(operation: Operation, answer: Answer) -> list[str]:
    """What is wrong with the answer to somebody who may do this."""
    if answer.slug in NEEDS_A_PROOF.get(operation.key, set()):
        return []
    if answer.status >= 500 or answer.status in {400, 401, 422, *REFUSED}:
        return [f"{answer.status} {answer.text}"]
    return []


def strange(world: World, caller: Caller, answer: Answer) -> list[str]:
    """The other side's objects that an answer shows."""
    if answer.status >= 400 or answer.document is None:
        return []
    hidden = {str(world.lasting[name, side]) for name, side in world.lasting if side == OTHER[caller.side]}
    return [f"it shows {one}, which is not the caller's" for one in hidden & ids_in(answer.document)]
