"""Samples of every feed played through the platform: a verdict for every row, and nothing lost on the way."""

import json
from pathlib import Path
from typing import Any

import pytest

from feeds import FEEDS
from feeds.samples import SMALLEST, write_sample
from local_stack.config import Config

from ..platform_kit import forecourt

VERDICTS = ("accepted", "unchanged", "superseded", "rejected")
STATION = {
    "IDEESS": "900001", "Rótulo": "SOLA", "Dirección": "CALLE UNO 1", "C.P.": "28001", "IDProvincia": "28",
    "Latitud": "40,416800", "Longitud (WGS84)": "-3,703800",
}  # fmt: skip


def replay(platform: Config, feed: str, *arguments: str) -> dict[str, Any]:
    """The account of a replay that ends well."""
    return json.loads(forecourt(platform, "replay", "--feed", feed, *arguments, "--json").stdout)


@pytest.mark.parametrize("feed", sorted(FEEDS.keys() - {"tankerkoenig"}))
def test_every_row_of_a_sample_has_its_verdict(platform: Config, tmp_path: Path, feed: str):
    for sample in write_sample(feed, tmp_path, SMALLEST, seed=11):
        holds = {"changes": 0, "unreadable": 0, "second_price": 0, "not_sold": 0} | dict(sample.holds)
        account = replay(platform, feed, *sample.arguments())
        assert {name: account[name] for name in ("changes", "unreadable", "second_price", "not_sold")} == {
            name: holds[name] for name in ("changes", "unreadable", "second_price", "not_sold")
        }
        assert sum(account["unmapped"].values()) == holds.get("unmapped", 0)
        assert account["stations"].get("unreadable", 0) == holds.get("bad_stations", 0)
        assert account["changes"] == account["sent"] + account["station_not_in_list"] + account["station_refused"]
        assert account["sent"] == sum(account[verdict] for verdict in VERDICTS)
        assert account["rejected"] == holds.get("absurd", 0)
        assert account["lost"] == account["mismatched"] == account["published_twice"] == 0
        again = replay(platform, feed, *sample.arguments())
        assert again["published"] == again["rejections_published"] == again["lost"] == again["mismatched"] == 0
        assert again["repeated"] == again["sent"] - again["rejected"]


def test_a_sample_by_kafka(platform: Config, tmp_path: Path):
    [sample, _] = write_sample("uk", tmp_path, SMALLEST, seed=12)
    account = replay(platform, "uk", *sample.arguments(), "--via", "kafka")
    assert account["lost"] == account["mismatched"] == 0
    assert account["sent"] == sum(account[verdict] for verdict in VERDICTS)
    assert account["published"] > 0


@pytest.fixture
def spain(platform: Config, tmp_path: Path):
    """Replays a file of one Spanish station with a price of diesel, made at an hour of 30 April 2026."""

    def replay_file(hour: int, price: str) -> dict[str, Any]:
        path = tmp_path / f"{hour}.json"
        station = STATION | {"Precio Gasoleo A": price}
        path.write_text(json.dumps({"Fecha": f"30/04/2026 {hour}:00:00", "ListaEESSPrecio": [station]}))
        return replay(platform, "spain", "--file", str(path))

    return replay_file


def test_a_grade_that_a_later_file_lists_as_not_sold_is_taken_off(spain):
    assert spain(8, "")["not_sold"] == 1
    assert spain(9, "1,459")["accepted"] == 1
    gone = spain(10, "")
    assert (gone["not_sold"], gone["accepted"], gone["visible"]) == (0, 1, 1)
    assert spain(11, "")["not_sold"] == 1


def test_files_in_the_wrong_order_are_no_mistake(spain):
    assert spain(13, "1,500")["accepted"] == 1
    assert spain(15, "1,500")["unchanged"] == 1
    late = spain(14, "1,600")
    assert (late["superseded"], late["overtaken"], late["mismatched"]) == (1, 1, 0)
