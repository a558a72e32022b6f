"""`bench pay`, its part about notifications: how long a payment provider waits for its answer.

Each notification is another one: WeChat Pay's signature over it is checked, its contents are decrypted, it is matched
with a charge of ours and stored before it is answered. Then the service asks the provider about each, meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from forecourt.bench_load import connected_load
from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.ids import new_id
from simulators.wechat_pay_signing import Keys, WechatPaySettings, encode, moment

RATE_PER_SECOND, SECONDS, WARM_UP_SECONDS = 500, 8.0, 1.0
CONNECTIONS = 64
AMOUNT_MINOR = 23_550
WANTED_MS = 200.0
PATH = "/v1/webhooks/wechatpay/payments"
FLOOR_REQUEST = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: forecourt-bench\r\n\r\n"
PREFIX = "SIMULATORS_WECHAT_PAY__"
INSERT = """
    INSERT INTO attempts (attempt_id, purpose, purpose_id, driver_id, provider, amount_minor, currency, status,
                          created_at, expires_at)
    SELECT id, 'order', id, 'bench', 'wechat', $2, 'CNY', 'succeeded', now(), now() FROM unnest($1::uuid[]) AS id"""
"""Charges that are over: nothing follows from what the provider says of them."""


async def measure_webhooks(config: Config) -> list[dict[str, Any]]:
    """Latency of the answers through the gateway at a fixed rate, beside that of a read that the gateway forwards."""
    count = round(RATE_PER_SECOND * (SECONDS + WARM_UP_SECONDS)) + CONNECTIONS
    async with _charges(config, [new_id() for _ in range(count)]) as ids:
        requests = await asyncio.to_thread(list, _notifications(config, ids))
        floor = await _seconds(config, FLOOR_REQUEST)
        told = await _seconds(config, iter(requests).__next__)
    return [_figure(percent, told, floor) for percent in (50, 99)]


def _figure(percent: int, told: Sequence[float], floor: Sequence[float]) -> dict[str, Any]:
    value, bare = (quantiles(seconds, n=100)[percent - 1] * 1_000 for seconds in (told, floor))
    is_wanted = percent == 99
    return {
        "figure": f"answer to a notification at {RATE_PER_SECOND}/s, p{percent}, floor: a forwarded read", "unit": "ms",
        "value": value, "floor": bare, "ratio": value / bare, "wanted": f"<= {WANTED_MS:g} ms" if is_wanted else "",
        "kept": value <= WANTED_MS if is_wanted else None,
    }  # fmt: skip


async def _seconds(config: Config, request: Any) -> list[float]:
    port = urlsplit(config.gateway_url).port or 80
    async with connected_load("the gateway", port, request, CONNECTIONS) as load:
        await load.at_rate(RATE_PER_SECOND, WARM_UP_SECONDS)
        return await load.at_rate(RATE_PER_SECOND, SECONDS)


@asynccontextmanager
async def _charges(config: Config, ids: list[UUID]) -> AsyncIterator[list[UUID]]:
    """Charges that the notifications are about; they and what was told of them are gone afterwards."""
    connection = await asyncpg.connect(service_environment(config, "payments")["PAYMENTS_POSTGRES_DSN"])
    try:
        await connection.execute(INSERT, ids, AMOUNT_MINOR)
        yield ids
    finally:
        numbers = [one.hex for one in ids]
        await connection.execute("DELETE FROM notifications WHERE number = ANY($1::text[])", numbers)
        await connection.execute("DELETE FROM attempts WHERE attempt_id = ANY($1::uuid[])", ids)
        await connection.close()


def _notifications(config: Config, ids: Sequence[UUID]) -> Iterator[bytes]:
    """Requests as WeChat Pay sends them, with its own key."""
    known = service_environment(config, "simulators")
    values: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value for name, value in known.items() if name.startswith(PREFIX)
    }
    settings = WechatPaySettings(**values)
    keys, now = Keys(settings), datetime.now(UTC)
    for one in ids:
        document = {
            "appid": settings.app_id, "mchid": settings.merchant_id, "out_trade_no": one.hex, "trade_type": "JSAPI",
            "transaction_id": one.hex[:28], "trade_state": "SUCCESS", "success_time": moment(now),
            "payer": {"openid": "bench"}, "amount": {"total": AMOUNT_MINOR, "currency": "CNY"},
        }  # fmt: skip
        body = encode({
            "id": str(one), "create_time": moment(now), "event_type": "TRANSACTION.SUCCESS",
            "resource_type": "encrypt-resource", "resource": keys.seal(encode(document), "transaction"),
        })  # fmt: skip
        headers = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in (headers | keys.headers(body, now)).items())
        yield f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body
