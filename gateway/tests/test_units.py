"""The gateway's rules without I/O."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.boxes import Box
from gateway.breaker import Breaker, State
from gateway.history import History
from gateway.limiter import Limiter, caller_of_address
from gateway.routes import ROUTES
from gateway.routing import RateClass, RouteTable
from gateway.settings import Rate
from gateway.sse import COPIED_FIELDS, Push, decode_position, encode_position, price_frame
from schemas.events import PriceChangedV1
from servicekit.problems import Problem

TABLE = RouteTable(ROUTES)
ID = "01930b5e-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("method", "path", "pattern"),
    [
        ("GET", "/v1/stations/nearby", "/v1/stations/nearby"),
        ("GET", f"/v1/stations/{ID}", "/v1/stations/{station_id}"),
        ("PUT", f"/v1/stations/{ID}/pumps/3", "/v1/stations/{station_id}/pumps/{pump_id}"),
        ("GET", "/v1/price-reports", "/v1/price-reports"),
        ("POST", "/v1/price-reports", "/v1/price-reports"),
        ("GET", "/v1/prices/stream", "/v1/prices/stream"),
    ],
)
def test_route_is_found(method: str, path: str, pattern: str) -> None:
    route = TABLE.match(method, path)
    assert (route.method, route.path) == (method, pattern)


@pytest.mark.parametrize(
    "path", ["", "/", "/v1/stations/", f"/v1/stations/{ID}/", "/v1/stations/../x", "/v1/stations/a/b/c", "/V1/prices"]
)
def test_other_paths_are_not_found(path: str) -> None:
    with pytest.raises(Problem) as caught:
        TABLE.match("GET", path)
    assert caught.value.status == 404


def test_wrong_method_says_which_are_right() -> None:
    with pytest.raises(Problem) as caught:
        TABLE.match("DELETE", "/v1/price-reports")
    assert (caught.value.status, caught.value.headers) == (405, {"Allow": "GET, POST"})


FAILURES, OPEN_SECONDS = 3, 10.0


class BreakerMachine(RuleBasedStateMachine):
    """Calls that overlap and end in any order and way."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(FAILURES, OPEN_SECONDS)
        self.now = 0.0
        self.running: list[tuple[int, State]] = []
        self.failures_in_a_row = 0

    @rule(seconds=st.floats(0, 15))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def enter(self) -> None:
        was_open = self.breaker.state is State.OPEN
        due = self.breaker.seconds_until_probe(self.now) == 0
        ticket = self.breaker.enter(self.now)
        if was_open:
            assert (ticket is not None) is due
        if ticket is not None:
            self.running.append((ticket, self.breaker.state))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from(["succeed", "fail", "abandon"]))
    def end(self, data: st.DataObject, outcome: str) -> None:
        ticket, _ = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        before = self.breaker.state
        if outcome == "succeed":
            self.breaker.succeed(ticket)
        elif outcome == "fail":
            self.breaker.fail(ticket, self.now)
        else:
            self.breaker.abandon(ticket)
        after = self.breaker.state
        if before is State.OPEN:
            assert after is State.OPEN, "only time opens the way again"
        if (before, after) == (State.HALF_OPEN, State.CLOSED):
            assert outcome == "succeed"
        if after is State.OPEN and before is not State.OPEN:
            assert outcome == "fail"
            assert self.breaker.enter(self.now) is None

    @invariant()
    def at_most_one_probe(self) -> None:
        if self.breaker.state is State.HALF_OPEN:
            probes = [ticket for ticket, state in self.running if state is State.HALF_OPEN]
            current = [ticket for ticket in probes if ticket == max(probes)]
            assert len(current) <= 1


TestBreaker = BreakerMachine.TestCase


def test_breaker_opens_after_failures_in_a_row_and_a_probe_closes_it() -> None:
    breaker = Breaker(2, 10.0)
    for _ in range(3):
        ticket = breaker.enter(0.0)
        assert ticket is not None
        breaker.fail(ticket, 0.0)
        breaker.succeed(ticket)
    for _ in range(2):
        ticket = breaker.enter(1.0)
        assert ticket is not None
        breaker.fail(ticket, 1.0)
    assert breaker.enter(10.9) is None
    probe = breaker.enter(11.0)
    assert probe is not None
    assert breaker.enter(11.0) is None
    breaker.succeed(probe)
    assert breaker.state is State.CLOSED


def test_abandoned_probe_lets_the_next_one_in() -> None:
    breaker = Breaker(1, 1.0)
    ticket = breaker.enter(0.0)
    assert ticket is not None
    breaker.fail(ticket, 0.0)
    probe = breaker.enter(1.0)
    assert probe is not None
    breaker.abandon(probe)
    assert breaker.enter(1.0) is not None


