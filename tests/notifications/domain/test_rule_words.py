"""A rule is said in words where there are some, and by its own name where there are none."""

import pytest

from services.enrolment.domain.admission import FREE_SEAT, NEXT_IN_QUEUE, QUEUE_RULES
from services.notifications.domain.rule_words import rule_in_words


@pytest.mark.parametrize("rule", [FREE_SEAT, NEXT_IN_QUEUE, *QUEUE_RULES])
def test_every_rule_that_enrolment_decides_by_has_words(rule: str) -> None:
    assert rule_in_words(rule) != rule
    assert rule_in_words(f"sala-2024/{rule}") == rule_in_words(rule)


def test_a_rule_that_is_new_to_us_is_named() -> None:
    assert rule_in_words("sala-2031/by_lot") == "sala-2031/by_lot"
