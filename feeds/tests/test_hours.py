"""Opening hours as France and Spain write them."""

import pytest
from defusedxml.ElementTree import fromstring

from feeds.hours import DAYS, UNREADABLE, french_hours, or_unknown, spanish_hours
from stations.domain.opening_hours import OpeningHours

ALL_DAYS = {"weekly": [{"days": list(DAYS), "opens": "00:00", "closes": "24:00"}]}
TIMES = '<horaire ouverture="06.30" fermeture="22.00"/>'


def french(text):
    hours = french_hours(fromstring(f"<horaires>{text}</horaires>"))
    return hours["weekly"] if hours else None


def week(sunday):
    return "".join(f'<jour id="{day}" ferme="">{TIMES}</jour>' for day in range(1, 7)) + sunday


@pytest.mark.parametrize("text", ["L-D: 24H", "l-d: 24h", "L-D: 00:00-24:00", "L-D: 00:00-23:59", "L-D:00:00-00:00;"])
def test_always(text):
    assert spanish_hours(text) == ALL_DAYS


def test_days_and_two_times_of_a_day():
    assert spanish_hours("L-V: 6:00-14:00 y 16:00-22:00; S,D: 08:00-01:00") == {
        "weekly": [
            {"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "06:00", "closes": "14:00"},
            {"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "16:00", "closes": "22:00"},
            {"days": ["sat", "sun"], "opens": "08:00", "closes": "01:00"},
        ]
    }


def test_no_hours_are_unknown():
    assert spanish_hours("") is spanish_hours(" ; ") is french_hours(None) is french("") is None


@pytest.mark.parametrize(
    "text",
    ["VARIABLE", "L-V", "L-V: ", "L-V: 06:00", "D-L: 24H", "L-V: 25:00-26:00", "L-V: 06:00-06:00", "L-V: 06:60-07:00",
     "A-B: 24H", "L-V: 24:00-06:00", "L-V: 06:00-24:30"],
)  # fmt: skip
def test_odd_spanish_hours_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        spanish_hours(text)
    assert or_unknown(lambda: spanish_hours(text)) == (None, (UNREADABLE,))


def test_a_pump_that_takes_cards_is_always_open():
    for yes in ("1", "oui"):
        assert french_hours(fromstring(f'<horaires automate-24-24="{yes}"/>')) == ALL_DAYS


def test_a_week_with_a_closed_day():
    weekly = french(week('<jour id="7" nom="Dimanche" ferme="1"/>'))
    assert weekly == [{"days": [day], "opens": "06:30", "closes": "22:00"} for day in DAYS[:6]]


def test_a_day_that_nobody_knows_leaves_the_week_unknown():
    assert french(week('<jour id="7" nom="Dimanche" ferme=""/>')) is None
    assert french(week("")) is None


@pytest.mark.parametrize(
    "day",
    ['<jour id="8" ferme="1"/>', '<jour ferme="1"/>', '<jour id="7"><horaire ouverture="tard" fermeture=""/></jour>',
     '<jour id="7"><horaire ouverture="01.00" fermeture="01.00"/></jour>', "<jour id='7'><horaire/></jour>"],
)  # fmt: skip
def test_odd_french_hours_are_refused(day):
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        french(week(day))


def test_the_stations_service_takes_what_is_read():
    for hours in (spanish_hours("L-S: 05:00-01:00; D: 24H"), french_hours(fromstring('<h automate-24-24="1"/>'))):
        assert OpeningHours.model_validate(hours).weekly
