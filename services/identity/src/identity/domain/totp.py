"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes for when it is lost; no I/O."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from uuid import UUID

from pyotp import random_base32
from pyotp.totp import TOTP

STEP_SECONDS = 30
DIGITS = 6
DRIFT_STEPS = 1
"""How far the app's clock may be off: one step, as RFC 6238 section 5.2 has it."""
ISSUER = "Forecourt"
RECOVERY_CODES = 10
RECOVERY_BYTES = 10


def new_secret() -> str:
    """160 random bits in base32, what apps take."""
    return random_base32()


def enrolment_uri(secret: str, account: str) -> str:
    """What an app reads from a QR code; `account` is what it shows beside the code."""
    totp = TOTP(secret, digits=DIGITS, interval=STEP_SECONDS)
    return totp.provisioning_uri(name=account, issuer_name=ISSUER)


def matching_step(secret: str, code: str, now: datetime, last_used: int) -> int | None:
    """The time step whose code this is; None for a wrong one, and for one not later than the step used last."""
    totp, current = TOTP(secret, digits=DIGITS, interval=STEP_SECONDS), int(now.timestamp()) // STEP_SECONDS
    steps = range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1)
    matching = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())]
    return next((step for step in matching if step > last_used), None)


def tidy_code(code: str) -> str:
    """A code as it was meant: people type blanks and hyphens, and small letters."""
    return "".join(code.split()).replace("-", "").upper()


def is_totp(code: str) -> bool:
    """Whether a tidied code is an app's, not a recovery code."""
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 bits, as people copy them: ABCD-EFGH-IJKL-MNOP."""
    return [_grouped(base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()) for _ in range(RECOVERY_CODES)]


def recovery_digest(user_id: UUID, code: str) -> bytes:
    """What is stored of a recovery code."""
    return hashlib.sha256(user_id.bytes + tidy_code(code).encode("utf-8", "surrogatepass")).digest()


def _grouped(text: str) -> str:
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))
