"""What the answers of guardians come to, whoever comes first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrolment.domain.answers import ACCEPTED, DECLINED, DISPUTED, HELD, standing


@pytest.mark.parametrize(
    ("answers", "silent", "comes_to"),
    [
        (["yes"], 0, ACCEPTED),
        (["yes"], 1, ACCEPTED),
        (["no"], 1, HELD),
        (["no"], 0, DECLINED),
        (["no", "no"], 0, DECLINED),
        (["no", "no"], 1, HELD),
        (["yes", "yes"], 0, ACCEPTED),
        (["yes", "no"], 0, DISPUTED),
        (["no", "yes"], 0, DISPUTED),
        (["no", "yes", "yes"], 2, DISPUTED),
    ],
)
def test_standing(answers: list[str], silent: int, comes_to: str) -> None:
    assert standing(answers, silent) == comes_to


@given(st.permutations(["yes", "no", "no", "yes"]), st.integers(0, 3))
def test_no_answer_counts_for_more_because_it_came_first(answers: list[str], silent: int) -> None:
    assert standing(answers, silent) == DISPUTED
