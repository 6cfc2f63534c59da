"""Population figures: one municipality, one reference date, one figure, and where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.chassis.municipality import is_municipality_code
from services.chassis.refusals import N_, Refusal

MOST_PEOPLE = 100_000_000  # ten times the country: more is a slip of the hand
FIRST_DATE = date(1968, 1, 1)  # from when Statistics Sweden gives figures by municipality


@dataclass(frozen=True, slots=True)
class Figure:
    municipality_code: str
    reference_date: date
    population: int
    source: str
    published_on: date | None = None  # None: not said


def refusal_for(figure: Figure, row: int, today: date) -> Refusal | None:
    """Why a figure cannot be taken in; `row` counts from 1 among those given together."""
    facts = {"row": row, "municipality": figure.municipality_code, "population": figure.population}
    if not is_municipality_code(figure.municipality_code):
        return Refusal(
            "municipality_code_invalid",
            N_("Row %(row)s: a municipality code is four digits, not %(municipality)s."),
            facts,
            status=422,
        )
    if not 0 < figure.population <= MOST_PEOPLE:
        return Refusal(
            "population_not_positive",
            N_(
                "Row %(row)s: the population of %(municipality)s must be a whole number above 0, "
                "not %(population)s."
            )
            if figure.population <= 0
            else N_("Row %(row)s: %(population)s is more people than a municipality has."),
            facts,
            status=422,
        )
    if not FIRST_DATE <= figure.reference_date <= today:
        return Refusal(
            "reference_date_impossible",
            N_("Row %(row)s: a reference date must be from %(first)s to today, not %(day)s."),
            {**facts, "first": FIRST_DATE, "day": figure.reference_date},
            status=422,
        )
    if not figure.source.strip():
        return Refusal("source_missing", N_("Row %(row)s: say where the figure is from."), facts, status=422)
    return None
