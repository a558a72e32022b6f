"""Settings from IDENTITY_* variables."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from identity.key_sealing import KeySealer
from identity.signing_keys import KeySchedule
from servicekit.settings import PostgresSettings


def _require_key(secret: SecretStr) -> SecretStr:
    KeySealer(secret.get_secret_value())
    return secret


EncryptionKey = Annotated[SecretStr, AfterValidator(_require_key)]


class Settings(PostgresSettings):
    """What identity needs."""

    # A wrong value is not repeated in the error: it may be most of a key.
    model_config = SettingsConfigDict(env_prefix="IDENTITY_", frozen=True, extra="ignore", hide_input_in_errors=True)

    service: str = "identity"
    max_body_bytes: int = Field(default=16 * 1024, description="A token request is small")
    key_encryption_key: EncryptionKey = Field(description="Seals the signing keys: base64url of 32 random bytes")
    other_key_encryption_key: EncryptionKey | None = Field(
        default=None, description="A second key that opens, while the one above is replaced (see the README)"
    )
    access_token_seconds: int = Field(default=15 * 60, ge=60, le=3600)
    rotate_keys_after_days: float = Field(default=30, gt=0, le=365)
    wrong_secrets_per_minute: int = Field(default=10, ge=1, description="Per client id and process")

    @property
    def key_schedule(self) -> KeySchedule:
        """When signing keys change."""
        return KeySchedule(timedelta(seconds=self.access_token_seconds), timedelta(days=self.rotate_keys_after_days))
