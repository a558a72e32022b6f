"""`openingtimes_json` as opening hours."""

import json

import pytest

from feeds.tankerkoenig_hours import DAYS, opening_hours


def usual(applicable_days, startp, endp):
    return {"applicable_days": applicable_days, "periods": [{"startp": startp, "endp": endp}]}


def override(startp, endp, is_close=True):
    return {"startp": startp, "endp": endp, "is_close": is_close}


def read(*usuals, overrides=()):
    return opening_hours(json.dumps({"openingTimes": usuals, "overrides": overrides}))


def exceptions(*overrides, opens="06:00", closes="22:00"):
    hours = read(usual(127, opens, closes), overrides=overrides)
    assert hours is not None
    return hours.get("exceptions", [])


@pytest.mark.parametrize("text", ["{}", '{"openingTimes": []}', '{"overrides": []}'])
def test_hours_that_say_nothing_are_unknown(text):
    assert opening_hours(text) is None


def test_the_bits_name_the_days_from_monday_to_the_holiday():
    named = [read(usual(1 << bit, "06:00", "22:00")) for bit in range(8)]
    assert [hours and hours["weekly"][0]["days"] for hours in named] == [[day] for day in DAYS]


@pytest.mark.parametrize(
    ("startp", "endp", "closes"),
    [
        ("00:00", "00:00", "24:00"),
        ("00:00", "24:00", "24:00"),
        ("05:00", "24:00", "24:00"),
        ("05:00", "00:00", "00:00"),
        ("06:00", "02:00", "02:00"),
    ],
)
def test_a_whole_day_ends_at_24_and_other_ends_stay(startp, endp, closes):
    assert read(usual(192, startp, endp)) == {
        "weekly": [{"days": ["sun", "holiday"], "opens": startp, "closes": closes}]
    }


def test_several_periods_of_a_day_stay_apart():
    periods = [{"startp": "06:00", "endp": "12:00"}, {"startp": "14:00", "endp": "18:00"}]
    hours = read({"applicable_days": 1, "periods": periods})
    assert hours == {
        "weekly": [
            {"days": ["mon"], "opens": "06:00", "closes": "12:00"},
            {"days": ["mon"], "opens": "14:00", "closes": "18:00"},
        ]
    }


def test_a_closure_of_whole_days_is_one_exception_with_its_last_day():
    assert exceptions(override("2023-05-01 00:00", "2023-05-04 00:00")) == [
        {"from": "2023-05-01", "until": "2023-05-03", "closed": True}
    ]
    assert exceptions(override("2023-05-01 00:00", "2023-05-01 23:59")) == [
        {"from": "2023-05-01", "until": "2023-05-01", "closed": True}
    ]


def test_an_opening_replaces_the_hours_of_its_day():
    assert exceptions(override("2023-04-23 12:00", "2023-04-23 17:29", is_close=False)) == [
        {"from": "2023-04-23", "until": "2023-04-23", "opens": "12:00", "closes": "17:29"}
    ]


def test_a_closure_of_part_of_a_day_leaves_the_rest_of_its_usual_hours():
    assert exceptions(override("2023-04-19 09:00", "2023-04-19 17:00")) == [
        {"from": "2023-04-19", "until": "2023-04-19", "opens": "06:00", "closes": "09:00"},
        {"from": "2023-04-19", "until": "2023-04-19", "opens": "17:00", "closes": "22:00"},
    ]


def test_closures_of_one_day_add_up():
    assert exceptions(
        override("2023-04-19 06:00", "2023-04-19 08:00"), override("2023-04-19 20:00", "2023-04-19 23:59")
    ) == [{"from": "2023-04-19", "until": "2023-04-19", "opens": "08:00", "closes": "20:00"}]


def test_a_closure_over_all_usual_hours_closes_the_day():
    assert exceptions(override("2023-04-19 05:00", "2023-04-19 22:30")) == [
        {"from": "2023-04-19", "until": "2023-04-19", "closed": True}
    ]


def test_a_long_closure_begins_and_ends_within_a_day():
    assert exceptions(override("2023-03-09 14:53", "2023-03-12 10:00")) == [
        {"from": "2023-03-10", "until": "2023-03-11", "closed": True},
        {"from": "2023-03-09", "until": "2023-03-09", "opens": "06:00", "closes": "14:53"},
        {"from": "2023-03-12", "until": "2023-03-12", "opens": "10:00", "closes": "22:00"},
    ]


def test_a_closure_of_part_of_an_opening_cuts_the_opening():
    assert exceptions(
        override("2023-04-23 10:00", "2023-04-23 12:00"),
        override("2023-04-23 08:00", "2023-04-23 18:00", is_close=False),
    ) == [
        {"from": "2023-04-23", "until": "2023-04-23", "opens": "08:00", "closes": "10:00"},
        {"from": "2023-04-23", "until": "2023-04-23", "opens": "12:00", "closes": "18:00"},
    ]


def test_the_hours_after_midnight_belong_to_the_next_day():
    assert exceptions(override("2023-04-19 06:00", "2023-04-19 20:00"), closes="02:00") == [
        {"from": "2023-04-19", "until": "2023-04-19", "opens": "20:00", "closes": "24:00"}
    ]


def test_without_usual_hours_whole_days_are_known_and_the_rest_is_not():
    assert read(overrides=[override("2020-01-05 23:59", "2099-12-31 23:59")]) == {
        "weekly": [],
        "exceptions": [{"from": "2020-01-06", "until": "2099-12-31", "closed": True}],
    }
    assert read(overrides=[override("2023-04-20 09:00", "2023-04-20 17:00")]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "always open",
        "[]",
        json.dumps({"openingTimes": [usual(0, "06:00", "22:00")]}),
        json.dumps({"openingTimes": [usual(256, "06:00", "22:00")]}),
        json.dumps({"openingTimes": [usual("mon", "06:00", "22:00")]}),
        json.dumps({"openingTimes": [usual(1, "6:00", "22:00")]}),
        json.dumps({"openingTimes": [usual(1, "06:00", "24:01")]}),
        json.dumps({"openingTimes": [{"applicable_days": 1}]}),
        json.dumps({"overrides": [override("2023-05-02 00:00", "2023-05-01 00:00")]}),
        json.dumps({"overrides": [override("2023-05-01 09:00", "2023-05-01 09:00")]}),
        json.dumps({"overrides": [override("2023-02-30 00:00", "2023-05-01 00:00")]}),
        json.dumps({"overrides": [override("tomorrow", "2023-05-01 00:00")]}),
        '{"x": ' + "[" * 100_000,
    ],
)
def test_odd_hours_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the datetime module words some of them
        opening_hours(text)
