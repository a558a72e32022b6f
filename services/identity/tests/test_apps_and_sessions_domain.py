"""Where an app may send people back to, and which refresh token is what: pure rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from identity.api.page_texts import TEXTS, scope_text
from identity.domain.apps import App
from identity.domain.oauth import OAuthError, asked_scopes, person_scopes
from identity.domain.people import Rights, StaffRole
from identity.domain.sessions import Presented, SessionPolicy, StoredSession, device_text, rights_by
from identity.use_cases import refresh_tokens
from servicekit.access import Permission, Role
from servicekit.ids import new_id
from servicekit.languages import best_language

HOME = "https://app.example/signed-in"
APP = App(
    "an-app", "App", ("account", "driver"), (HOME, "app://signed-in", "http://127.0.0.1/in", "http://[::1]/in"), True
)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
POLICY = SessionPolicy(timedelta(days=90), timedelta(hours=12), timedelta(days=30), timedelta(seconds=10))
SESSION = StoredSession(
    new_id(), new_id(), "an-app", ("account",), ("otp",), NOW, 1, b"", NOW, NOW + timedelta(days=90), None, NOW
)  # fmt: skip


@pytest.mark.parametrize(
    "uri",
    [HOME, "app://signed-in", "http://127.0.0.1/in", "http://127.0.0.1:49152/in", "http://[::1]:8123/in"],
)
def test_registered_uris_and_any_port_on_loopback(uri: str) -> None:
    assert APP.may_redirect_to(uri)


ATTEMPTS = [
    "", HOME + "/", HOME + "?x=1", HOME + "#x", HOME.upper(), HOME.replace("https", "http"), HOME + "%2e", HOME + "\n",
    "https://app.example:443/signed-in", "https://app.example@evil.example/signed-in", "https://evil.example/signed-in",
    "https://app.example.evil.example/signed-in", "https://app.example\\@evil.example/signed-in",
    "//app.example/signed-in", "https://app.example/signed-in/../elsewhere", "app://signed-in/",
    "javascript:alert(1)", "data:text/html,x",
    "http://127.0.0.1:49152/other", "http://127.0.0.1:49152/in?x", "http://127.0.0.1:49152/in#x",
    "http://127.0.0.1:/in",
    "https://127.0.0.1:49152/in", "http://localhost:49152/in", "http://127.0.0.2:49152/in", "http://127.1:49152/in",
    "http://user@127.0.0.1:49152/in", "http://127.0.0.1:49152@evil.example/in", "http://127.0.0.1:0x50/in",
    "http://127.0.0.1:049152/in", "http://127.0.0.1:99999/in", "http://127.0.0.1:-1/in", "http://[::1/in",
    "http://[::2]:1/in",
]  # fmt: skip


@pytest.mark.parametrize("uri", ATTEMPTS)
def test_security_12_anything_else_is_not_the_apps(uri: str) -> None:
    assert not APP.may_redirect_to(uri)


@given(st.text(max_size=20), st.integers(0, len(HOME)))
def test_security_12_no_text_can_be_put_into_a_redirect_uri(text: str, at: int) -> None:
    assert APP.may_redirect_to(HOME[:at] + text + HOME[at:]) == (text == "")


@given(st.integers(0, 65535), st.text(max_size=10))
def test_loopback_differs_in_its_port_only(port: int, more: str) -> None:
    assert APP.may_redirect_to(f"http://127.0.0.1:{port}/in{more}") == (more == "")


class Families(RuleBasedStateMachine):
    """A client and a thief hold tokens of one session; each shows any that it ever got, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.session = SESSION
        self.good: list[int] = []

    @rule(seconds=st.sampled_from([0.0, 1.0, 9.0, 10.0, 11.0, 3600.0, 86_400.0 * 29, 86_400.0 * 31]))
    def time_passes(self, seconds: float) -> None:
        self.session = replace(self.session, now=self.session.now + timedelta(seconds=seconds))

    @precondition(lambda self: self.session.ended_at is None)
    @rule(generation=st.integers(1, 6))
    def token_is_shown(self, generation: int) -> None:
        before, what = self.session, self.session.judge(generation, POLICY)
        if what is Presented.GOOD:
            assert generation == before.generation
            self.session = replace(before, generation=generation + 1, rotated_at=before.now)
        elif what is Presented.REPEATED:
            assert generation == before.generation - 1
            assert before.now - before.rotated_at < POLICY.grace
        elif what is Presented.STOLEN:
            assert generation < before.generation
            self.session = replace(before, ended_at=before.now)

    @invariant()
    def nothing_is_good_that_ended_or_ran_out(self) -> None:
        session = self.session
        is_over = (
            session.ended_at is not None
            or session.now >= session.expires_at
            or session.now - session.rotated_at >= POLICY.idle_life
        )
        answers = [session.judge(generation, POLICY) for generation in range(1, session.generation + 3)]
        if is_over:
            assert set(answers) == {Presented.ENDED}
        else:
            assert answers.count(Presented.GOOD) == 1
            assert answers.count(Presented.REPEATED) <= 1


