"""Days of a rule book that come back every term: `15 May for the autumn term`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from marshmallow import ValidationError

AUTUMN, SPRING = "autumn", "spring"
_FIRST_AUTUMN_MONTH = 7


def season_of(term_starts_on: date) -> str:
    """A term that starts in the second half of a year is an autumn term."""
    return AUTUMN if term_starts_on.month >= _FIRST_AUTUMN_MONTH else SPRING


def _is_day(text: str) -> None:
    """`05-15`, a day of every year. Raises ValidationError."""
    try:
        date.fromisoformat(f"2001-{text}")
    except ValueError as error:
        raise ValidationError("not a day of every year, MM-DD") from error


def _day() -> dict[str, Any]:
    return {"validate": _is_day}


@dataclass(frozen=True, slots=True)
class TermDays:
    """A day (`MM-DD`) for the autumn terms and one for the spring terms; None where there is none."""

    autumn: str | None = field(default=None, metadata=_day())
    spring: str | None = field(default=None, metadata=_day())

    def of_term(self, term_starts_on: date) -> date | None:
        """The day in the year that brings it nearest to the term's first day.

        1 December for a spring term is in the year before, 1 February in the year itself.
        """
        text = self.autumn if season_of(term_starts_on) == AUTUMN else self.spring
        if text is None:
            return None
        years = (term_starts_on.year - 1, term_starts_on.year, term_starts_on.year + 1)
        days = [date.fromisoformat(f"{year}-{text}") for year in years]
        return min(days, key=lambda day: abs(day - term_starts_on))

    def has_passed(self, term_starts_on: date, today: date) -> bool:
        """Whether `today` is after the day; the day itself is included."""
        day = self.of_term(term_starts_on)
        return day is not None and today > day
