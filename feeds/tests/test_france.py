"""France's feed: scales, shortages, encodings, and XML that means harm."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from feeds import FEEDS
from feeds.base import FeedError, PriceRecord, RowProblem, StationRecord
from feeds.hours import UNREADABLE
from schemas.vocabulary import Fuel

FRANCE = FEEDS["france"]
HEAD = '<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>\n'
ADDRESS = "<adresse>Rue de l'Église</adresse><ville>SAINT-DENIS-LÈS-BOURG</ville>"
GAZOLE = '<prix nom="Gazole" id="1" maj="2026-04-30T08:00:00" valeur="1689"/>'


def point(inner: str, **attributes: str) -> str:
    given = {"id": "1000001", "latitude": "4620114", "longitude": "519791", "cp": "01000", "pop": "R"} | attributes
    return f"<pdv {' '.join(f'{name}={value!r}' for name, value in given.items())}>{ADDRESS}{inner}</pdv>"


@pytest.fixture
def write(tmp_path):
    def write_document(*points: str, head: str = HEAD, encoding: str = "iso-8859-1") -> Path:
        path = tmp_path / "prix.xml"
        path.write_bytes(f"{head}<pdv_liste>\n{''.join(points)}</pdv_liste>".encode(encoding))
        return path

    return write_document


def prices(path) -> list[tuple[str, int | None, str]]:
    """Grade, thousandths and UTC hour and minute of each record."""
    return [
        (one.report["fuel"], one.report["price_mills"], one.report["effective_at"][11:16])
        for one in FRANCE.prices(path)
        if isinstance(one, PriceRecord)
    ]


def test_a_station_has_its_place_department_zone_and_accents(write):
    [record] = FRANCE.stations(write(point(GAZOLE)))
    assert isinstance(record, StationRecord)
    assert record.payload == {
        "external_id": "1000001", "name": "Rue de l'Église, SAINT-DENIS-LÈS-BOURG", "brand": None,
        "address": {"street": "Rue de l'Église", "post_code": "01000", "city": "SAINT-DENIS-LÈS-BOURG"},
        "country": "FR", "region": "FR-01", "time_zone": "Europe/Paris", "currency": "EUR",
        "lat": 46.20114, "lon": 5.19791, "opening_hours": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("post_code", "region"),
    [("20000", "FR-2A"), ("20190", "FR-2A"), ("20200", "FR-2B"), ("97400", "FR-974"), ("75001", "FR-75"),
     ("97500", "FR-PM"), ("98000", None),
     ("", None), ("1000", None), ("MONACO", None)],
)  # fmt: skip
def test_the_department_of_a_post_code(write, post_code, region):
    [record] = FRANCE.stations(write(point("", cp=post_code)))
    assert isinstance(record, StationRecord)
    assert record.payload["region"] == region


def test_hours_that_cannot_be_read_cost_no_station(write):
    hours = '<horaires><jour id="1"><horaire ouverture="tard"/></jour></horaires>'
    odd, always = FRANCE.stations(write(point(hours), point('<horaires automate-24-24="1"/>')))
    assert isinstance(odd, StationRecord)
    assert isinstance(always, StationRecord)
    assert (odd.payload["opening_hours"], odd.assumed) == (None, (UNREADABLE,))
    assert always.payload["opening_hours"]["weekly"][0]["closes"] == "24:00"


def test_an_island_far_away_has_its_own_clock(write):
    [record] = FRANCE.stations(write(point("", latitude="-2088230", longitude="5545040")))
    assert isinstance(record, StationRecord)
    assert record.payload["time_zone"] == "Indian/Reunion"


@pytest.mark.parametrize(
    ("value", "mills"),
    [("1689", 1689), ("1.689", 1689), ("1,689", 1689), ("1689.0", 1689), ("989", 989), (".989", 989), ("0", 0),
     ("17890", 17890), ("-1", -1000)],
)  # fmt: skip
def test_thousandths_and_euros(write, value, mills):
    text = f'<prix nom="SP98" maj="2026-04-30 08:00:00" valeur="{value}"/>'
    assert prices(write(point(text))) == [(Fuel.PETROL_98, mills, "06:00")]


def test_an_open_shortage_ends_the_sale(write):
    shortage = '<rupture id="1" nom="Gazole" debut="2026-04-30 09:00:00" fin="" type="temporaire"/>'
    assert prices(write(point(GAZOLE + shortage))) == [
        (Fuel.DIESEL_B7, 1689, "06:00"), (Fuel.DIESEL_B7, None, "07:00")
    ]  # fmt: skip


def test_after_a_shortage_the_price_of_before_holds_again(write):
    shortage = '<rupture id="1" nom="Gazole" debut="2026-04-30 09:00:00" fin="2026-04-30 10:00:00"/>'
    assert prices(write(point(shortage + GAZOLE))) == [
        (Fuel.DIESEL_B7, 1689, "06:00"), (Fuel.DIESEL_B7, None, "07:00"), (Fuel.DIESEL_B7, 1689, "08:00")
    ]  # fmt: skip


def test_a_price_told_after_a_shortage_began_ends_it(write):
    shortage = '<rupture id="1" nom="Gazole" debut="2026-03-01 09:00:00" fin=""/>'
    assert prices(write(point(GAZOLE + shortage)))[-1] == (Fuel.DIESEL_B7, 1689, "06:00")


def test_a_shortage_of_what_was_never_sold_is_only_an_absence(write):
    shortage = '<rupture id="4" nom="GPLc" debut="2017-09-16T09:50:23" fin=""/>'
    [record] = FRANCE.prices(write(point(shortage)))
    assert isinstance(record, PriceRecord)
    assert record.absence
    assert record.report["price_mills"] is None


def test_many_prices_of_a_grade_come_in_the_order_of_time(write):
    earlier = GAZOLE.replace("08:00:00", "07:00:00").replace("1689", "1699")
    assert [told[1:] for told in prices(write(point(GAZOLE + earlier)))] == [(1699, "05:00"), (1689, "06:00")]


def test_the_declared_encoding_counts(write):
    for encoding in ("iso-8859-1", "utf-8", "windows-1252"):
        path = write(point(GAZOLE), head=f'<?xml version="1.0" encoding="{encoding}"?>', encoding=encoding)
        [record] = FRANCE.stations(path)
        assert isinstance(record, StationRecord)
        assert record.payload["address"]["street"] == "Rue de l'Église"


def test_an_undeclared_or_unknown_encoding_is_told(write):
    for head in ("", '<?xml version="1.0" encoding="klingon"?>'):
        with pytest.raises(FeedError, match="not XML that can be read"):
            list(FRANCE.stations(write(point(GAZOLE), head=head)))


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ('<prix nom="Gazole" maj="2026-04-30T08:00:00" valeur="gratuit"/>', "Gazole: 'gratuit' is not a number"),
        ('<prix nom="Gazole" maj="hier" valeur="1689"/>', "Gazole: time 'hier'"),
        ('<prix nom="" maj="2026-04-30T08:00:00" valeur="1689"/>', "nom is missing"),
        ('<prix nom="SP102" maj="2026-04-30T08:00:00" valeur="1689"/>', "unknown grade 'SP102'"),
        ('<rupture nom="Gazole" debut="" fin="2026-04-30T08:00:00"/>', "Gazole: time ''"),
    ],
)
def test_one_bad_price_costs_no_other(write, inner, reason):
    problem, record = FRANCE.prices(write(point(inner + GAZOLE.replace("Gazole", "SP95"))))
    assert isinstance(problem, RowProblem)
    assert reason in problem.reason
    assert problem.text.startswith(inner[:12])
    assert isinstance(record, PriceRecord)


def test_an_empty_price_says_nothing(write):
    assert list(FRANCE.prices(write(point('<prix/><prix nom="" maj="" valeur=""/>')))) == []


def test_a_station_without_a_place_or_an_id_is_told_with_its_number(write):
    path = write(point(GAZOLE), point(GAZOLE, latitude=""), point(GAZOLE, id=" "))
    assert [(one.line, one.reason) for one in FRANCE.stations(path) if isinstance(one, RowProblem)] == [
        (2, "latitude is missing"), (3, "id is missing")
    ]  # fmt: skip


def test_a_cut_file_gives_what_came_before(write):
    path = write(*(point(GAZOLE, id=str(number)) for number in range(100)))
    path.write_bytes(path.read_bytes()[:-5000])
    seen = []
    with pytest.raises(FeedError, match="broken off"):
        seen.extend(record.external_id for record in FRANCE.stations(path) if isinstance(record, StationRecord))
    assert len(seen) > 70
    assert seen == [str(number) for number in range(len(seen))]


@pytest.mark.parametrize(
    "bomb",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x [<!ENTITY % outside SYSTEM "http://127.0.0.1/x.dtd"> %outside;]>',
    ],
)
def test_entities_are_refused(write, bomb):
    with pytest.raises(FeedError, match="not XML that can be read"):
        list(FRANCE.stations(write(point("&a;"), head=HEAD + bomb)))


def test_another_document_is_refused(tmp_path):
    path = tmp_path / "page.xml"
    path.write_text("<html><body/></html>")
    with pytest.raises(FeedError, match="begins with <html>"):
        list(FRANCE.prices(path))


def test_packed_files_read_alike(write, tmp_path):
    path = write(point(GAZOLE))
    plain = list(FRANCE.prices(path))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "PrixCarburants_instantane.xml")
    for content in (gzip.compress(path.read_bytes()), packed.getvalue()):
        (tmp_path / "packed").write_bytes(content)
        assert list(FRANCE.prices(tmp_path / "packed")) == plain


def test_a_zip_of_several_files_says_so(tmp_path):
    path = tmp_path / "several.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.xml", HEAD)
        archive.writestr("b.xml", HEAD)
    with pytest.raises(FeedError, match="a zip with 2 files; unpack it"):
        list(FRANCE.prices(path))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(FeedError, match="not a zip that can be read"):
        list(FRANCE.prices(path))
