"""Settings from GATEWAY_*: where the upstreams are, and every limit of the door."""

from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings

Network = IPv4Network | IPv6Network
LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class Rate(BaseModel):
    """A token bucket; in the environment it is JSON: `GATEWAY_RATE_READS={"per_second": 50, "burst": 200}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_second: float = Field(gt=0)
    burst: int = Field(ge=1)


class Settings(ServiceSettings):
    """What the gateway needs. It has no store."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="ignore")

    service: str = "gateway"
    port: int = 8080
    identity_url: str
    pricing_url: str
    stations_url: str
    payments_url: str
    loyalty_url: str
    analytics_url: str

    request_timeout_seconds: float = Field(default=60.0, description="Backstop; the routes table has shorter ones")
    docs_enabled: bool = Field(default=True, description="/docs and /openapi.json; off where the API is not public")
    operator_networks: tuple[Network, ...] = Field(
        default=LOOPBACK, description="Who may ask /healthz, /readyz and /metrics, and only without a proxy between"
    )
    trusted_proxies: tuple[Network, ...] = Field(
        default=(), description="Whose word on a client's address counts: the load balancers before the gateway"
    )
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = Field(
        default="x-forwarded-for", description="Which header they write; the other one is never read"
    )

    upstream_connections: int = Field(default=128, ge=1, description="Requests in flight to one upstream")
    upstream_queue: int = Field(default=256, ge=0, description="Requests that wait for a connection; then 503")
    connect_timeout_seconds: float = 2.0
    breaker_failures: int = Field(default=5, ge=1, description="Failures in a row that open an upstream's breaker")
    breaker_open_seconds: float = 2.0
    retry_share: float = Field(default=0.1, ge=0, le=1, description="Retries per request, in the long run")

    rate_tokens: Rate = Field(default=Rate(per_second=1, burst=60), description="Token endpoint, per address")
    rate_refused: Rate = Field(default=Rate(per_second=1, burst=30), description="Refused tokens, per address")
    rate_reads: Rate = Field(default=Rate(per_second=50, burst=200), description="Public reads, per address")
    rate_writes: Rate = Field(default=Rate(per_second=20, burst=50), description="Writes, per client")
    rate_reports: Rate = Field(default=Rate(per_second=200, burst=400), description="Price reports, per client")
    rate_webhooks: Rate = Field(
        default=Rate(per_second=1000, burst=2000), description="Providers' notifications, per address: they have few"
    )
    rate_table_size: int = Field(default=100_000, ge=1, description="Callers remembered; the longest idle go first")

    valkey_url: SecretStr | None = Field(
        default=None,
        description="valkey://, valkeys:// or unix://: where replicas share their limits; None: each alone",
    )
    valkey_timeout_seconds: float = Field(default=0.05, gt=0, description="Then this replica limits alone")
    rate_alone_share: float = Field(
        default=0.5, gt=0, le=1, description="Of each limit, what a replica grants while Valkey is away"
    )

    stream_connections: int = Field(default=10_000, ge=1, description="Live price streams in all; then 503")
    stream_connections_per_address: int = Field(default=100, ge=1, description="Live price streams; then 429")
    stream_buffer_bytes: int = Field(
        default=512 * 1024, ge=1024, description="A reader for whom more is waiting is disconnected"
    )
    stream_history_events: int = Field(default=50_000, ge=1, description="Events that Last-Event-ID can go back")
    stream_heartbeat_seconds: float = 15.0
    stream_max_stations: int = Field(default=500_000, ge=1, description="Stations whose position is kept")

    forwarded_streams: int = Field(default=2_000, ge=1, description="Live streams of one upstream; then 503")
    forwarded_stream_silence_seconds: float = Field(
        default=60.0, gt=0, description="Upstreams send heartbeats: one that is silent for so long is gone"
    )

    openapi_refresh_seconds: float = 60.0
