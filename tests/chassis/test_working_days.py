from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.working_days import is_working_day, working_day_from


@pytest.mark.parametrize(
    ("day", "first"),
    [
        (date(2026, 11, 24), date(2026, 11, 24)),  # a Tuesday
        (date(2026, 11, 28), date(2026, 11, 30)),  # a Saturday
        (date(2026, 4, 3), date(2026, 4, 7)),  # Good Friday to Easter Monday
        (date(2026, 6, 19), date(2026, 6, 22)),  # Midsummer Eve
        (date(2026, 12, 24), date(2026, 12, 28)),  # Christmas Eve, Christmas and a Sunday
        (date(2026, 12, 31), date(2027, 1, 4)),  # New Year's Eve over the turn of the year
        (date(2027, 1, 6), date(2027, 1, 7)),  # Epiphany
        (date(2026, 5, 14), date(2026, 5, 15)),  # Ascension; the Friday after it is an ordinary one
        (date(2030, 6, 6), date(2030, 6, 7)),  # the National Day
    ],
)
def test_the_next_working_day(day: date, first: date) -> None:
    assert working_day_from(day) == first


@given(st.dates(date(2015, 1, 1), date(2060, 12, 31)))
def test_it_is_the_first_one_and_never_more_than_a_week_away(day: date) -> None:
    found = working_day_from(day)
    assert is_working_day(found)
    assert timedelta(0) <= found - day < timedelta(days=7)
    assert not any(is_working_day(day + timedelta(days=n)) for n in range((found - day).days))
