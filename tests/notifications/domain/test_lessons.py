"""Lessons are on the clock on the wall, also when the clock is moved."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.lessons import Lessons


def test_a_lesson_before_and_after_the_clock_is_moved_starts_at_the_same_local_time() -> None:
    lessons = Lessons(date(2027, 1, 16), date(2027, 6, 5), "16:30", 60)
    assert lessons.first_start().astimezone(UTC) == datetime(2027, 1, 16, 15, 30, tzinfo=UTC)
    assert lessons.last_start().astimezone(UTC) == datetime(2027, 6, 5, 14, 30, tzinfo=UTC)


def test_a_first_lesson_on_the_leap_day() -> None:
    lessons = Lessons(date(2028, 2, 29), date(2028, 5, 30), "16:30", 45)
    assert lessons.first_start().isoformat() == "2028-02-29T16:30:00+01:00"
    assert lessons.ends_at() == "17:15"


def test_a_lesson_may_end_after_midnight() -> None:
    assert Lessons(date(2027, 1, 16), date(2027, 1, 16), "23:30", 60).ends_at() == "00:30"


@given(
    first=st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    weeks=st.integers(0, 30),
    minute=st.integers(4 * 60, 22 * 60),
    minutes=st.integers(15, 90),
)
def test_local_time_never_moves(first: date, weeks: int, minute: int, minutes: int) -> None:
    starts_at = f"{minute // 60:02d}:{minute % 60:02d}"
    lessons = Lessons(first, first + timedelta(weeks=weeks), starts_at, minutes)
    assert lessons.first_start().strftime("%H:%M") == lessons.last_start().strftime("%H:%M") == starts_at
    assert lessons.first_end().replace(tzinfo=None) - lessons.first_start().replace(tzinfo=None) == timedelta(
        minutes=minutes
    )


@pytest.mark.parametrize("starts_at", ["25:00", "noon"])
def test_what_is_no_time_is_refused(starts_at: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|hour"):
        Lessons(date(2027, 1, 16), date(2027, 1, 16), starts_at, 60).first_start()
