"""Time is passed in, so that a rule can be tried on any day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

STOCKHOLM = ZoneInfo("Europe/Stockholm")


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, aware."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        if now.tzinfo is None:
            raise ValueError("a clock needs an aware time")
        self.time = now.astimezone(UTC)

    def now(self) -> datetime:
        return self.time


def local_date(time: datetime) -> date:
    """The calendar day in Sweden at `time`: the day a deadline or an age is counted on."""
    return time.astimezone(STOCKHOLM).date()


def years_before(day: date, years: int) -> date:
    """Who is born on the day found, or before, is that old on `day`: the same reckoning as `age_on`."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February, in a year that has none
        return date(day.year - years, 2, 28)


def age_on(born_on: date, day: date) -> int:
    """Whole years on `day`. Who is born on 29 February turns a year older on 1 March in other years."""
    had_birthday = (day.month, day.day) >= (born_on.month, born_on.day)
    return day.year - born_on.year - (0 if had_birthday else 1)
