"""What staff sign in with: e-mail addresses, passwords, how they are hashed, how many tries there are; no I/O."""

import base64
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MIN_CHARACTERS = 12
MAX_CHARACTERS = 128
MIN_DISTINCT = 5
MIN_OWN_CHARACTERS = 8
"""How much of a password must not come from the e-mail address."""
MIN_PART_CHARACTERS = 4
MAX_EMAIL_CHARACTERS = 254

MEMORY_KIB = 46 * 1024
"""With one pass and one lane: the OWASP password storage cheat sheet's first choice for argon2id."""
_HASHER = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=MEMORY_KIB, parallelism=1),))

STEP_LIFE = timedelta(minutes=5)
MAX_WRONG_CODES = 5
"""Of one step, after which the password is asked for again."""

_COMMON = """
    123456789012 1234567890123 12345678901234 123456789123 123123123123 112233445566 987654321098 1q2w3e4r5t6y
    1qaz2wsx3edc 1qaz2wsx3edc4rfv qwertyuiop12 qwertyuiop123 qwertyuiop[] qwerty123456 qwerty1234567 qwertyqwerty
    asdfghjkl123 zxcvbnm12345 password1234 password12345 password123456 passwordpassword password1password
    mypassword123 thisismypassword changeme1234 changemechangeme letmeinletmein letmein12345 welcome12345
    welcomewelcome administrator administrator1 admin1234567 adminadmin123 iloveyou1234 iloveyouiloveyou
    abcdefghijkl abcdefghijklmnop abcdef123456 abc123abc123 football1234 baseball1234 princess1234 sunshine1234
    monkeymonkey superman1234 correcthorsebatterystaple unbelievable manchester123 liverpool123 woaini1314520
    5201314520131 woaini5201314 forecourt123 forecourt1234 forecourtforecourt hallohallo12 passwort1234
    motdepasse12 contrasena12 azertyuiop12 azertyuiop123
"""
COMMON = frozenset(_COMMON.split())
"""The most common passwords that are long enough, as lists of leaked ones show them; compared without case."""

_LOCAL = re.compile(r"[^\s@\x00-\x1f\x7f<>()\[\],;:\\\"]{1,64}")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


class BadEmail(ValueError):
    """The text is no e-mail address."""


class WeakPassword(ValueError):
    """A password that is not taken; the text says why."""


@dataclass(frozen=True, slots=True)
class TryLimit:
    """How many tries there are within a window, which begins with the first."""

    tries: int
    window: timedelta


ACCOUNT_ON_NETWORK = TryLimit(20, timedelta(minutes=15))
"""Of one account from one network. Counted are passwords and codes; a sign-in that succeeds clears the count."""
ACCOUNT = TryLimit(60, timedelta(hours=1))
"""Of one account from all networks that its person has not signed in from."""
NETWORK = TryLimit(200, timedelta(minutes=15))
"""Of all accounts from one network; people who have signed in from there are not kept out by it."""
FAMILIAR_FOR = timedelta(days=90)


def normalised_email(text: str) -> str:
    """The one form of an address: NFKC, without case, an international domain in its ASCII form. Raises BadEmail."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold())
    local, _, domain = folded.rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain) or len(local + domain) >= MAX_EMAIL_CHARACTERS:
        raise BadEmail("this is no e-mail address: send one such as name@company.example")
    return f"{local}@{domain}"


def accepted_password(password: str, email: str) -> str:
    """The password as it is hashed, by NIST SP 800-63B: long, not common, not the e-mail address. Raises WeakPassword.

    There are no rules on which kinds of characters it has, and nothing is cut off.
    """
    text = unicodedata.normalize("NFC", password)
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        raise WeakPassword(f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    folded = text.casefold()
    if folded in COMMON or len(set(folded)) < MIN_DISTINCT:
        raise WeakPassword("this password is among those that are tried first: take a few words that nobody expects")
    if len(_without_parts(folded, email)) < MIN_OWN_CHARACTERS:
        raise WeakPassword("this password is mostly the e-mail address: take one that has nothing to do with it")
    return text


def _without_parts(folded: str, email: str) -> str:
    local, _, domain = email.casefold().partition("@")
    parts = {email.casefold(), local, domain, *re.split(r"[^\w]+", email.casefold())}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= MIN_PART_CHARACTERS:
            folded = folded.replace(part, "")
    return folded


def hash_password(password: str) -> str:
    """An argon2id hash with a salt of its own; takes tens of milliseconds and MEMORY_KIB on purpose."""
    return _HASHER.hash(_bytes(password))


def check_hash(password: str, stored: str) -> tuple[bool, str | None]:
    """Whether the password is the right one, and a new hash where the stored one was made with other parameters."""
    return _HASHER.verify_and_update(_bytes(password), stored)


def _bytes(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _random_base64(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")


NOBODYS_HASH = f"$argon2id$v=19$m={MEMORY_KIB},t=1,p=1${_random_base64(16)}${_random_base64(32)}"
"""Of no password: checked against where there is no account, so that an unknown address costs the same work."""
