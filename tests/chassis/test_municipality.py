from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.municipality import covers, is_county_code, is_municipality_code

DIGITS = "0123456789"
MUNICIPALITIES = st.text(DIGITS, min_size=4, max_size=4)
COUNTIES = st.text(DIGITS, min_size=2, max_size=2)


def test_codes() -> None:
    assert is_municipality_code("1980")
    assert is_municipality_code("0114")
    assert is_county_code("19")
    assert is_county_code("01")


@pytest.mark.parametrize("text", ["", "1", "198", "19800", "1980\n", " 1980", "198O", "١٩٨٠", "-198", "1e10"])
def test_what_is_no_code(text: str) -> None:
    assert not is_municipality_code(text)
    assert not is_county_code(text)


@given(MUNICIPALITIES, MUNICIPALITIES)
def test_a_municipality_covers_itself_alone(scope: str, other: str) -> None:
    assert covers(scope, other) == (scope == other)


@given(COUNTIES, MUNICIPALITIES)
def test_a_county_covers_its_own_municipalities(county: str, municipality: str) -> None:
    assert covers(county, municipality) == (municipality[:2] == county)
    assert covers(county, county)


@pytest.mark.parametrize("scope", ["", "1", "198", "*", "%", "1980 "])
def test_what_is_no_code_covers_nothing(scope: str) -> None:
    assert not covers(scope, "1980")
