"""What the service reads from its environment."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.settings import MongoSettings


class Settings(MongoSettings):
    """`ANALYTICS_*` variables; see servicekit.settings for their meaning."""

    model_config = SettingsConfigDict(env_prefix="ANALYTICS_", frozen=True, extra="ignore")

    service: str = "analytics"
    views: bool = Field(default=True, description="Whether this process folds views; workers do (analytics.worker)")
    copies: bool = Field(default=True, description="Whether this process makes analysts' copies; workers do if told to")
    keyring_file: str = Field(description="Keys that seal where reports are sent to (servicekit.keyring)")
    pseudonym_key: SecretStr = Field(
        min_length=32,
        description="Makes drivers' ids meaningless, for the views and for each analyst. The service starts with no "
        "other key than the database was made with: who is gone is known by a name made with it, and would come back, "
        "and each driver would be two. There is no rotation, for views would have to be folded anew from their first "
        "event on, and topics keep 400 days",
    )  # fmt: skip
    mail_url: SecretStr = Field(
        description="Where reports by e-mail go out: smtp+starttls://user:password@host:587, smtp+tls://..., or "
        "folder:///path where there is no mail server (analytics.providers.mail)",
    )  # fmt: skip
    mail_from: str = Field(default="reports@forecourt.example", description="The address that they come from")