@given(st.integers(1, 20), st.floats(0.1, 100), st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_limiter_never_grants_more_than_burst_and_rate(burst: int, per_second: float, gaps: list[float]) -> None:
    limiter = Limiter({RateClass.READS: Rate(per_second=per_second, burst=burst)}, 10)
    now, granted = 0.0, 0
    for gap in gaps:
        now += gap
        granted += limiter.take(RateClass.READS, "a", now) == 0
        assert granted <= burst + now * per_second + 1e-6


@given(st.integers(1, 20), st.floats(0.1, 100))
def test_limiter_grants_the_burst_at_once_and_says_when_the_next_is_due(burst: int, per_second: float) -> None:
    limiter = Limiter({RateClass.READS: Rate(per_second=per_second, burst=burst)}, 10)
    assert not any(limiter.take(RateClass.READS, "a", 0.0) for _ in range(burst))
    wait = limiter.take(RateClass.READS, "a", 0.0)
    assert wait == pytest.approx(1 / per_second)
    assert limiter.take(RateClass.READS, "b", 0.0) == 0
    assert limiter.take(RateClass.READS, "a", wait * 1.001) == 0


def test_limiter_forgets_the_longest_idle() -> None:
    limiter = Limiter({RateClass.READS: Rate(per_second=0.001, burst=1)}, 2)
    for caller in ("a", "b", "c"):
        assert limiter.take(RateClass.READS, caller, 0.0) == 0
    assert len(limiter) == 2
    assert limiter.take(RateClass.READS, "c", 0.0) > 0


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_caller_of_an_address(address: str, caller: str) -> None:
    assert caller_of_address(address) == caller


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("13.0,52.3,13.8,52.7", (52.5, 13.4), (52.5, 13.9)),
        ("170,-10,-170,10", (0.0, 179.0), (0.0, 0.0)),
        ("170,-10,-170,10", (0.0, -179.0), (11.0, 180.0)),
        ("1,1,1,1", (1.0, 1.0), (1.0, 1.1)),
    ],
)
def test_box(text: str, inside: tuple[float, float], outside: tuple[float, float]) -> None:
    box = Box.parse(text)
    assert box.contains(*inside)
    assert not box.contains(*outside)


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "a,1,2,3", "nan,1,2,3", "1,3,2,2", "-181,0,0,1", "0,0,1,91"]
)
def test_bad_box(text: str) -> None:
    with pytest.raises(Problem, match="minLon,minLat,maxLon,maxLat"):
        Box.parse(text)


@given(st.lists(st.integers(0, 10**17), min_size=1, max_size=50).map(tuple))
def test_position_survives_the_wire(position: tuple[int, ...]) -> None:
    assert decode_position(encode_position(position)) == position


@pytest.mark.parametrize("text", ["", ".", "1.", "-1", "1.x", "\u0661", "9" * 19])
def test_foreign_position(text: str) -> None:
    assert decode_position(text) is None


def test_event_copies_what_the_contract_has() -> None:
    assert set(COPIED_FIELDS) <= set(PriceChangedV1.model_fields)


def test_event_on_the_wire() -> None:
    value = {
        "station_id": ID, "fuel": "e5", "version": 7, "price_mills": 1789, "previous_price_mills": None,
        "currency": "EUR", "report_id": "secret", "effective_at": "2026-01-01T00:00:00.000000Z",
        "submitted_at": "2026-01-01T00:00:01.000000Z", "received_at": "2026-01-01T00:00:02.000000Z", "later": 1,
    }  # fmt: skip
    fuel, frame = price_frame(Push(0, 2, ID, msgspec.json.encode(value), 1_767_225_603_000, (3, 0, 12)))
    assert fuel == "e5"
    identifier, name, data, *rest = frame.decode().split("\n")
    assert (identifier, name, rest) == ("id: 3.0.12", "event: price", ["", ""])
    published = {"published_at": "2026-01-01T00:00:03.000000Z"}
    assert (
        msgspec.json.decode(data.removeprefix("data: "))
        == {name: value[name] for name in value if name not in {"report_id", "later"}} | published
    )


PARTITIONS = 3
orders = st.lists(st.integers(0, PARTITIONS - 1), max_size=60)


def filled(order: list[int], capacity: int) -> History:
    """A history that read the partitions' records in this order."""
    history = History(capacity)
    history.restart([0] * PARTITIONS)
    for partition in order:
        offset = history.position[partition]
        history.advance(partition, offset)
        history.add(Push(partition, offset, ID, b"", 0, history.position))
    return history


@given(orders, st.randoms(use_true_random=False), st.integers(0, 60))
def test_no_push_is_lost_between_replicas(order: list[int], random, seen: int) -> None:
    """A reader of one replica goes on at another one that read the same records in another order."""
    before, other = filled(order[:seen], 100), order.copy()
    random.shuffle(other)
    pushes = filled(other, 100).since(before.position)
    assert pushes is not None
    received = {(push.partition, push.offset) for push in pushes}
    for partition in range(PARTITIONS):
        end = order.count(partition)
        assert {(partition, offset) for offset in range(before.position[partition], end)} <= received


@given(orders, st.randoms(use_true_random=False), st.data())
def test_position_of_a_repeated_push_loses_nothing(order: list[int], random, data: st.DataObject) -> None:
    """Breaking off in the middle of what is repeated and coming back with that push's position."""
    history = filled(order, 100)
    start = tuple(data.draw(st.integers(0, end)) for end in history.position)
    pushes = history.since(start)
    assert pushes is not None
    if not pushes:
        return
    cut = data.draw(st.integers(1, len(pushes)))
    again = history.since(pushes[cut - 1].position)
    assert again is not None
    both = {(push.partition, push.offset) for push in pushes[:cut] + again}
    assert {(push.partition, push.offset) for push in pushes} <= both


def test_history_that_is_too_short_says_so() -> None:
    history = filled([0, 1, 0, 0], capacity=2)
    assert [(push.partition, push.offset) for push in history.since((1, 1, 0)) or ()] == [(0, 1), (0, 2)]
    assert history.since((0, 1, 0)) is None
    assert history.since((1, 0, 0)) is None
    assert history.since((4, 1, 0)) is None
    assert history.since((3, 1)) is None
    assert history.since((3, 1, 0)) == []
