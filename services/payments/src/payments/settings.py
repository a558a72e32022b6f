"""PAYMENTS_* environment."""

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from payments.domain.timeouts import Timeouts
from payments.providers.alipay_pay import AlipayPaySettings
from payments.providers.loyalty import LoyaltySettings
from payments.providers.wechat_fapiao import FapiaoSettings
from payments.providers.wechat_pay import WechatPaySettings
from servicekit.settings import PostgresSettings


class StreamSettings(BaseModel):
    """Bounds of the live streams of orders, for each replica."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connections: int = Field(default=2_000, ge=1)
    connections_per_caller: int = Field(default=20, ge=1)
    queue_steps: int = Field(default=256, ge=1, description="A reader for whom more wait is disconnected")
    heartbeat_seconds: float = Field(default=15.0, gt=0)


class Settings(PostgresSettings):
    """Settings of the payments service."""

    model_config = SettingsConfigDict(
        env_prefix="PAYMENTS_", env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    service: str = "payments"
    postgres_pool_size: int = 12
    max_body_bytes: int = Field(default=256 * 1024, description="An order or a notification is small")
    keyring_file: str = Field(description="Keys that seal personal data (servicekit.keyring)")
    public_url: str = Field(description="The gateway as providers reach it: where they send notifications")
    max_order_minor: int = Field(default=5_000_000, ge=1, description="The most one order may cost, in minor units")
    max_open_orders: int = Field(default=3, ge=1, description="Unpaid orders of one driver")
    timeouts: Timeouts = Field(default=Timeouts(), description="How long an order waits for somebody, in seconds")
    streams: StreamSettings = StreamSettings()
    card_number_prefix: str = Field(
        default="990001", pattern=r"^[0-9]{4,10}$", description="Issuer's digits of the virtual cards that are opened"
    )
    pay_within_seconds: int = Field(default=300, ge=60, description="How long a payer may take to confirm a charge")
    unknown_alert_seconds: int = Field(default=300, ge=1, description="People are told of a charge unknown for so long")
    refund_approval_minor: dict[str, int] = Field(
        default={"CNY": 50_000, "EUR": 7_000, "GBP": 6_000, "USD": 7_000, "AUD": 10_000},
        description="Refunds above it need two people, by currency; of others each refund does",
    )
    card_number_prefix: str = Field(
        default="990001", pattern=r"^[0-9]{4,10}$", description="Issuer's digits of the virtual cards that are opened"
    )
    exception_undo_seconds: int = Field(
        default=600, ge=0, description="How long a dismissed exception can be opened again"
    )
    loyalty: LoyaltySettings | None = Field(None, description="None: coupons and points are refused, paying works")
    wechat: WechatPaySettings | None = Field(None, description="Our merchant at WeChat Pay; none: it is not offered")
    alipay: AlipayPaySettings | None = Field(None, description="Our seller at Alipay; none: it is not offered")
    fapiao: FapiaoSettings | None = Field(None, description="Whose invoices WeChat Pay issues; none: they wait")
