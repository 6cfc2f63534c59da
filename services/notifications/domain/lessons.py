"""When a course's lessons are, as local time in Sweden."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.chassis.clock import STOCKHOLM


@dataclass(frozen=True, slots=True)
class Lessons:
    """A weekly lesson from the first day to the last, both included. `starts_at` is local, HH:MM.

    Which weeks a school is closed is not known here, and nothing is made up about them.
    """

    first_on: date
    last_on: date
    starts_at: str
    minutes: int

    def first_start(self) -> datetime:
        return self._on(self.first_on)

    def first_end(self) -> datetime:
        """Counted on the clock on the wall: a lesson ends at the same time all term."""
        return self.first_start() + timedelta(minutes=self.minutes)

    def last_start(self) -> datetime:
        """The last of the weekly starts is on this day or before it."""
        return self._on(self.last_on)

    def ends_at(self) -> str:
        """HH:MM."""
        return self.first_end().strftime("%H:%M")

    def _on(self, day: date) -> datetime:
        return datetime.combine(day, time.fromisoformat(self.starts_at), STOCKHOLM)
