"""What the service reads from its environment."""

from pydantic_settings import SettingsConfigDict

from servicekit.settings import MongoSettings


class Settings(MongoSettings):
    """`STATIONS_*` variables; see servicekit.settings for their meaning."""

    model_config = SettingsConfigDict(env_prefix="STATIONS_", frozen=True, extra="ignore")

    service: str = "stations"
