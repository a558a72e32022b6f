"""The key files of a stack's services: what protects personal data and signing keys at rest."""

import base64
import secrets as random
from pathlib import Path

from local_stack.config import Config
from local_stack.secrets import Secrets, write_private
from local_stack.services import UPSTREAMS
from servicekit.keyring import KEY_BYTES, rotated

OLD_IDENTITY_KEY = "identity.key_encryption_key"
"""The secret that sealed signing keys before there were key files: it becomes the first key of identity's."""


def path(config: Config, service: str) -> Path:
    """A service's key file."""
    return config.data / "keys" / f"{service}.json"


def ensure(config: Config, secrets: Secrets) -> None:
    """Makes the key files that are missing, readable to their owner only."""
    (config.data / "keys").mkdir(exist_ok=True, mode=0o700)
    for service in UPSTREAMS:
        file = path(config, service.name)
        if not file.exists():
            old = secrets.get(OLD_IDENTITY_KEY) if service.name == "identity" else None
            first = base64.urlsafe_b64decode(old) if old else random.token_bytes(KEY_BYTES)
            write_private(file, rotated(None, first))


def add_key(config: Config, service: str) -> None:
    """Gives a service a new current key; what the older ones sealed can still be read."""
    file = path(config, service)
    write_private(file, rotated(file.read_text(), random.token_bytes(KEY_BYTES)))
