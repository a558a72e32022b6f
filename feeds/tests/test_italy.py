"""Italy's feed: separators, encodings, self-service and served, names of brands."""

import pytest

from feeds import FEEDS
from feeds.base import FeedError, PriceRecord, RowProblem, StationRecord, Why
from feeds.italy import PRICE_COLUMNS, STATION_COLUMNS
from schemas.vocabulary import Fuel

ITALY = FEEDS["italy"]
MADE = "Estrazione del 2026-04-30"
STATION = ("3464", "ROSSI S.R.L.", "Agip Eni", "Stradale", "Stazione", "VIALE LIBERTÀ", "FORLÌ", "FC", "44.22", "12.04")
AT = "30/04/2026 10:00:00"


@pytest.fixture
def write(tmp_path):
    def write_table(columns, *rows, separator=";", encoding="latin-1", made=MADE, end="\r\n"):
        path = tmp_path / "italy.csv"
        lines = [*([made] if made else []), separator.join(columns)]
        lines += [row if isinstance(row, str) else separator.join(row) for row in rows]
        path.write_bytes("".join(f"{line}{end}" for line in lines).encode(encoding))
        return path

    return write_table


@pytest.fixture
def prices(write):
    def read(*rows, **how):
        return list(ITALY.prices(write(PRICE_COLUMNS, *rows, **how)))

    return read


def told(records):
    return [(one.report["fuel"], one.report["price_mills"]) for one in records if isinstance(one, PriceRecord)]


@pytest.mark.parametrize("separator", [";", "|"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("made", [MADE, ""])
def test_a_station_in_every_way_of_writing(write, separator, encoding, end, made):
    path = write(STATION_COLUMNS, STATION, separator=separator, encoding=encoding, end=end, made=made)
    [record] = ITALY.stations(path)
    assert isinstance(record, StationRecord)
    assert record.line == (3 if made else 2)
    assert record.payload == {
        "external_id": "3464", "name": "Stazione", "brand": "Agip Eni",
        "address": {"street": "VIALE LIBERTÀ", "city": "FORLÌ"}, "country": "IT", "region": "IT-FC",
        "time_zone": "Europe/Rome", "currency": "EUR", "lat": 44.22, "lon": 12.04,
    }  # fmt: skip


def station(write, **changed):
    cells = dict(zip(STATION_COLUMNS, STATION, strict=True)) | changed
    [record] = ITALY.stations(write(STATION_COLUMNS, tuple(cells.values()), separator="|"))
    return record


def payload(write, **changed):
    record = station(write, **changed)
    assert isinstance(record, StationRecord)
    return record.payload


@pytest.mark.parametrize(("province", "region"), [("NA", "IT-NA"), ("", None), ("Napoli", None), ("na", None)])
def test_naples_is_not_nothing(write, province, region):
    assert payload(write, Provincia=province)["region"] == region


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("", "Agip Eni FORLÌ"), ('Bar "Sport', 'Bar "Sport'), ('"Da Gino"', "Da Gino"), ("Nord; Sud", "Nord; Sud"),
        ('"Est | Ovest"', "Est | Ovest"),
    ],
)  # fmt: skip
def test_quotes_and_separators_in_names(write, name, read):
    assert payload(write, **{"Nome Impianto": name})["name"] == read


def test_a_separator_too_many_is_told_and_not_guessed(write):
    problem = station(write, **{"Nome Impianto": "Nord | Sud"})
    assert isinstance(problem, RowProblem)
    assert problem.reason == "not 10 columns parted by |"


@pytest.mark.parametrize("name", ["Latitudine", "Longitudine", "idImpianto"])
def test_a_missing_cell_is_named(write, name):
    problem = station(write, **{name: ""})
    assert isinstance(problem, RowProblem)
    assert "is missing" in problem.reason


