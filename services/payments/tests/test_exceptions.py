"""Exceptions: raised once, decided once, each action does what its table says, and large ones need two people."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from payments.domain.attempts import AttemptStatus
from payments.domain.exceptions import ACTIONS, Action, Kind
from payments.domain.ledger import Account, AccountKind
from payments.domain.order_words import Mode, Status
from payments.domain.orders import Order
from payments.repository import ledger
from payments.use_cases.deciding import resolve_gone
from payments.use_cases.exception_actions import EFFECTS
from payments.use_cases.exceptions import raise_exception
from servicekit.ids import new_id

from .conftest import Payments
from .station_kit import charged, deposited, dispensed_order, paid_and_booked, paid_order, refunded

HEAD = ("orders:write", "refunds:write")
LARGE = 60_000
"""Above the limit of one person."""


async def raised(
    payments: Payments, kind: Kind, order: Order | None = None, *, station_id: UUID | None = None, **details: Any
) -> UUID:
    key = f"{kind}|{new_id()}"
    await payments.store.transact(
        lambda tx: raise_exception(
            tx, kind, order=order, station_id=station_id, operator=order.operator if order else None, key=key,
            details=details,
        )
    )  # fmt: skip
    return await payments.sql("SELECT exception_id FROM exceptions WHERE key = $1", key)


async def decide(
    payments: Payments, exception_id: UUID, action: str, who: dict[str, str] | None = None, key: str = "", **body: Any
) -> httpx.Response:
    headers = (who or payments.staff(*HEAD)) | {"Idempotency-Key": key or str(new_id())}
    document = {"action": action, "reason": "other"} | body
    return await payments.client.post(f"/v1/exceptions/{exception_id}/resolve", json=document, headers=headers)


async def say(payments: Payments, exception_id: UUID, word: str, who: dict[str, str]) -> httpx.Response:
    return await payments.client.post(f"/v1/exceptions/{exception_id}/{word}", headers=who)


def approver(payments: Payments) -> dict[str, str]:
    return payments.staff("refunds:approve", role="finance")


async def order_now(payments: Payments, order: Order) -> dict[str, Any]:
    (row,) = await payments.rows("SELECT * FROM orders WHERE order_id = $1", order.order_id)
    return row


async def test_an_exception_is_raised_once(payments: Payments) -> None:
    station_id = new_id()
    for seen in ("first", "again"):
        await payments.store.transact(
            lambda tx, seen=seen: raise_exception(
                tx, Kind.MISMATCH, station_id=station_id, operator="o", key="mismatch|1", details={"seen": seen}
            )
        )
    (row,) = await payments.rows("SELECT * FROM exceptions")
    assert (row["kind"], row["station_id"], row["status"]) == ("mismatch", station_id, "open")
    assert row["details"] == '{"seen": "first"}'
    assert await payments.sql("SELECT count(*) FROM exception_steps") == 1


@dataclass
class Scene:
    """An exception, and the order that it is about."""

    payments: Payments
    order: Order
    exception_id: UUID

    async def sees(self, **columns: Any) -> bool:
        row = await order_now(self.payments, self.order)
        return {name: row[name] for name in columns} == columns

    async def refund(self) -> dict[str, Any]:
        (row,) = await self.payments.rows("SELECT * FROM refunds")
        return row

    async def balance(self, account: Account) -> int:
        async with self.payments.store.connection() as connection:
            return (await ledger.balance(connection, account)).posted_minor


async def prepaid(payments: Payments) -> Scene:
    order = await paid_order(
        payments, await payments.station(), mode=Mode.PREPAID, dispensed_at=None, volume_ml=None, gross_minor=23_550
    )
    await deposited(payments, order)
    return Scene(payments, order, await raised(payments, Kind.PAID_NOT_DISPENSED, order))


async def over_dispensed(payments: Payments) -> Scene:
    order = await paid_and_booked(payments, await payments.station())
    return Scene(payments, order, await raised(payments, Kind.OVER_DISPENSED, order, over_minor=100))


async def pump_says_less(payments: Payments) -> Scene:
    order = await paid_and_booked(payments, await payments.station())
    return Scene(payments, order, await raised(payments, Kind.MISMATCH, order, dispense_id="d", volume_ml=20_000))


async def pump_disagrees_before_paying(payments: Payments) -> Scene:
    order = await dispensed_order(payments, await payments.station())
    return Scene(payments, order, await raised(payments, Kind.MISMATCH, order, dispense_id="d", volume_ml=20_000))


async def provider_says_more(payments: Payments) -> Scene:
    order = await dispensed_order(payments, await payments.station(), status=Status.UNKNOWN)
    attempt_id = await charged(payments, order, 23_550, status=AttemptStatus.MISMATCH, paid_at=None)
    said = {"attempt_id": str(attempt_id), "paid_minor": 23_600, "paid_currency": "CNY"}
    return Scene(payments, order, await raised(payments, Kind.MISMATCH, order, **said))


async def unpaid(payments: Payments) -> Scene:
    order = await dispensed_order(payments, await payments.station())
    return Scene(payments, order, await raised(payments, Kind.TIMEOUT, order))


async def fuel_before_money(payments: Payments) -> Scene:
    scene = await prepaid(payments)
    details = {"dispense_id": "d", "volume_ml": 30_000}
    return Scene(payments, scene.order, await raised(payments, Kind.TIMEOUT, scene.order, **details))


async def silent_provider(payments: Payments) -> Scene:
    order = await dispensed_order(payments, await payments.station(), status=Status.UNKNOWN)
    attempt_id = await charged(payments, order, 23_550, status=AttemptStatus.UNKNOWN, paid_at=None)
    return Scene(payments, order, await raised(payments, Kind.UNKNOWN_PAYMENT, order, attempt_id=str(attempt_id)))


async def disputed(payments: Payments) -> Scene:
    now = datetime.now(UTC)
    order = await paid_and_booked(payments, await payments.station(), status=Status.DISPUTED, completed_at=now)
    return Scene(payments, order, await raised(payments, Kind.DISPUTED, order))


async def refund_failed(payments: Payments) -> Scene:
    order = await paid_and_booked(payments, await payments.station(), completed_at=datetime.now(UTC))
    refund_id = await refunded(payments, order, 50, failed=True)
    return Scene(payments, order, await raised(payments, Kind.REFUND_FAILED, order, refund_id=str(refund_id)))


async def books_differ(payments: Payments) -> Scene:
    order = await paid_and_booked(payments, await payments.station())
    return Scene(payments, order, await raised(payments, Kind.LEDGER_DIFFERENCE, order))


async def goes_back(scene: Scene, amount_minor: int) -> None:
    """It is asked for; what the provider answers to it is soon known, or nobody is there."""
    refund = await scene.refund()
    assert (refund["amount_minor"], refund["reason"]) == (amount_minor, "other")
    assert refund["status"] in {"pending", "failed"}


async def refunded_whole(scene: Scene) -> None:
    await goes_back(scene, 23_550)


async def refunded_part(scene: Scene) -> None:
    await goes_back(scene, 700)


async def refunded_difference(scene: Scene) -> None:
    await goes_back(scene, 23_550 - 15_700)


async def settled_with_the_pump(scene: Scene) -> None:
    assert await scene.sees(status="completed", volume_ml=30_000)
    assert await scene.balance(Account(AccountKind.STATION, str(scene.order.station_id), "CNY")) == 23_550


async def unchanged(scene: Scene) -> None:
    assert await scene.sees(status=scene.order.status, version=scene.order.version)
    assert await scene.payments.sql("SELECT count(*) FROM refunds WHERE status <> 'failed'") == 0


async def adjusted(scene: Scene) -> None:
    assert await scene.sees(status="adjusted", volume_ml=20_000, gross_minor=15_700)


async def payment_goes_back(scene: Scene) -> None:
    refund = await scene.refund()
    assert (refund["purpose"], refund["amount_minor"], refund["status"]) == ("late_payment", 23_600, "pending")
    assert await scene.sees(status="confirmed", paid_minor=0)
    assert await scene.balance(Account(AccountKind.SUSPENSE, "wechat", "CNY")) == 23_600


async def written_off(scene: Scene) -> None:
    assert await scene.sees(status="rejected", reason="written_off")


async def asked_again(scene: Scene) -> None:
    (attempt,) = await scene.payments.rows("SELECT * FROM attempts")
    assert attempt["next_look_at"] is not None or attempt["looks"] > 0


async def dispute_over(scene: Scene) -> None:
    assert await scene.sees(status="completed", refunded_minor=0)


async def tried_again(scene: Scene) -> None:
    await goes_back_again(scene)


async def goes_back_again(scene: Scene) -> None:
    refund = await scene.refund()
    assert refund["status"] == "pending"
    assert await scene.sees(status="refunding")


async def paid_in_cash(scene: Scene) -> None:
    refund = await scene.refund()
    assert (refund["status"], refund["method"]) == ("succeeded", "cash")
    assert await scene.sees(status="completed", refunded_minor=50)
    assert await scene.balance(Account(AccountKind.STATION, str(scene.order.station_id), "CNY")) == 23_550


Make = Callable[[Payments], Awaitable[Scene]]
Look = Callable[[Scene], Awaitable[None]]
CASES: list[tuple[Kind, Action, Make, dict[str, Any], Look]] = [
    (Kind.PAID_NOT_DISPENSED, Action.REFUND_WHOLE, prepaid, {}, refunded_whole),
    (Kind.PAID_NOT_DISPENSED, Action.MARK_DISPENSED, prepaid, {"volume_ml": 30_000}, settled_with_the_pump),
    (Kind.PAID_NOT_DISPENSED, Action.DISMISS, prepaid, {}, unchanged),
    (Kind.OVER_DISPENSED, Action.WAIVE, over_dispensed, {}, unchanged),
    (Kind.OVER_DISPENSED, Action.DISMISS, over_dispensed, {}, unchanged),
    (Kind.MISMATCH, Action.ACCEPT_STATION, pump_says_less, {}, unchanged),
    (Kind.MISMATCH, Action.ACCEPT_PUMP, pump_disagrees_before_paying, {}, adjusted),
    (Kind.MISMATCH, Action.REFUND_DIFFERENCE, pump_says_less, {}, refunded_difference),
    (Kind.MISMATCH, Action.ASK_NOW, provider_says_more, {}, asked_again),
    (Kind.MISMATCH, Action.REFUND_PAYMENT, provider_says_more, {}, payment_goes_back),
    (Kind.MISMATCH, Action.DISMISS, pump_says_less, {}, unchanged),
    (Kind.TIMEOUT, Action.WRITE_OFF, unpaid, {}, written_off),
    (Kind.TIMEOUT, Action.MARK_DISPENSED, fuel_before_money, {}, settled_with_the_pump),
    (Kind.TIMEOUT, Action.DISMISS, unpaid, {}, unchanged),
    (Kind.UNKNOWN_PAYMENT, Action.ASK_NOW, silent_provider, {}, asked_again),
    (Kind.UNKNOWN_PAYMENT, Action.DISMISS, silent_provider, {}, unchanged),
    (Kind.DISPUTED, Action.REFUND_WHOLE, disputed, {}, refunded_whole),
    (Kind.DISPUTED, Action.REFUND_AMOUNT, disputed, {"amount_minor": 700}, refunded_part),
    (Kind.DISPUTED, Action.DECLINE, disputed, {}, dispute_over),
    (Kind.REFUND_FAILED, Action.RETRY, refund_failed, {}, tried_again),
    (Kind.REFUND_FAILED, Action.PAID_OTHERWISE, refund_failed, {}, paid_in_cash),
    (Kind.REFUND_FAILED, Action.DISMISS, refund_failed, {}, unchanged),
    (Kind.LEDGER_DIFFERENCE, Action.DISMISS, books_differ, {}, unchanged),
]


def test_every_action_is_tried_and_has_an_effect() -> None:
    assert {(kind, action) for kind, action, *_ in CASES} == {
        (kind, action) for kind, actions in ACTIONS.items() for action in actions
    }
    assert set(EFFECTS) == set(Action)
    assert set(ACTIONS) == set(Kind)


@pytest.mark.parametrize(("kind", "action", "make", "says", "look"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
async def test_each_action_does_what_the_table_says(
    payments: Payments, kind: Kind, action: Action, make: Make, says: dict[str, Any], look: Look
) -> None:
    scene = await make(payments)
    head = payments.staff(*HEAD)
    answer = await decide(payments, scene.exception_id, action, head, **says)
    assert answer.status_code == 200, answer.text
    await look(scene)
    expected = "open" if not ACTIONS[kind][action].settles else "resolved"
    assert answer.json()["status"] == ("dismissed" if action is Action.DISMISS else expected)
    (step,) = await payments.rows("SELECT * FROM exception_steps WHERE step = $1", action)
    assert step["actor"] == answer.json()["decided_by"]
    assert step["at"] is not None


async def test_what_is_decided_twice_at_once_is_done_once(payments: Payments) -> None:
    scene = await disputed(payments)
    answers = await asyncio.gather(
        *(decide(payments, scene.exception_id, "refund_amount", amount_minor=700) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    await refunded_part(scene)


async def test_the_same_decision_sent_again_has_the_same_answer(payments: Payments) -> None:
    scene, head = await disputed(payments), payments.staff(*HEAD)
    answers = await asyncio.gather(
        *(decide(payments, scene.exception_id, "refund_amount", head, "one", amount_minor=700) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    await refunded_part(scene)


async def large_dispute(payments: Payments) -> Scene:
    order = await paid_and_booked(
        payments, await payments.station(), status=Status.DISPUTED, gross_minor=LARGE, paid_minor=LARGE
    )
    return Scene(payments, order, await raised(payments, Kind.DISPUTED, order))


async def test_security_38_a_large_decision_about_an_exception_needs_two_people(payments: Payments) -> None:
    scene, head = await large_dispute(payments), payments.staff(*HEAD, "refunds:approve", role="owner")
    answer = await decide(payments, scene.exception_id, "refund_whole", head, note="canary-note")
    assert answer.json()["status"] == "proposed"
    await unchanged(scene)
    alone = await say(payments, scene.exception_id, "approve", head)
    assert (alone.status_code, alone.json()["type"]) == (403, "urn:forecourt:problem:second-person-needed")
    second = approver(payments)
    agreed = await asyncio.gather(*(say(payments, scene.exception_id, "approve", second) for _ in range(3)))
    assert {one.status_code for one in agreed} == {200}
    assert agreed[0].json()["status"] == "resolved"
    assert agreed[0].json()["note"] == "canary-note"
    await goes_back(scene, LARGE)
    refund = await scene.refund()
    assert refund["approved_by"] == agreed[0].json()["approved_by"] != refund["requested_by"]


async def test_parts_of_a_large_refund_do_not_pass_by_the_limit(payments: Payments) -> None:
    scene = await large_dispute(payments)
    assert (await decide(payments, scene.exception_id, "refund_amount", amount_minor=49_000)).json()[
        "status"
    ] == "resolved"
    again = await raised(payments, Kind.DISPUTED, scene.order)
    assert (await decide(payments, again, "refund_amount", amount_minor=9_000)).json()["status"] == "proposed"


async def test_a_second_person_may_refuse(payments: Payments) -> None:
    scene = await large_dispute(payments)
    await decide(payments, scene.exception_id, "refund_whole")
    refused = await say(payments, scene.exception_id, "reject", approver(payments))
    assert (refused.status_code, refused.json()["status"], refused.json()["action"]) == (200, "open", None)
    await unchanged(scene)
    assert (await say(payments, scene.exception_id, "approve", approver(payments))).status_code == 409


async def test_a_large_debt_is_not_written_off_by_one_person(payments: Payments) -> None:
    order = await dispensed_order(payments, await payments.station(), gross_minor=LARGE)
    scene = Scene(payments, order, await raised(payments, Kind.TIMEOUT, order))
    assert (await decide(payments, scene.exception_id, "write_off")).json()["status"] == "proposed"
    await unchanged(scene)
    assert (await say(payments, scene.exception_id, "approve", approver(payments))).json()["status"] == "resolved"
    await written_off(scene)


async def test_a_dismissal_can_be_undone_for_a_while(payments: Payments) -> None:
    scene, head = await unpaid(payments), payments.staff(*HEAD)
    await decide(payments, scene.exception_id, "dismiss", head)
    assert (await say(payments, scene.exception_id, "undo", head)).json()["status"] == "open"
    await decide(payments, scene.exception_id, "dismiss", head)
    await payments.sql("UPDATE exceptions SET decided_at = decided_at - interval '11 minutes'")
    late = await say(payments, scene.exception_id, "undo", head)
    assert (late.status_code, late.json()["type"]) == (409, "urn:forecourt:problem:too-late")


@pytest.mark.parametrize(
    ("action", "says"),
    [("retry", {}), ("refund_amount", {}), ("refund_amount", {"amount_minor": 23_551})],
    ids=["foreign", "unsaid", "more"],
)
async def test_what_cannot_be_done_says_what_can(payments: Payments, action: str, says: dict[str, Any]) -> None:
    scene = await disputed(payments)
    answer = await decide(payments, scene.exception_id, action, **says)
    assert answer.status_code == 409, answer.text
    assert answer.json()["actions"] == ["refund_whole", "refund_amount", "decline"]
    await unchanged(scene)


async def test_exceptions_are_seen_by_those_who_work_there(payments: Payments) -> None:
    scene = await disputed(payments)
    mine, foreign = (
        payments.staff(*HEAD, grants=[{"role": "manager", "operators": [operator], "stations": []}])
        for operator in (scene.order.operator, "another")
    )
    listing = f"/v1/stations/{scene.order.station_id}/exceptions"
    (seen,) = (await payments.client.get(listing, headers=mine)).json()["exceptions"]
    assert seen["exception_id"] == str(scene.exception_id)
    assert [one["action"] for one in seen["actions"]] == ["refund_whole", "refund_amount", "decline"]
    assert (await payments.client.get(listing, headers=foreign)).status_code == 404
    assert (await decide(payments, scene.exception_id, "decline", foreign)).status_code == 404
    attendant = payments.staff("orders:write", role="attendant")
    assert (await decide(payments, scene.exception_id, "decline", attendant)).status_code == 403
    await decide(payments, scene.exception_id, "decline", mine)
    assert (await payments.client.get(listing, headers=mine)).json()["exceptions"] == []
    done = await payments.client.get(listing, params={"status": "resolved", "kind": "disputed"}, headers=mine)
    assert len(done.json()["exceptions"]) == 1


async def test_what_has_settled_itself_is_resolved(payments: Payments) -> None:
    scene = await unpaid(payments)
    await resolve_gone(payments.process)
    assert await payments.sql("SELECT status FROM exceptions") == "open"
    await payments.sql("UPDATE orders SET status = 'paid' WHERE order_id = $1", scene.order.order_id)
    await resolve_gone(payments.process)
    (row,) = await payments.rows("SELECT status, action, decided_by FROM exceptions")
    assert row == {"status": "resolved", "action": "gone", "decided_by": "payments"}
    (step,) = await payments.rows("SELECT before, after, actor FROM exception_steps WHERE step = 'gone'")
    assert step == {"before": "open", "after": "resolved", "actor": "payments"}
