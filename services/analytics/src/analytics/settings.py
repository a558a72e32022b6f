"""What the service reads from its environment."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.settings import MongoSettings


class Settings(MongoSettings):
    """`ANALYTICS_*` variables; see servicekit.settings for their meaning."""

    model_config = SettingsConfigDict(env_prefix="ANALYTICS_", frozen=True, extra="ignore")

    service: str = "analytics"
    views: bool = Field(default=True, description="Whether this process folds views; workers do (analytics.worker)")
    keyring_file: str = Field(description="Keys that seal where reports are sent to (servicekit.keyring)")
    pseudonym_key: SecretStr = Field(
        min_length=32,
        description="Makes drivers' ids meaningless, for the views and for each analyst. With another key drivers of "
        "before are other ones: rebuild every view then (forecourt rebuild-view)",
    )  # fmt: skip
    mail_url: SecretStr = Field(
        description="Where reports by e-mail go out: smtp+starttls://user:password@host:587, smtp+tls://..., or "
        "folder:///path where there is no mail server (analytics.providers.mail)",
    )  # fmt: skip
    mail_from: str = Field(default="reports@forecourt.example", description="The address that they come from")
