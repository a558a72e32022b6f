"""No verifier ever refuses a good token because keys rotate: rules of the schedule on a simulated clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from identity.domain.signing_keys import (
    JWKS_CACHE,
    MARGIN,
    KeySchedule,
    SigningKey,
    TooEarly,
    active_key,
    advance,
    next_key,
)
from servicekit.ids import new_id

START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEDULE = KeySchedule(token_life=timedelta(minutes=15), rotate_after=timedelta(hours=1))
WAIT = JWKS_CACHE + MARGIN


def make(published_at: datetime) -> SigningKey:
    return SigningKey(new_id(), {}, b"", published_at)


def states(keys: list[SigningKey]) -> list[str]:
    return sorted("next" if not k.activated_at else "active" if not k.retired_at else "retired" for k in keys)


def test_first_key_signs_at_once_and_next_one_is_published() -> None:
    assert states(advance([], SCHEDULE, START, make)) == ["active", "next"]


def test_next_key_waits_for_every_cache_to_hold_it() -> None:
    keys = advance([], SCHEDULE, START, make)
    with pytest.raises(TooEarly):
        advance(keys, SCHEDULE, START + WAIT - timedelta(seconds=1), make, rotate=True)
    rotated = advance(keys, SCHEDULE, START + WAIT, make, rotate=True)
    assert active_key(rotated) == next(k for k in rotated if k.kid == _kid(next_key(keys)))
    assert states(rotated) == ["active", "next", "retired"]


def test_active_key_rotates_by_itself_when_it_is_due() -> None:
    keys = advance([], SCHEDULE, START, make)
    assert advance(keys, SCHEDULE, START + timedelta(minutes=59), make) == keys
    assert _kid(active_key(advance(keys, SCHEDULE, START + timedelta(hours=1), make))) == _kid(next_key(keys))


def test_retired_key_goes_when_its_last_token_and_the_caches_have_run_out() -> None:
    keys = advance(advance([], SCHEDULE, START, make), SCHEDULE, START + WAIT, make, rotate=True)
    gone_at = START + WAIT + SCHEDULE.token_life + WAIT
    assert states(advance(keys, SCHEDULE, gone_at - timedelta(seconds=1), make)) == ["active", "next", "retired"]
    assert states(advance(keys, SCHEDULE, gone_at, make)) == ["active", "next"]


def _known(key: SigningKey | None) -> SigningKey:
    assert key is not None
    return key


def _kid(key: SigningKey | None) -> UUID:
    return _known(key).kid


@dataclass(frozen=True)
class Published:
    """What the JWKS held from `since` until the next one, and the key that signed."""

    since: datetime
    kids: frozenset[UUID]
    active: UUID


class Rotation(RuleBasedStateMachine):
    """Replicas rotate, also by command; at every step they sign with the active key, as it is and as it just was."""

    @initialize()
    def start(self) -> None:
        self.now = START
        self.keys: list[SigningKey] = []
        self.history: list[Published] = []
        self.expires_at: dict[UUID, datetime] = {}
        self._advance()

    @rule(seconds=st.one_of(st.integers(1, 420), st.integers(420, 4000), st.sampled_from([30, 240, 300, 359, 360])))
    def time_passes(self, seconds: int) -> None:
        """The background task looks at the keys every so often, here at the latest after a minute."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.now = min(until, self.now + timedelta(seconds=60))
            self._advance()

    @rule()
    def operator_rotates(self) -> None:
        try:
            self._advance(rotate=True)
        except TooEarly:
            assert self.now < SCHEDULE.may_sign_from(_known(next_key(self.keys)))

    def _advance(self, rotate: bool = False) -> None:
        self.keys = advance(self.keys, SCHEDULE, self.now, make, rotate=rotate)
        kids = frozenset(key.kid for key in self.keys)
        self.history.append(Published(self.now, kids, _kid(active_key(self.keys))))
        for stale in (timedelta(), MARGIN / 2):
            read_at = max(START, self.now - stale)
            signer = next(then.active for then in reversed(self.history) if then.since <= read_at)
            self.expires_at[signer] = self.now + SCHEDULE.token_life

    @invariant()
    def every_cache_verifies_every_unexpired_token(self) -> None:
        ends = [later.since for later in self.history[1:]] + [self.now + timedelta(seconds=1)]
        pairs = zip(self.history, ends, strict=True)
        caches = [published.kids for published, end in pairs if end > self.now - JWKS_CACHE]
        unexpired = {kid for kid, expires_at in self.expires_at.items() if expires_at > self.now}
        assert all(unexpired <= kids for kids in caches)

    @invariant()
    def one_key_signs_one_waits_and_the_set_stays_small(self) -> None:
        assert states(self.keys)[:2] == ["active", "next"]
        assert len(self.keys) <= 8


TestRotation = Rotation.TestCase
TestRotation.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
