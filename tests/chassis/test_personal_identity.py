"""Personal identity numbers in every usual spelling come out as one; what is none is refused.

The numbers are made up, or of Skatteverket's list of numbers for tests.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.personal_identity import (
    InvalidPersonalIdentity,
    PersonalIdentity,
    parse_personal_identity,
    with_check_digit,
)

TODAY = date(2026, 11, 24)


def number_of(born_on: date, serial: int = 238, offset: int = 0) -> str:
    return with_check_digit(f"{born_on:%Y%m}{born_on.day + offset:02d}{serial:03d}")


@pytest.mark.parametrize(
    "text",
    ["201705032389", "20170503-2389", "170503-2389", "1705032389", " 170503-2389 ", "20170503-2389\n"],
)
def test_every_usual_spelling_is_the_same_number(text: str) -> None:
    assert parse_personal_identity(text, TODAY) == PersonalIdentity(
        "201705032389", date(2017, 5, 3), is_coordination_number=False, is_female=True
    )


def test_an_odd_serial_number_is_a_mans() -> None:
    assert not parse_personal_identity(number_of(date(2017, 5, 3), serial=239), TODAY).is_female


def test_a_coordination_number_has_sixty_on_its_day() -> None:
    number = number_of(date(2017, 5, 3), offset=60)
    assert number[6:8] == "63"
    found = parse_personal_identity(f"{number[2:8]}-{number[8:]}", TODAY)
    assert (found.number, found.born_on, found.is_coordination_number) == (number, date(2017, 5, 3), True)


def test_known_numbers_of_the_tax_agency() -> None:
    assert parse_personal_identity("189102279800", date(2026, 1, 1)).born_on == date(1891, 2, 27)
    assert parse_personal_identity("199001019802", date(2026, 1, 1)).born_on == date(1990, 1, 1)


@pytest.mark.parametrize(
    ("text", "born_on"),
    [("170503-2389", date(2017, 5, 3)), ("170503+2389", date(1917, 5, 3)), ("1705032389", date(2017, 5, 3))],
)
def test_centenarians_have_a_plus(text: str, born_on: date) -> None:
    assert parse_personal_identity(text, TODAY).born_on == born_on


@pytest.mark.parametrize("sign", ["-", "+"])
def test_the_century_is_counted_from_the_day_asked_about(sign: str) -> None:
    # In 2010 nobody was born in 2017: the last year that ended in 17 was 1917.
    born_on = parse_personal_identity(f"170503{sign}2389", date(2010, 1, 1)).born_on
    assert born_on == date(1917 if sign == "-" else 1817, 5, 3)


@pytest.mark.parametrize(
    "digits",
    ["20170229238", "20171303238", "20170500238", "20170532238", "20170560238", "20170592238", "00000503238"],
)
def test_impossible_dates(digits: str) -> None:
    with pytest.raises(InvalidPersonalIdentity):
        parse_personal_identity(with_check_digit(digits), TODAY)


def test_a_leap_day_is_possible() -> None:
    assert parse_personal_identity(number_of(date(2016, 2, 29)), TODAY).born_on == date(2016, 2, 29)


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(1, 999), st.sampled_from([0, 60]))
def test_only_one_check_digit_is_right(born_on: date, serial: int, offset: int) -> None:
    number = number_of(born_on, serial, offset)
    assert parse_personal_identity(number, TODAY).born_on == born_on
    for digit in set("0123456789") - {number[-1]}:
        with pytest.raises(InvalidPersonalIdentity):
            parse_personal_identity(number[:-1] + digit, TODAY)


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(1, 999))
def test_two_digits_that_changed_places_are_found(born_on: date, serial: int) -> None:
    number = number_of(born_on, serial)
    for at in range(8, 11):
        swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
        # Luhn's one blind spot is 09 for 90.
        if swapped != number and {number[at], number[at + 1]} != {"0", "9"}:
            with pytest.raises(InvalidPersonalIdentity):
                parse_personal_identity(swapped, TODAY)


def test_today_is_no_future_and_tomorrow_is() -> None:
    assert parse_personal_identity(number_of(TODAY), TODAY).born_on == TODAY
    with pytest.raises(InvalidPersonalIdentity, match="future"):
        parse_personal_identity(number_of(TODAY + timedelta(days=1)), TODAY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "20170503",
        "170503-238",
        "2017-05-03-2389",
        "201705032389a",
        "١٧٠٥٠٣-٢٣٨٩",
        "17O503-2389",
        "170503-0001",
        "170503--2389",
        "170503 2389",
        "170503-2389\x00",
        "9" * 5000,
    ],
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InvalidPersonalIdentity) as caught:
        parse_personal_identity(text, TODAY)
    assert len(text) < 6 or text not in str(caught.value)  # a reason may be logged, a number may not


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        found = parse_personal_identity(text, TODAY)
    except InvalidPersonalIdentity:
        return
    assert parse_personal_identity(found.number, TODAY) == found
