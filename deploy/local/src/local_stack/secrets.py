"""The passwords of one stack: made at its first start, kept in one file that only its owner reads."""

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from local_stack import platforms
from local_stack.config import Config, StackError
from local_stack.services import MONGO_USERS, POSTGRES_ROLES, SERVICES
from schemas.catalogue import OBSERVER, STATION_SYSTEMS

KAFKA_ADMIN = "admin"
KAFKA_PRINCIPALS = (KAFKA_ADMIN, *(service.name for service in SERVICES), STATION_SYSTEMS, OBSERVER)

Secrets = dict[str, str]
"""Secret by name: `kafka.<principal>`, `postgres.<role>`, `mongo.<user>` and a few of their own."""


def _password() -> str:
    return secrets.token_urlsafe(24)


def _generators() -> dict[str, Callable[[], str]]:
    passwords = [f"kafka.{name}" for name in KAFKA_PRINCIPALS]
    passwords += [f"postgres.{name}" for name in ("postgres", *POSTGRES_ROLES)]
    passwords += [f"mongo.{name}" for name in ("root", *MONGO_USERS)]
    passwords += ["sms.aliyun", "sms.twilio", "analytics.pseudonym_key"]
    return dict.fromkeys(passwords, _password) | {
        "mongo.key_file": lambda: secrets.token_hex(64),
        platforms.WECHAT_SECRET: lambda: secrets.token_hex(16),
        platforms.ALIPAY_APP_KEY: platforms.new_rsa_key,
        platforms.ALIPAY_PLATFORM_KEY: platforms.new_rsa_key,
        platforms.WECHAT_MERCHANT_KEY: platforms.new_rsa_key,
        platforms.WECHAT_PAY_KEY: platforms.new_rsa_key,
        platforms.WECHAT_V3_KEY: platforms.new_api_v3_key,
    }


def load(config: Config) -> Secrets:
    """The stack's secrets; StackError when the stack was never started."""
    try:
        return json.loads(_file(config).read_text())
    except FileNotFoundError:
        raise StackError(f"no stack in {config.data}: start it with `./forecourt up`") from None


def load_or_create(config: Config) -> Secrets:
    """The stack's secrets, with those added that an older version did not know."""
    file = _file(config)
    if not file.exists() and any((config.data / store).exists() for store in ("kafka", "postgres", "mongo")):
        raise StackError(f"{file} is gone, so nothing can open the data beside it: `./forecourt down --wipe`")
    known = json.loads(file.read_text()) if file.exists() else {}
    missing = {name: generate() for name, generate in _generators().items() if name not in known}
    if missing:
        write_private(file, json.dumps(known | missing, indent=2))
    return known | missing


def write_private(file: Path, text: str) -> None:
    """Replace a file whole; only its owner may read it, at no moment anyone else."""
    scratch = file.with_name(f"{file.name}.new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    scratch.replace(file)


def _file(config: Config) -> Path:
    return config.data / "secrets.json"
