"""Days are counted in Sweden, and who is born on a leap day has birthdays too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.clock import FixedClock, SystemClock, age_on, local_date

DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("day", "age"),
    [
        (date(2016, 2, 29), 0),
        (date(2017, 2, 28), 0),
        (date(2017, 3, 1), 1),
        (date(2020, 2, 28), 3),
        (date(2020, 2, 29), 4),
        (date(2024, 2, 29), 8),
        (date(2026, 2, 28), 9),
        (date(2026, 3, 1), 10),
    ],
)
def test_born_on_29_february(day: date, age: int) -> None:
    assert age_on(date(2016, 2, 29), day) == age


def test_a_year_older_on_the_birthday_and_not_before() -> None:
    assert age_on(date(2017, 5, 4), date(2026, 5, 3)) == 8
    assert age_on(date(2017, 5, 4), date(2026, 5, 4)) == 9
    assert age_on(date(2017, 12, 31), date(2026, 1, 1)) == 8


@given(DAYS, DAYS)
def test_an_age_never_falls_and_grows_by_one(born_on: date, day: date) -> None:
    today, tomorrow = age_on(born_on, day), age_on(born_on, day + timedelta(days=1))
    assert tomorrow - today in (0, 1)
    assert age_on(born_on, born_on) == 0


@pytest.mark.parametrize(
    ("time", "day"),
    [
        (datetime(2026, 1, 15, 22, 59, 59, tzinfo=UTC), date(2026, 1, 15)),
        (datetime(2026, 1, 15, 23, 0, tzinfo=UTC), date(2026, 1, 16)),  # winter: an hour before UTC
        (datetime(2026, 7, 15, 21, 59, 59, tzinfo=UTC), date(2026, 7, 15)),
        (datetime(2026, 7, 15, 22, 0, tzinfo=UTC), date(2026, 7, 16)),  # summer: two
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29)),  # the day of 23 hours begins
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25)),  # the day of 25 hours begins
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_a_day_begins_at_midnight_in_sweden(time: datetime, day: date) -> None:
    assert local_date(time) == day


def test_a_fixed_clock_stands_still_and_speaks_utc() -> None:
    clock = FixedClock(datetime(2026, 11, 24, 10, 0, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now() == clock.now() == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_a_clock_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 11, 24, 9, 0))  # noqa: DTZ001  # the mistake it refuses


def test_the_systems_clock_goes_and_speaks_utc() -> None:
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)
    assert SystemClock().now().tzinfo is UTC
