"""The one table of grades."""

import pytest

from feeds import FEEDS
from feeds.base import Why
from feeds.grades import GRADES, UnmappedGradeError, fuel_of, rank
from schemas.vocabulary import Fuel

NAMES = [(feed, grade, fuel) for feed, grades in GRADES.items() for grade, fuel in grades.items()]
FUELS = [(feed, grade, fuel) for feed, grade, fuel in NAMES if isinstance(fuel, Fuel)]
LEFT_OUT = [(feed, grade) for feed, grade, fuel in NAMES if not isinstance(fuel, Fuel)]


def test_every_feed_but_the_one_with_fixed_columns_has_its_names():
    assert GRADES.keys() == FEEDS.keys() - {"tankerkoenig"}


def test_a_name_stands_for_one_grade_whatever_its_case():
    for feed, grade, fuel in FUELS:
        assert fuel_of(feed, grade) == fuel_of(feed, f" {grade.upper()}  ") == fuel


def test_names_that_differ_only_in_case_and_accents_are_not_told_apart():
    assert fuel_of("spain", "Gases licuados del petroleo") == Fuel.LPG
    assert fuel_of("italy", "Gasolio artico") == fuel_of("italy", "Gasolio Artico") == Fuel.DIESEL_B7
    assert fuel_of("france", "gazole") == Fuel.DIESEL_B7


def test_what_is_left_out_says_why():
    for feed, grade in LEFT_OUT:
        with pytest.raises(UnmappedGradeError, match=r"is (for|none|a brand's|electricity)") as caught:
            fuel_of(feed, grade)
        assert caught.value.why is Why.LEFT_OUT


@pytest.mark.parametrize("feed", GRADES)
def test_a_name_that_nobody_has_seen_is_told_apart(feed):
    with pytest.raises(UnmappedGradeError, match="unknown grade 'Moonshine'") as caught:
        fuel_of(feed, "Moonshine")
    assert caught.value.why is Why.UNKNOWN_GRADE


def test_no_petrol_stands_as_diesel_nor_the_other_way_round():
    diesel = {fuel for fuel in Fuel if "diesel" in fuel.value}
    for _, grade, fuel in FUELS:
        name = grade.casefold()
        if any(word in name for word in ("diesel", "gasoleo", "gasolio", "gazole")):
            assert fuel in diesel, grade
        if any(word in name for word in ("benzina", "gasolina", "sp9", "super")):
            assert fuel not in diesel, grade


def test_the_better_known_name_of_a_grade_comes_first():
    assert rank("spain", "Gasolina 98 E5") < rank("spain", "Gasolina 98 E10")
    assert rank("italy", "Gasolio") < rank("italy", "Gasolio Artico")
