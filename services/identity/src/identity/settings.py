"""Settings from IDENTITY_* variables."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from identity.domain.sessions import SessionPolicy
from identity.domain.signing_keys import KeySchedule
from identity.otp_settings import OtpSettings
from identity.providers.alipay import AlipaySettings
from identity.providers.sms import SmsSettings
from identity.providers.wechat import WechatSettings
from servicekit.settings import PostgresSettings


class Settings(PostgresSettings):
    """What identity needs."""

    model_config = SettingsConfigDict(
        env_prefix="IDENTITY_", env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    service: str = "identity"
    max_body_bytes: int = Field(default=16 * 1024, description="A token request is small")
    keyring_file: str = Field(description="Keys that seal signing keys and personal data (servicekit.keyring)")
    audit_keyring_file: str = Field(description="Keys of the audit log: never pruned, or old entries cannot be checked")
    access_token_seconds: int = Field(default=10 * 60, ge=60, le=3600)
    driver_session_days: float = Field(default=90, gt=0, le=366, description="Since the sign-in, however it is used")
    staff_session_hours: float = Field(default=12, gt=0, le=24, description="Of those who sign in with a second factor")
    idle_session_days: float = Field(default=30, gt=0, le=366, description="Since the last refresh")
    refresh_grace_seconds: float = Field(default=10, ge=0, le=60, description="A lost answer may be asked for again")
    rotate_keys_after_days: float = Field(default=30, gt=0, le=365)
    wrong_secrets_per_minute: int = Field(default=10, ge=1, description="Per client id and process")
    invitation_page: str = Field(
        default="https://console.forecourt.example/join", description="Where an invitation's link leads to"
    )
    personal_data_urls: dict[str, str] = Field(description="The other services with data of people, by name")
    otp: OtpSettings = Field(OtpSettings(), description="Limits of one-time codes")
    sms: SmsSettings = Field(description="Who sends text messages")
    wechat: WechatSettings | None = Field(None, description="Our mini program at WeChat; none: nobody signs in with it")
    alipay: AlipaySettings | None = Field(None, description="Our app at Alipay; none: nobody signs in with it")

    @property
    def key_schedule(self) -> KeySchedule:
        """When signing keys change."""
        return KeySchedule(timedelta(seconds=self.access_token_seconds), timedelta(days=self.rotate_keys_after_days))

    @property
    def session_policy(self) -> SessionPolicy:
        """How long sessions live."""
        return SessionPolicy(
            timedelta(days=self.driver_session_days), timedelta(hours=self.staff_session_hours),
            timedelta(days=self.idle_session_days), timedelta(seconds=self.refresh_grace_seconds),
        )  # fmt: skip
