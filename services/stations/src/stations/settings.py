"""What the service reads from its environment."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from servicekit.settings import MongoSettings


class Settings(MongoSettings):
    """`STATIONS_*` variables; see servicekit.settings for their meaning."""

    model_config = SettingsConfigDict(env_prefix="STATIONS_", frozen=True, extra="ignore")

    service: str = "stations"
    keyring_file: str = Field(description="Keys that seal what drivers write (servicekit.keyring)")
    stale_after_hours: int = Field(
        default=72, ge=1,
        description="A price is stale when nobody has said for so long that it holds. Feeds repeat their prices at "
        "least daily: after three days a station has dropped out, while a feed that rests over a weekend has not",
    )  # fmt: skip

    @property
    def stale_after(self) -> timedelta:
        """The same as a duration."""
        return timedelta(hours=self.stale_after_hours)
