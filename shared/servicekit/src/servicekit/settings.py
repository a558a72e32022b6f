"""Settings from the environment: `PRICING_PORT`, `PRICING_KAFKA_PASSWORD` and so on; secrets never print."""

from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """What every service needs. A service subclasses it with its own `env_prefix` and fields."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    service: str
    host: str = "127.0.0.1"
    port: int = 8000

    kafka_bootstrap: str
    kafka_username: str
    kafka_password: SecretStr
    kafka_security_protocol: str = "SASL_PLAINTEXT"

    issuer: str
    audience: str = "forecourt"
    jwks_url: str

    max_body_bytes: int = Field(default=2 * 1024 * 1024, description="Larger request bodies get 413")
    request_timeout_seconds: float = 30.0
    drain_seconds: int = Field(default=10, description="How long running requests may finish after SIGTERM")
    log_level: str = "INFO"
    traces_file: str | None = Field(default=None, description="Spans as JSON lines, where no collector runs")

    def shown(self) -> dict[str, Any]:
        """The settings for a log or a config dump, every secret hidden."""
        return self.model_dump(mode="json")


class PostgresSettings(ServiceSettings):
    """A service whose store is Postgres; its role owns one schema."""

    postgres_dsn: SecretStr
    postgres_pool_size: int = 8
    postgres_timeout_seconds: float = 15.0


class MongoSettings(ServiceSettings):
    """A service whose store is MongoDB (a replica set: transactions need one)."""

    mongo_url: SecretStr
    mongo_database: str
    mongo_timeout_seconds: float = 15.0
