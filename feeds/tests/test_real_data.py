"""The real files, where they lie beside the checkout or where FORECOURT_REAL_DATA says."""

import os
from collections import Counter
from pathlib import Path

import pytest

from feeds.base import PriceRecord, StationRecord

DATA = Path(os.environ.get("FORECOURT_REAL_DATA", Path(__file__).parents[3] / "shared" / "data")) / "tankerkoenig"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"{DATA} is absent: the licence keeps the real files out of the project"
)


def test_a_real_day_of_prices_is_read_whole(feed):
    records = list(feed.prices(DATA / "2014-06-08-prices.csv.gz"))
    assert Counter(map(type, records)) == {PriceRecord: 58_584}
    assert len({record.line for record in records}) == 21_069
    assert len({record.external_id for record in records}) == 12_017
    assert len({record.report["report_id"] for record in records}) == 58_584
    assert sum(record.report["price_mills"] is None for record in records) == 77


def test_a_real_station_list_is_read_whole(feed):
    records = list(feed.stations(DATA / "2023-04-18-stations.csv.gz"))
    assert Counter(map(type, records)) == {StationRecord: 16_862}
    assert len({record.external_id for record in records}) == 16_862
    assert sum(record.payload["lat"] == record.payload["lon"] == 0 for record in records) == 14
