"""Invitations: who may come by one, once, and whose reward is due when."""

import asyncio
from datetime import timedelta
from typing import Any

from loyalty.domain.misuse import Verdict
from loyalty.use_cases.members import take_registered
from servicekit.ids import new_id

from .conftest import Loyalty
from .member_kit import (
    NOW,
    come,
    desk,
    drivers,
    due,
    erase,
    friends,
    fuel,
    invite,
    merge,
    registered,
)
from .purchase_kit import paid, refunded, take


def slug(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1].get("reason") or answer[1].get("type", "").split(":")[-1]


async def status(loyalty: Loyalty, inviter: str) -> list[str]:
    return [one["stage"] for one in await friends(loyalty, inviter)]


async def test_a_code_is_the_same_as_long_as_it_is_good(loyalty: Loyalty) -> None:
    (inviter,) = drivers(1)
    codes = await asyncio.gather(*(invite(loyalty, inviter) for _ in range(4)))
    assert len(set(codes)) == 1
    shown = (await loyalty.client.get("/v1/me/invitation", headers=loyalty.driver(inviter))).json()
    assert (shown["code"], shown["came"], shown["friends"]) == (codes[0], 0, [])
    stored = await loyalty.rows("SELECT code FROM invitations")
    assert codes[0].encode() not in stored[0]["code"]
    await loyalty.sql("UPDATE invitations SET expires_at = now()")
    assert (await loyalty.client.get("/v1/me/invitation", headers=loyalty.driver(inviter))).json()["code"] is None
    assert await invite(loyalty, inviter) != codes[0]


async def test_several_friends_come_by_one_code_each_once(loyalty: Loyalty) -> None:
    inviter, *some = drivers(4)
    code = await invite(loyalty, inviter)
    for friend in some:
        status_code, answer = await come(loyalty, friend, code.lower().replace("-", " "))
        assert status_code == 201
        assert await come(loyalty, friend, code) == (201, answer)
    assert await status(loyalty, inviter) == ["registered"] * 3
    shown = await friends(loyalty, inviter)
    assert not any(friend in str(shown) for friend in some)
    other = await invite(loyalty, str(new_id()))
    assert slug(await come(loyalty, some[0], other)) == (409, "invited-already")


async def test_security_27_of_many_codes_given_at_once_one_counts(loyalty: Loyalty) -> None:
    friend, *inviters = drivers(6)
    codes = [await invite(loyalty, one, f"device-{one}") for one in inviters]
    answers = await asyncio.gather(*(come(loyalty, friend, code) for code in codes * 2))
    assert {slug(one) for one in answers} == {(201, ""), (409, "invited-already")}
    assert await loyalty.sql("SELECT count(*) FROM referrals") == 1


async def test_nobody_comes_by_an_own_invitation_nor_by_that_of_who_came_by_it(loyalty: Loyalty) -> None:
    inviter, friend = drivers(2)
    code, back = await invite(loyalty, inviter), await invite(loyalty, friend, "device-of-friend")
    assert slug(await come(loyalty, inviter, code)) == (409, "own_invitation")
    assert (await come(loyalty, friend, code))[0] == 201
    assert slug(await come(loyalty, inviter, back)) == (409, "own_invitation")


async def test_it_is_for_new_drivers(loyalty: Loyalty) -> None:
    inviter, old, busy = drivers(3)
    code = await invite(loyalty, inviter)
    events = [registered(old, NOW - timedelta(days=31)), registered(busy, NOW)]
    await loyalty.store.transact(lambda tx: take_registered(tx, events))
    await fuel(loyalty, busy, 10)
    for driver in (old, busy):
        assert slug(await come(loyalty, driver, code)) == (409, "not_new")


async def test_so_many_may_come_by_one_invitation(loyalty: Loyalty) -> None:
    inviter, *some = drivers(4)
    code = await invite(loyalty, inviter)
    loyalty.process.settings = loyalty.process.settings.model_copy(update={"invitation_most_friends": 2})
    answers = [await come(loyalty, friend, code) for friend in some]
    assert [slug(one) for one in answers] == [(201, ""), (201, ""), (409, "used_up")]


async def test_a_wrong_code_is_refused_in_one_way_and_not_for_ever(loyalty: Loyalty) -> None:
    inviter, friend, guesser = drivers(3)
    code = await invite(loyalty, inviter)
    for _ in range(10):
        assert slug(await come(loyalty, guesser, "K7QM-2XHD-9TRA")) == (422, "code-refused")
    assert slug(await come(loyalty, guesser, code)) == (429, "too-many-tries")
    await erase(loyalty, inviter)
    assert slug(await come(loyalty, friend, code)) == (422, "code-refused")


