"""How many codes are sent, and when a prefix is no longer sent any: IDENTITY_OTP__SENDS_PER_PHONE and so on."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from identity.domain.otp import PumpingRule


class OtpSettings(BaseModel):
    """The limits of one-time codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sends_per_phone: int = Field(default=3, ge=1, description="In 10 minutes")
    sends_per_phone_and_day: int = Field(default=10, ge=1, description="For all strange devices, for each familiar one")
    sends_per_network: int = Field(default=60, ge=1, description="In an hour; carriers share an address among many")
    sends_per_device: int = Field(default=10, ge=1, description="In an hour")
    sends_per_prefix: int = Field(default=300, ge=1, description="In 10 minutes: pumping costs that until noticed")
    sends_per_day: int = Field(default=20_000, ge=1, description="To everybody")
    wrong_tries_per_hour: int = Field(default=10, ge=1, description="For a phone, over all its codes")
    wrong_tries_per_day: int = Field(default=20, ge=1, description="For a phone, over all its codes")
    judged_sends: int = Field(default=50, ge=1, description="A prefix is judged by at least so many sends")
    least_verified_percent: int = Field(default=20, ge=0, le=100, description="A prefix with a lower rate is blocked")
    block_hours: float = Field(default=6, gt=0, le=168, description="For how long")
    resend_seconds: int = Field(default=30, ge=0, description="How soon a client may offer to send another code")

    @property
    def pumping_rule(self) -> PumpingRule:
        """When a prefix is blocked."""
        return PumpingRule(self.judged_sends, self.least_verified_percent, timedelta(hours=self.block_hours))