def test_other_columns_and_another_order_are_fine(write):
    columns = ("dtComu", "nuova", "IDIMPIANTO", "isSelf", "prezzo", "descCarburante")
    assert told(ITALY.prices(write(columns, (AT, "x", "3464", "1", "1.799", "Benzina")))) == [(Fuel.E5, 1799)]


def test_another_table_names_what_is_missing(write):
    with pytest.raises(FeedError, match="missing columns: descCarburante, prezzo, isSelf, dtComu"):
        list(ITALY.prices(write(STATION_COLUMNS, STATION)))


@pytest.mark.parametrize(
    ("price", "mills"), [("1.799", 1799), ("1,799", 1799), ("0", 0), ("0.000", 0), ("9.999", 9999), ("-1", -1000)]
)
def test_prices_are_read_and_not_judged(prices, price, mills):
    [record] = prices(("3464", "Benzina", price, "1", AT))
    assert told([record]) == [(Fuel.E5, mills)]
    assert record.report["effective_at"] == "2026-04-30T08:00:00.000000Z"


@pytest.mark.parametrize("served_first", [True, False])
def test_self_service_counts_and_the_served_price_is_told(prices, served_first):
    rows = [("3464", "Benzina", "1.999", "0", AT), ("3464", "Benzina", "1.799", "1", AT)]
    read = prices(*(rows if served_first else reversed(rows)))
    assert told(read) == [(Fuel.E5, 1799)]
    assert [(one.why, one.reason) for one in read if isinstance(one, RowProblem)] == [
        (Why.SECOND_PRICE, "a second price of e5: Benzina for 1.799 counts")
    ]  # fmt: skip


def test_a_served_price_counts_where_it_is_the_only_one_that_is_a_price(prices):
    assert told(prices(("3464", "GPL", "0.719", "0", AT))) == [(Fuel.LPG, 719)]
    assert told(prices(("3464", "Benzina", "1.999", "0", AT), ("3464", "Benzina", "0", "1", AT))) == [(Fuel.E5, 1999)]


def test_a_winter_diesel_stands_behind_the_usual_one(prices):
    read = prices(("3464", "Gasolio Artico", "1.899", "1", AT), ("3464", "Gasolio", "1.699", "1", AT))
    assert told(read) == [(Fuel.DIESEL_B7, 1699)]


def test_stations_do_not_mix(prices):
    read = prices(*((str(station), "Benzina", "1.799", "1", AT) for station in (3, 4, 5)))
    assert [one.external_id for one in read] == ["3", "4", "5"]


@pytest.mark.parametrize(
    ("name", "why"),
    [("HVOlution", Why.LEFT_OUT), ("HiQ Perform+", Why.LEFT_OUT), ("Benzina Lunare", Why.UNKNOWN_GRADE)],
)
def test_names_without_a_grade_are_told(prices, name, why):
    [problem] = prices(("3464", name, "1.999", "1", AT))
    assert (problem.grade, problem.why) == (name, why)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("3464", "Benzina", "gratis", "1", AT), "Benzina: 'gratis' is not a number"),
        (("3464", "Benzina", "", "1", AT), "Benzina: '' is not a number"),
        (("3464", "Benzina", "1.799", "2", AT), "isSelf '2' is neither 0 nor 1"),
        (("3464", "Benzina", "1.799", "1", "ieri"), "time 'ieri'"),
        (("", "Benzina", "1.799", "1", AT), "idImpianto is missing"),
        (("3464", "", "1.799", "1", AT), "descCarburante is missing"),
        ("3464;Benzina;1.799", "not 5 columns parted by ;"),
    ],
)
def test_one_bad_row_costs_no_other(prices, row, reason):
    read = prices(row, "", ("3464", "Gasolio", "1.699", "1", AT))
    assert [one.reason for one in read if isinstance(one, RowProblem)][0].startswith(reason)  # noqa: RUF015
    assert told(read) == [(Fuel.DIESEL_B7, 1699)]
