"""Made-up files in the shape of each feed, with every trap in them, the same bytes for the same arguments."""

from collections.abc import Callable
from pathlib import Path

from feeds.generate import BAD_PRICE_ROWS, BAD_STATION_ROWS, PRICES_FILE, STATIONS_FILE, generate
from feeds.samples import france, italy, nsw, spain, uk
from feeds.samples.world import SMALLEST, Sample

PRICE_ROWS_PER_STATION = 5

__all__ = ["SAMPLES", "SMALLEST", "Sample", "write_sample"]


def _tankerkoenig(out: Path, stations: int, seed: int) -> list[Sample]:
    made = generate(out, stations=stations, prices=stations * PRICE_ROWS_PER_STATION, seed=seed, bad_rows=True)
    holds = {
        "stations": made.station_rows, "bad_stations": len(BAD_STATION_ROWS), "changes": made.changes,
        "unreadable": len(BAD_PRICE_ROWS),
    }  # fmt: skip
    return [Sample(out / STATIONS_FILE, out / PRICES_FILE, holds)]


SAMPLES: dict[str, Callable[[Path, int, int], list[Sample]]] = {
    "tankerkoenig": _tankerkoenig,
    "france": france.write_sample,
    "uk": uk.write_sample,
    "spain": spain.write_sample,
    "italy": italy.write_sample,
    "nsw": nsw.write_sample,
}


def write_sample(feed: str, out: Path, stations: int = 300, seed: int = 1) -> list[Sample]:
    """Writes the sample of a feed into a folder; one Sample for each replay of it. `stations` >= SMALLEST."""
    out.mkdir(parents=True, exist_ok=True)
    return SAMPLES[feed](out, stations, seed)
