"""The key files of a stack's services: what protects personal data and signing keys at rest."""

import base64
import secrets as random
from pathlib import Path

from local_stack.config import Config
from local_stack.secrets import Secrets, write_private
from local_stack.services import UPSTREAMS
from servicekit.keyring import KEY_BYTES, promoted, pruned, rotated, staged

OLD_IDENTITY_KEY = "identity.key_encryption_key"
"""The secret that sealed signing keys before there were key files: it becomes the first key of identity's."""


def path(config: Config, service: str) -> Path:
    """A service's key file."""
    return config.data / "keys" / f"{service}.json"


AUDIT = "identity-audit"
"""The key file of identity's audit log: apart, since its keys are never pruned, or old entries could not be checked."""


def ensure(config: Config, secrets: Secrets) -> None:
    """Makes the key files that are missing, readable to their owner only."""
    (config.data / "keys").mkdir(exist_ok=True, mode=0o700)
    for name in (*(service.name for service in UPSTREAMS), AUDIT):
        file = path(config, name)
        if not file.exists():
            old = secrets.get(OLD_IDENTITY_KEY) if name == "identity" else None
            first = base64.urlsafe_b64decode(old) if old else random.token_bytes(KEY_BYTES)
            write_private(file, rotated(None, first))


def stage(config: Config, name: str) -> None:
    """Gives the key file a new key that does not seal yet: every process is to know it first."""
    file = path(config, name)
    write_private(file, staged(file.read_text(), random.token_bytes(KEY_BYTES)))


def promote(config: Config, name: str) -> None:
    """The newest key seals from now on; what the older ones sealed can still be read."""
    file = path(config, name)
    write_private(file, promoted(file.read_text()))


def prune(config: Config, name: str) -> None:
    """Drops all keys but the current one: what they sealed can never be read again."""
    file = path(config, name)
    write_private(file, pruned(file.read_text()))
