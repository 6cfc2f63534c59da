"""What a home municipality's ceiling in kronor counts for a place elsewhere."""

from __future__ import annotations

from dataclasses import replace

from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.fact import LocalText
from services.contracts.rule_prices import PriceRule, Pricing
from services.enrolment import ceilings
from tests.enrolment.conftest import both
from tests.enrolment.story import NORRBYS_RULES, SODERBY, children, decide, names, request, tell


@both
def test_a_ceiling_in_kronor_counts_what_rules_set_where_a_kind_has_no_fee(storage: Storage) -> None:
    """Both the fee of who asks and what is used already: 700 kr each, and 1 000 kr to spend."""
    text = LocalText("Avgift", "Fee")
    by_rule = PriceRule("all", text, "fee_ore", 70000, kinds=("instrument",))
    book = replace(NORRBYS_RULES, fees=(), pricing=Pricing(rules=(by_rule,)))
    tell(storage, RuleBookPublished("norrby-2024", book))
    with storage.unit() as unit:
        ceilings.set_ceiling(unit, SODERBY, "vt27", "a test", most_places=None, most_ore=100000)
    first, second = children(storage, 2, SODERBY)
    assert names(decide(storage, request("first", pupil_id=first))) == ["placed"]
    assert names(decide(storage, request("second", pupil_id=second))) == ["queued 1"]
