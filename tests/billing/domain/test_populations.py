from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.billing.domain.populations import MOST_PEOPLE, Figure, refusal_for

TODAY = date(2026, 11, 24)
GOOD = Figure("1981", date(2024, 12, 31), 22843, "scb.se")


@pytest.mark.parametrize(
    "figure",
    [
        GOOD,
        replace(GOOD, population=1),
        replace(GOOD, population=MOST_PEOPLE),
        replace(GOOD, reference_date=TODAY),
        replace(GOOD, reference_date=date(1968, 1, 1)),
    ],
)
def test_a_good_figure_is_taken(figure: Figure) -> None:
    assert refusal_for(figure, 1, TODAY) is None


@pytest.mark.parametrize(
    ("figure", "name"),
    [
        (replace(GOOD, population=0), "population_not_positive"),
        (replace(GOOD, population=-22843), "population_not_positive"),
        (replace(GOOD, population=MOST_PEOPLE + 1), "population_not_positive"),
        (replace(GOOD, municipality_code="19"), "municipality_code_invalid"),
        (replace(GOOD, municipality_code="Sala"), "municipality_code_invalid"),
        (replace(GOOD, municipality_code="１９８１"), "municipality_code_invalid"),
        (replace(GOOD, reference_date=date(2026, 11, 25)), "reference_date_impossible"),
        (replace(GOOD, reference_date=date(1967, 12, 31)), "reference_date_impossible"),
        (replace(GOOD, source="  "), "source_missing"),
    ],
)
def test_a_broken_figure_is_refused_with_its_row(figure: Figure, name: str) -> None:
    refusal = refusal_for(figure, 7, TODAY)
    assert refusal is not None
    assert refusal.name == name
    assert refusal.facts["row"] == 7
    assert "Row 7" in refusal.reason % refusal.facts
