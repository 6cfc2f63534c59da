"""Days of a rule book that come back every term: `15 May for the autumn term`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from marshmallow import ValidationError

AUTUMN, SPRING = "autumn", "spring"
_FIRST_AUTUMN_MONTH = 7
# From the middle of January to the middle of June. No term goes on into the next year.
LONGEST_TERM = timedelta(days=150)


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
        """The last such day before the term is over.

        1 December for a spring term is in the year before, 1 February in the year itself; for an autumn term
        1 February is in the spring before it, and so is 15 January.
        """
        text = self.autumn if season_of(term_starts_on) == AUTUMN else self.spring
        if text is None:
            return None
        over = min(term_starts_on + LONGEST_TERM, date(term_starts_on.year, 12, 31))
        days = [date.fromisoformat(f"{year}-{text}") for year in (over.year - 1, over.year)]
        return max(day for day in days if day <= over)

    def has_passed(self, term_starts_on: date, today: date) -> bool:
        """Whether `today` is after the day; the day itself is included."""
        day = self.of_term(term_starts_on)
        return day is not None and today > day