async def test_a_reward_is_due_for_the_first_paid_order_at_each_operator(loyalty: Loyalty) -> None:
    inviter, friend, stranger = drivers(3)
    await come(loyalty, friend, await invite(loyalty, inviter))
    later = NOW + timedelta(hours=1)
    first = await fuel(loyalty, friend, 10, later)
    second = await fuel(loyalty, friend, 10, later + timedelta(hours=2))
    elsewhere = await fuel(loyalty, friend, 10, later + timedelta(hours=4), operator="another")
    foreign = await fuel(loyalty, stranger, 10, later)
    for order_id, expected in ((first, True), (second, False), (elsewhere, True), (foreign, False)):
        found = await due(loyalty, order_id)
        assert (found == (friend, inviter, Verdict.CLEAR)) is expected, order_id
    assert await due(loyalty, first) == await due(loyalty, first)
    assert await loyalty.sql("SELECT count(*) FROM misuse_flags") == 0


async def test_an_order_that_was_refunded_whole_is_no_first_one(loyalty: Loyalty) -> None:
    inviter, friend = drivers(2)
    await come(loyalty, friend, await invite(loyalty, inviter))
    order = paid(friend, occurred_at=NOW + timedelta(hours=1))
    await take(loyalty, [order])
    second = await fuel(loyalty, friend, 10, NOW + timedelta(hours=2))
    await take(loyalty, [refunded(order, 9_999)])
    assert await due(loyalty, second) is None
    await take(loyalty, [refunded(order, 10_000)])
    assert await due(loyalty, order.order_id) is None
    assert (await due(loyalty, second)) is not None


async def test_what_was_paid_before_the_code_was_given_counts_for_nobody(loyalty: Loyalty) -> None:
    """The event of an older order may come after the code was given."""
    inviter, friend = drivers(2)
    await come(loyalty, friend, await invite(loyalty, inviter))
    old = await fuel(loyalty, friend, 10, NOW - timedelta(hours=3))
    first_since = await fuel(loyalty, friend, 10, NOW + timedelta(hours=3))
    assert (await due(loyalty, old), await due(loyalty, first_since)) == (None, None)


async def test_who_came_by_whom_goes_with_an_erased_person(loyalty: Loyalty) -> None:
    inviter, friend, other = drivers(3)
    code = await invite(loyalty, inviter)
    await come(loyalty, friend, code)
    await come(loyalty, other, code)
    data = (await desk(loyalty).account_of(inviter))["data"]["invitations"]
    assert (data[0]["code"], len(data[0]["friends"])) == (code, 2)
    order = await fuel(loyalty, other, 10, NOW + timedelta(hours=1))
    await erase(loyalty, friend)
    assert len(await friends(loyalty, inviter)) == 2, "that one came counts; who it was is known no more"
    assert await loyalty.sql("SELECT count(*) FROM referrals WHERE friend_id = $1", friend) == 0
    await erase(loyalty, inviter)
    assert await due(loyalty, order) is None
    left = [await loyalty.sql(f"SELECT count(*) FROM {name}") for name in ("invitations", "referrals")]  # noqa: S608 -- own names
    assert left == [0, 0]
    assert await loyalty.sql("SELECT count(*) FROM devices WHERE driver_id = ANY($1)", [inviter, friend]) == 0


async def test_who_came_by_whom_goes_to_the_persons_other_account(loyalty: Loyalty) -> None:
    inviter, friend, again, account = drivers(4)
    code = await invite(loyalty, inviter)
    await come(loyalty, friend, code)
    await come(loyalty, again, code)
    order = await fuel(loyalty, friend, 10, NOW + timedelta(hours=1))
    await merge(loyalty, inviter, account)
    assert len(await friends(loyalty, account)) == 2
    found = await due(loyalty, order)
    assert found is not None
    assert found.inviter_id == account
    assert slug(await come(loyalty, str(new_id()), code)) == (422, "code-refused")
    await merge(loyalty, again, friend)
    assert len(await friends(loyalty, account)) == 1
    await merge(loyalty, friend, account)
    assert await loyalty.sql("SELECT count(*) FROM referrals") == 0
    await merge(loyalty, friend, account)
