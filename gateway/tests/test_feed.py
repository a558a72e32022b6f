"""What the feed makes of records, without a broker: bad ones would lie in wait there for every other test."""

from datetime import UTC, datetime

from aiokafka.structs import ConsumerRecord
from pydantic import SecretStr

from gateway.feed import PRICES, make_reader
from gateway.hub import Hub
from gateway.settings import Settings
from gateway.subscriber import Interest
from schemas.events import PriceChangedV1
from schemas.vocabulary import Fuel
from servicekit.ids import new_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_record_that_is_no_price_is_left_out() -> None:
    urls = dict.fromkeys(
        (
            "identity_url",
            "pricing_url",
            "stations_url",
            "payments_url",
            "loyalty_url",
            "analytics_url",
            "issuer",
            "jwks_url",
        ),
        "http://127.0.0.1:1",
    )
    settings = Settings(kafka_bootstrap="127.0.0.1:1", kafka_username="x", kafka_password=SecretStr("x"), **urls)
    hub = Hub(settings)
    hub.restart((0,))
    good = PriceChangedV1(
        station_id=new_id(), fuel=Fuel.E5, version=1, price_mills=5, previous_price_mills=None, currency="EUR",
        report_id="r", effective_at=NOW, submitted_at=NOW, received_at=NOW,
    )  # fmt: skip
    headers = (("ce_type", PriceChangedV1.type().encode()),)
    values = [b"", b"[]", b"{}", b'{"station_id": 3}', good.model_dump_json().encode()]
    key = str(good.station_id).encode()
    records = [
        ConsumerRecord(PRICES, 0, offset, 0, 0, key, value, None, 0, len(value), headers)
        for offset, value in enumerate(values)
    ]
    hub.loaded.set()
    interest = Interest(frozenset({str(good.station_id)}), None, None)
    live = await hub.subscribe(interest, "address", None)
    make_reader(settings, hub).take(PRICES, records)
    resumed = await hub.subscribe(interest, "address", "0")
    assert hub.history.position == (5,)
    for reader in (live, resumed):
        assert (reader._early or b"").count(b"event: price") == 1
