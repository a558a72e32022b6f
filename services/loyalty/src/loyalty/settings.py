"""LOYALTY_* environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servicekit.settings import PostgresSettings


class Settings(PostgresSettings):
    """Settings of the loyalty service."""

    model_config = SettingsConfigDict(
        env_prefix="LOYALTY_", env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    service: str = "loyalty"
    postgres_pool_size: int = 12
    max_body_bytes: int = Field(default=256 * 1024, description="A campaign is the largest of what comes in")
    keyring_file: str = Field(description="Keys that seal personal data (servicekit.keyring)")
    reserve_seconds: int = Field(default=900, ge=30, description="How long coupons and points are set aside")
    points_per_minor: dict[str, int] = Field(
        default={"CNY": 1, "EUR": 8, "GBP": 8, "USD": 8, "AUD": 5},
        description="Points that take off one minor unit, by currency; of others points cannot be spent",
    )
    points_per_hundred: dict[str, int] = Field(
        default={"CNY": 1, "EUR": 8, "GBP": 8, "USD": 8, "AUD": 5},
        description="Points for each hundred minor units that are paid, by currency, where an operator says nothing",
    )
    points_life_months: int = Field(default=24, ge=1, le=120, description="Points last to the end of that month")
    points_warning_days: int = Field(default=30, ge=1, description="Before points expire their driver is warned")
    flag_fills_a_day: int = Field(default=8, ge=1, description="More of one driver within 24 hours are flagged")
    flag_speed_kmh: int = Field(default=200, ge=1, description="Faster from station to station is flagged")
    flag_friends_a_day: int = Field(default=10, ge=1, description="More by one invitation within 24 hours are flagged")
    invitation_days: int = Field(default=365, ge=1, description="How long an invitation's code is good")
    invitation_most_friends: int = Field(default=100, ge=1, le=1_000, description="Who may come by one invitation")
    invitation_new_days: int = Field(default=30, ge=1, description="How old an account may be to be new")
