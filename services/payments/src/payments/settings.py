"""PAYMENTS_* environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servicekit.settings import PostgresSettings


class Settings(PostgresSettings):
    """Settings of the payments service."""

    model_config = SettingsConfigDict(
        env_prefix="PAYMENTS_", env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    service: str = "payments"
    postgres_pool_size: int = 12
    max_body_bytes: int = Field(default=256 * 1024, description="An order or a notification is small")
    keyring_file: str = Field(description="Keys that seal personal data (servicekit.keyring)")
    public_url: str = Field(description="The gateway as providers reach it: where they send notifications")
