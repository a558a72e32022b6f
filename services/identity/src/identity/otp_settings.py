"""How many codes are sent, and when a prefix is no longer sent any: IDENTITY_OTP__SENDS_PER_PHONE and so on."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from identity.domain.otp import PumpingRule


class OtpSettings(BaseModel):
    """The limits of one-time codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sends_per_phone: int = Field(3, ge=1, description="In 10 minutes")
    sends_per_phone_and_day: int = Field(10, ge=1, description="For all strange devices, and for each familiar one")
    sends_per_network: int = Field(60, ge=1, description="In an hour; a carrier has many people behind one address")
    sends_per_device: int = Field(10, ge=1, description="In an hour")
    sends_per_prefix: int = Field(300, ge=1, description="In 10 minutes: what pumping costs until it is noticed")
    sends_per_day: int = Field(20_000, ge=1, description="To everybody")
    wrong_tries_per_hour: int = Field(10, ge=1, description="For a phone, over all its codes")
    wrong_tries_per_day: int = Field(20, ge=1, description="For a phone, over all its codes")
    judged_sends: int = Field(50, ge=1, description="A prefix is judged by at least so many sends")
    least_verified_percent: int = Field(20, ge=0, le=100, description="A prefix with a lower rate is blocked")
    block_hours: float = Field(6, gt=0, le=168, description="For how long")
    resend_seconds: int = Field(30, ge=0, description="How soon a client may offer to send another code")

    @property
    def pumping_rule(self) -> PumpingRule:
        """When a prefix is blocked."""
        return PumpingRule(self.judged_sends, self.least_verified_percent, timedelta(hours=self.block_hours))
