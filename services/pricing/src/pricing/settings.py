"""PRICING_* environment."""

from pydantic_settings import SettingsConfigDict

from servicekit.settings import PostgresSettings


class Settings(PostgresSettings):
    """Settings of the pricing service."""

    model_config = SettingsConfigDict(env_prefix="PRICING_", frozen=True, extra="ignore")

    service: str = "pricing"