TestFamilies = Families.TestCase


@pytest.mark.parametrize("text", ["", "x", "=" * 80, "A" * 79, "A" * 84, "é" * 80, "A" * 79 + "+", "A" * 10_000])
def test_what_is_no_refresh_token_is_none(text: str) -> None:
    assert refresh_tokens.parse(text) is None


@given(st.uuids(), st.integers(0, 2**32 - 1), st.binary(min_size=40, max_size=40))
def test_a_refresh_token_has_one_spelling(session_id: UUID, generation: int, keyed_hash: bytes) -> None:
    token = refresh_tokens.RefreshToken(session_id, generation, keyed_hash)
    assert refresh_tokens.parse(token.text) == token
    assert token.is_stored_as(token.digest)
    assert not token.is_stored_as(replace(token, generation=(generation + 1) % 2**32).digest)


RIGHTS = Rights(new_id(), 3, True, (StaffRole(Role.MANAGER, ("Aral",)),))


def test_without_a_second_factor_staff_are_drivers() -> None:
    assert rights_by(RIGHTS, ("pwd", "otp", "mfa")) == RIGHTS
    assert rights_by(RIGHTS, ("otp", "sms")).roles == [Role.DRIVER]
    assert rights_by(replace(RIGHTS, is_driver=False), ("otp", "sms")).roles == []


@given(st.lists(st.sampled_from([*Permission, "nonsense"])), st.lists(st.sampled_from(list(Permission))), st.booleans())
def test_scopes_never_exceed_what_was_asked_the_app_and_the_roles(
    asked: list[str], of_app: list[str], is_staff: bool
) -> None:
    rights = RIGHTS if is_staff else replace(RIGHTS, staff=())
    may_have = set(asked) & set(of_app) & set(rights.permissions(Permission))
    if may_have:
        assert set(person_scopes(rights, asked_scopes(of_app, " ".join(asked)))) == may_have
    else:
        with pytest.raises(OAuthError) as refused:
            person_scopes(rights, asked_scopes(of_app, " ".join(asked)))
        assert refused.value.code == "invalid_scope"


def test_nobody_without_a_role_gets_a_scope() -> None:
    with pytest.raises(OAuthError) as refused:
        person_scopes(Rights(new_id(), 1, False, ()), ["account"])
    assert refused.value.code == "invalid_grant"


@given(st.text())
def test_a_devices_name_is_one_short_printable_line(text: str) -> None:
    name = device_text(text)
    assert len(name) <= 80
    assert name.isprintable()
    assert device_text(name) == name


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB,zh;q=0.9", "en"), ("fr, de;q=0.5", "en"),
        ("fr,zh-Hant-TW;q=0.3", "zh"), ("zh;q=0", "en"), ("*", "en"), ("zh;q=nonsense", "en"), ("," * 1000, "en"),
    ],
)  # fmt: skip
def test_language_of_the_page(accepted: str, language: str) -> None:
    assert best_language(accepted) == language


def test_both_languages_say_the_same_things() -> None:
    scopes = {name for name in TEXTS["zh"] if name.startswith("scope.")}
    assert set(TEXTS["zh"]) - scopes == set(TEXTS["en"])
    assert all(scope_text(permission, language) for permission in Permission for language in TEXTS)
