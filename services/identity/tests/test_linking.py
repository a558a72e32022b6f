"""Which ways to sign in may be taken from an account: every combination beside the rule in plain words."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.domain.linking import SETTLED_AFTER, LastLogin, NotVouchedFor, require_removable
from identity.domain.people import Login, LoginKind
from servicekit.ids import new_id

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PHONE, WECHAT, ALIPAY = LoginKind.PHONE, LoginKind.WECHAT, LoginKind.ALIPAY
METHODS = {PHONE: ("otp", "sms"), WECHAT: ("wechat",), ALIPAY: ("alipay",)}


def _login(kind: LoginKind, age: timedelta = SETTLED_AFTER) -> Login:
    return Login(new_id(), kind, "canary", NOW - age)


def test_the_last_one_stays():
    only = _login(PHONE)
    with pytest.raises(LastLogin):
        require_removable([only], only.id, only.id, METHODS[PHONE], NOW)


def test_its_own_proof_is_enough():
    gone, left = _login(PHONE, timedelta()), _login(WECHAT, timedelta())
    require_removable([gone, left], gone.id, gone.id, METHODS[WECHAT], NOW)


def test_a_lost_phone_goes_where_two_others_agree():
    phone, wechat, alipay = _login(PHONE), _login(WECHAT), _login(ALIPAY)
    require_removable([phone, wechat, alipay], phone.id, alipay.id, METHODS[WECHAT], NOW)
    with pytest.raises(NotVouchedFor):  # the one that was signed in with says nothing new
        require_removable([phone, wechat, alipay], phone.id, wechat.id, METHODS[WECHAT], NOW)


def test_whoever_broke_in_and_added_their_own_cannot_lock_the_owner_out():
    fresh = SETTLED_AFTER - timedelta(seconds=1)
    phone, wechat, stranger = _login(PHONE), _login(WECHAT), _login(ALIPAY, fresh)
    logins = [phone, wechat, stranger]
    for proved, methods in product((wechat, stranger), METHODS.values()):
        with pytest.raises(NotVouchedFor):
            require_removable(logins, phone.id, proved.id, methods, NOW)
    strangers_phone = _login(PHONE, fresh)  # signed in with this one, proved by what was broken into
    with pytest.raises(NotVouchedFor):
        require_removable([phone, wechat, strangers_phone], phone.id, wechat.id, METHODS[PHONE], NOW)


LOGINS = st.lists(
    st.builds(_login, st.sampled_from([PHONE, WECHAT, ALIPAY]), st.sampled_from([timedelta(), SETTLED_AFTER])),
    min_size=1, max_size=5,
)  # fmt: skip


@given(LOGINS, st.data())
def test_only_a_proof_of_its_own_or_of_a_settled_third_takes_one_away(logins: list[Login], data: st.DataObject):
    removed = data.draw(st.sampled_from(logins))
    proved = data.draw(st.sampled_from([*logins, None]))
    kind = data.draw(st.sampled_from([PHONE, WECHAT, ALIPAY, None]))
    methods = METHODS[kind] if kind else ("pwd", "otp", "mfa")
    try:
        require_removable(logins, removed.id, proved.id if proved else None, methods, NOW)
    except LastLogin:
        assert len(logins) == 1
        return
    except NotVouchedFor:
        assert proved != removed
        return
    assert len(logins) > 1
    assert proved is not None
    if proved != removed:
        others = [one for one in logins if one.kind is kind and one != removed]
        assert others
        assert proved.kind is not kind
        assert all(NOW - one.verified_at >= SETTLED_AFTER for one in [proved, *others])
