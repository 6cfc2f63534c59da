"""Which term families apply for, and when its lessons are."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalogue.domain.terms import autumn_term, lessons_between, spring_term, term_to_apply_for


@pytest.mark.parametrize(
    ("day", "term_id"),
    [
        (date(2026, 1, 1), "VT2026"),
        (date(2026, 4, 30), "VT2026"),
        (date(2026, 5, 1), "HT2026"),
        (date(2026, 9, 30), "HT2026"),
        (date(2026, 10, 1), "VT2027"),
        (date(2026, 12, 31), "VT2027"),
    ],
)
def test_the_term_to_apply_for(day: date, term_id: str) -> None:
    assert term_to_apply_for(day).term_id == term_id


def test_the_spring_of_2027() -> None:
    term = spring_term(2027)
    assert (term.starts_on, term.ends_on) == (date(2027, 1, 18), date(2027, 6, 4))
    assert (term.name.sv, term.name.en) == ("Vårterminen 2027", "Spring term 2027")
    assert term.apply_from is term.apply_until is None


def test_the_autumn_of_2026() -> None:
    term = autumn_term(2026)
    assert (term.starts_on, term.ends_on) == (date(2026, 8, 24), date(2026, 12, 11))
    assert term.term_id == "HT2026"


def test_a_saturday_course_ends_before_the_terms_last_friday() -> None:
    assert lessons_between(spring_term(2027), 6) == (date(2027, 1, 23), date(2027, 5, 29))
    assert lessons_between(spring_term(2027), 5) == (date(2027, 1, 22), date(2027, 6, 4))
    assert lessons_between(spring_term(2027), 1) == (date(2027, 1, 18), date(2027, 5, 31))


@given(st.integers(2000, 2100), st.integers(1, 7), st.booleans())
def test_lessons_are_on_their_weekday_and_inside_the_term(year: int, weekday: int, spring: bool) -> None:
    term = spring_term(year) if spring else autumn_term(year)
    first, last = lessons_between(term, weekday)
    assert first.isoweekday() == last.isoweekday() == weekday
    assert term.starts_on <= first <= last <= term.ends_on
    assert (first - term.starts_on).days < 7
    assert (term.ends_on - last).days < 7
    assert term.starts_on.isoweekday() == 1
    assert term.ends_on.isoweekday() == 5
