"""E-mail addresses, passwords and codes, without a database."""

import unicodedata
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pwdlib.hashers.argon2 import Argon2Hasher
from pyotp.totp import TOTP

from identity.domain.passwords import (
    COMMON,
    MAX_CHARACTERS,
    MIN_CHARACTERS,
    NOBODYS_HASH,
    BadEmail,
    WeakPassword,
    accepted_password,
    check_hash,
    hash_password,
    normalised_email,
)
from identity.domain.totp import (
    RECOVERY_CODES,
    STEP_SECONDS,
    enrolment_uri,
    is_totp,
    matching_step,
    new_recovery_codes,
    new_secret,
    recovery_digest,
    tidy_code,
)

EMAIL = "ada.lovelace@canary-forecourt.example"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
STEP = int(NOW.timestamp()) // STEP_SECONDS
SECRET = new_secret()
CODE = TOTP(SECRET).generate_otp


@pytest.mark.parametrize(
    ("text", "one_form"),
    [
        (" Ada@Forecourt.Example ", "ada@forecourt.example"),
        ("\uff21\uff24\uff21@forecourt.example", "ada@forecourt.example"),
        ("ada+till@bücher.example", "ada+till@xn--bcher-kva.example"),
        ("STRASSE@x.example", "strasse@x.example"),
        ("straße@x.example", "strasse@x.example"),
    ],
)
def test_an_address_has_one_form(text: str, one_form: str) -> None:
    assert normalised_email(text) == one_form
    assert normalised_email(one_form) == one_form


@pytest.mark.parametrize(
    "text",
    ["", "ada", "@x.example", "ada@", "ada@localhost", "a b@x.example", "ada@x..example", "a@b@x.example", "a\0@x.de",
     "ada@-x.example", "ada@[10.0.0.1]", f"{'a' * 65}@x.example", f"a@{'b.' * 126}example", "a<b>@x.example"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadEmail):
        normalised_email(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_an_address_in_one_form_or_none(local: str, domain: str) -> None:
    try:
        once = normalised_email(f"{local}@{domain}")
    except BadEmail:
        return
    assert normalised_email(once) == once


@given(st.text(min_size=MIN_CHARACTERS, max_size=MAX_CHARACTERS))
def test_every_long_password_that_nobody_would_guess_is_taken(password: str) -> None:
    text = unicodedata.normalize("NFC", password)
    folded = text.casefold()
    assume(MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS and len(set(folded)) >= 5)
    assume(folded not in COMMON and "example" not in folded)
    assert accepted_password(password, "x@y.example") == text


@pytest.mark.parametrize(
    "password",
    ["eleven char", "x" * 12, "abababababab", "Password1234", "CORRECThorsebatterystaple", "a" * MAX_CHARACTERS + "b",
     EMAIL, "ada.lovelace@", "LovelaceLovelace1", "ada.lovelace!!", "canary-forecourt.example1", "passwort1234"],
)  # fmt: skip
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        accepted_password(password, EMAIL)


def test_a_password_is_the_same_however_it_is_typed_and_never_cut_off() -> None:
    composed, apart = "Grüße an alle hier", "Gru\u0308ße an alle hier"
    assert accepted_password(apart, EMAIL) == composed
    assert check_hash(apart, hash_password(composed)) == (True, None)
    long = "x" * 100 + "seven green pumps"
    assert check_hash(long[:-1], hash_password(long)) == (False, None)


def test_a_hash_is_argon2id_salted_and_made_anew_with_new_parameters() -> None:
    first, second = hash_password("seven green pumps"), hash_password("seven green pumps")
    assert first != second
    assert first.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    old = Argon2Hasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("seven green pumps")
    is_right, renewed = check_hash("seven green pumps", old)
    assert is_right
    assert renewed is not None
    assert renewed.startswith("$argon2id$v=19$m=47104")
    assert check_hash("wrong", old) == (False, None)


def test_nobodys_hash_costs_the_same_and_takes_no_password() -> None:
    assert NOBODYS_HASH.rpartition("$")[0].count("$") == hash_password("x").rpartition("$")[0].count("$")
    assert [len(part) for part in NOBODYS_HASH.split("$")] == [len(part) for part in hash_password("x").split("$")]
    assert check_hash("", NOBODYS_HASH) == (False, None)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_is_good_within_one_step(steps: int) -> None:
    assert matching_step(SECRET, CODE(STEP + steps), NOW, 0) == STEP + steps


def test_a_code_far_off_is_wrong() -> None:
    codes = {CODE(STEP + steps) for steps in (-1, 0, 1)}
    wrong = next(CODE(STEP + steps) for steps in range(2, 9) if CODE(STEP + steps) not in codes)
    assert matching_step(SECRET, wrong, NOW, 0) is None
    assert matching_step(SECRET, CODE(STEP), NOW + timedelta(seconds=3 * STEP_SECONDS), 0) in (None, STEP + 3)


def test_a_step_is_used_once_and_so_is_all_before_it() -> None:
    assert matching_step(SECRET, CODE(STEP), NOW, STEP - 1) == STEP
    assert matching_step(SECRET, CODE(STEP), NOW, STEP) is None
    assert matching_step(SECRET, CODE(STEP - 1), NOW, STEP) is None


def test_recovery_codes_are_ten_long_ones_known_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    assert all(len(tidy_code(code)) == 16 and not is_totp(tidy_code(code)) for code in codes)
    me, other = UUID(int=1), UUID(int=2)
    typed = f" {codes[0].lower().replace('-', ' ')} "
    assert recovery_digest(me, typed) == recovery_digest(me, codes[0])
    assert recovery_digest(me, codes[0]) != recovery_digest(other, codes[0])


def test_an_app_reads_the_uri() -> None:
    uri = enrolment_uri(SECRET, "ada@canary-forecourt.example")
    assert uri.startswith(f"otpauth://totp/Forecourt:ada%40canary-forecourt.example?secret={SECRET}")
    assert "issuer=Forecourt" in uri


def test_only_six_ascii_digits_are_an_apps_code() -> None:
    assert is_totp("012345")
    assert not is_totp("\uff11\uff12\uff13\uff14\uff15\uff16")
    assert not is_totp("12345")
