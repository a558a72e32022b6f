"""PRICING_* environment."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servicekit.settings import PostgresSettings


class Settings(PostgresSettings):
    """Settings of the pricing service."""

    model_config = SettingsConfigDict(env_prefix="PRICING_", frozen=True, extra="ignore")

    service: str = "pricing"
    stale_after_hours: int = Field(
        default=72, ge=1, description="A price that no report has spoken of for so long tells nothing of today"
    )
    history_months: int | None = Field(
        default=None, ge=1, description="For how many months more a month of prices is kept; by default for ever"
    )

    approval_basis_points: int = Field(
        default=500, ge=0, description="A price change that moves the price by more waits for a second approval"
    )
    approval_seconds: int = Field(default=3_600, ge=1, description="How long a change for now may wait for it")
    change_grace_seconds: int = Field(
        default=600, ge=0, description="How late a planned change may still fire, when no process was there at its time"
    )

    @property
    def stale_after(self) -> timedelta:
        """`stale_after_hours` as a duration."""
        return timedelta(hours=self.stale_after_hours)
