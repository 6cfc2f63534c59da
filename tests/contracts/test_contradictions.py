"""A rule book that cannot be meant is refused with the reason; those that are published hold together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.contracts.contradictions import contradiction
from services.contracts.fact import LocalText
from services.contracts.rule_book import (
    CarryOver,
    Eligibility,
    Fee,
    Limits,
    Ordering,
    ReservedSeats,
    RuleBook,
    Times,
)
from services.contracts.rule_dates import TermDays
from services.contracts.rule_prices import (
    PriceRule,
    Pricing,
    Relief,
    Rental,
    Trial,
    Withdrawal,
    WithdrawalStep,
)
from tests.enrolment.rulebooks.books import rule_books
from tests.enrolment.story import NORRBYS_RULES

TEXT, EMPTY = LocalText("Text", "Text"), LocalText("", "")
FEE = Fee("instrument", 85000, TEXT)
RULE = PriceRule(name="sibling", text=TEXT, effect="percent", amount=50, child_from=2)
END = WithdrawalStep(name="end", text=TEXT, until="end", cost_ore=None)
DAY, ONE_SEAT = date(2012, 1, 1), ReservedSeats("1902", 1)
MAY, JUNE = TermDays(autumn="05-15"), TermDays(autumn="06-01")

CONTRADICTIONS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"valid_from": date(2026, 7, 1), "valid_to": date(2026, 6, 30)}, "ends before it begins"),
    ({"in_words": (LocalText("Regler.", " "),)}, "an empty text in in_words"),
    ({"fees": (replace(FEE, text=LocalText("", "Text")),)}, "an empty text in fees/instrument"),
    ({"pricing": Pricing(rules=(replace(RULE, text=EMPTY),))}, "an empty text in pricing/sibling"),
    ({"pricing": Pricing(relief=Relief(EMPTY))}, "an empty text in pricing/relief"),
    ({"trials": (Trial(1, EMPTY),)}, "an empty text in trials"),
    ({"withdrawal": Withdrawal(steps=(replace(END, text=EMPTY),))}, "an empty text in withdrawal/end"),
    ({"eligibility": Eligibility(min_age=20, max_age=10)}, "from 20 and up to 10 years, which is nobody"),
    ({"eligibility": Eligibility(min_age_in_year=9, max_age_in_year=8)}, "from 9 and up to 8"),
    ({"eligibility": Eligibility(max_age=20, later_max_age_in_year=19)}, "a later limit of 19 years"),
    ({"eligibility": Eligibility(until_upper_secondary="leaving", later_max_age_in_year=18)}, "one of 19"),
    ({"eligibility": Eligibility(born_from=DAY, born_to=date(2011, 1, 1))}, "after the last one"),
    ({"times": Times(late_if_space=True)}, "no last day to apply"),
    ({"times": Times(apply_from=JUNE, apply_until=MAY)}, "times/apply_until is before the first"),
    ({"carry_over": CarryOver(places="confirm", confirm_from=JUNE, confirm_by=MAY)}, "confirm_by is"),
    ({"carry_over": CarryOver(confirm_by=MAY)}, "nothing that is to be confirmed"),
    ({"order": ("queue_date", "queue_date")}, "by queue_date twice"),
    ({"order": ("queue_date", "lottery")}, "say queue_day"),
    ({"ordering": Ordering(host_first_until=MAY)}, "and not that they do"),
    ({"ordering": Ordering(lottery_seed="seed")}, "no lottery"),
    ({"ordering": Ordering(reserved_seats=(ONE_SEAT, ONE_SEAT))}, "1902 twice"),
    ({"limits": Limits(travel_minutes=30)}, "does not refuse clashes"),
    ({"limits": Limits(another_instrument_if_no_queue=True)}, "any number without that"),
    ({"limits": Limits(one_instrument=True, instrument_kinds=("harp",))}, "no course of the kind harp"),
    ({"limits": Limits(instruments=1, instrument_kinds=("instrument", "harp"))}, "of the kind harp."),
    ({"fees": (FEE, FEE)}, "two fees for the kind instrument"),
    ({"pricing": Pricing(rules=(replace(RULE, kinds=("corse",)),))}, "the kind corse in pricing/sibling"),
    ({"pricing": Pricing(rules=(replace(RULE, amount=150),))}, "150 percent of the fee in pricing/sibling"),
    ({"pricing": Pricing(rules=(replace(RULE, with_relief=True),))}, "does not say that there is relief"),
    ({"pricing": Pricing(rental=Rental(100, TEXT, kinds=("harp",)))}, "for harp, and has no such kind"),
    ({"withdrawal": Withdrawal(steps=(END, replace(END, name="more")))}, "a step more of giving up"),
    ({"withdrawal": Withdrawal(steps=(replace(END, cost_ore=1, cost_percent=1),))}, "in öre and in percent"),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), CONTRADICTIONS)
def test_a_contradiction_is_refused_with_its_reason(changes: dict[str, Any], said: str) -> None:
    order = changes.pop("order", ("queue_date",))
    refusal = contradiction(replace(NORRBYS_RULES, order=order, **changes))
    assert refusal is not None
    assert refusal.name == "rule_book_contradicts_itself"
    text = refusal.reason % refusal.facts
    assert text.startswith(NORRBYS_RULES.rule_book_id)
    assert said in text


@pytest.mark.parametrize(
    "changes",
    [
        {"order": ("queue_day", "lottery"), "ordering": Ordering(lottery_seed="seed")},
        {
            "carry_over": CarryOver(
                queue="confirm", confirm_from=TermDays("04-01"), confirm_by=TermDays("05-01")
            )
        },
        {"eligibility": Eligibility(min_age=6, max_age_in_year=20, max_age=5)},
        {"eligibility": Eligibility(min_age=14, max_age=12, until_upper_secondary="leaving")},
        {"limits": Limits(refuse_clashes=True, travel_minutes=30, instruments=1)},
    ],
)
def test_what_can_be_meant_is_not(changes: dict[str, Any]) -> None:
    assert contradiction(replace(NORRBYS_RULES, **changes)) is None


@pytest.mark.parametrize("book", rule_books().values(), ids=lambda book: book.rule_book_id)
def test_the_published_books_hold_together(book: RuleBook) -> None:
    assert contradiction(book) is None
