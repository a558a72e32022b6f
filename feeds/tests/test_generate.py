"""The generated files are read back with the counts they were written with."""

from collections import Counter

import typer
from typer.testing import CliRunner

from feeds.base import PriceRecord, RowProblem, StationRecord
from feeds.generate import BAD_PRICE_ROWS, BAD_STATION_ROWS, PRICES_FILE, STATIONS_FILE, generate, main


def read(feed, folder):
    return list(feed.stations(folder / STATIONS_FILE)), list(feed.prices(folder / PRICES_FILE))


def test_everything_written_is_read(feed, tmp_path):
    generated = generate(tmp_path, stations=90, prices=1500, seed=7)
    stations, prices = read(feed, tmp_path)
    assert len(stations) == generated.station_rows == 90
    assert len({record.line for record in prices}) == generated.price_rows == 1500
    assert len(prices) == generated.changes
    assert not [record for record in (*stations, *prices) if isinstance(record, RowProblem)]


def test_bad_rows_are_problems_and_hide_nothing(feed, tmp_path):
    generated = generate(tmp_path, stations=30, prices=100, seed=7, bad_rows=True)
    stations, prices = read(feed, tmp_path)
    assert Counter(map(type, stations)) == {StationRecord: 30, RowProblem: len(BAD_STATION_ROWS)}
    assert Counter(map(type, prices)) == {PriceRecord: generated.changes, RowProblem: len(BAD_PRICE_ROWS)}


def test_the_holes_of_the_real_files_are_there(feed, tmp_path):
    generate(tmp_path, stations=300, prices=3000, seed=7)
    stations, prices = read(feed, tmp_path)
    payloads = [record.payload for record in stations]
    assert any(payload["brand"] is None for payload in payloads)
    assert any(payload["opening_hours"] is None for payload in payloads)
    assert [payload["external_id"] for payload in payloads if payload["lat"] == payload["lon"] == 0] == [
        stations[1].external_id
    ]
    assert stations[-1].external_id == stations[0].external_id
    assert sum(52.4 <= payload["lat"] <= 52.6 and 13.2 <= payload["lon"] <= 13.6 for payload in payloads) >= 100
    minutes = Counter(record.report["effective_at"][:16] for record in prices)
    assert minutes.most_common(1)[0][0] == "2026-04-30T07:50"
    assert max(minutes.values()) > len(prices) * 0.4


def test_prices_are_sane_in_order_of_time_and_some_end(feed, tmp_path):
    generate(tmp_path, stations=30, prices=3000, seed=7)
    _, prices = read(feed, tmp_path)
    sold = [record.report["price_mills"] for record in prices if record.report["price_mills"] is not None]
    assert 1000 < min(sold) <= max(sold) < 2000
    assert 0 < len(prices) - len(sold) < len(prices) / 10
    moments = [record.report["effective_at"] for record in prices]
    assert moments == sorted(moments)


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(tmp_path / folder, stations=10, prices=50, seed=seed)
    for name in (STATIONS_FILE, PRICES_FILE):
        first, second, third = ((tmp_path / folder / name).read_bytes() for folder in "abc")
        assert first == second != third


def test_the_command_says_what_it_wrote(feed, tmp_path):
    app = typer.Typer()
    app.command()(main)
    result = CliRunner().invoke(app, ["--stations", "5", "--prices", "20", "--out", str(tmp_path), "--bad-rows"])
    assert result.exit_code == 0
    assert "5 stations, 20 price rows" in result.output
    assert len(read(feed, tmp_path)[0]) == 5 + len(BAD_STATION_ROWS)
