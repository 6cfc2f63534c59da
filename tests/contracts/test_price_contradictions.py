"""A book that cannot be meant is refused in words; the published ones hold together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.contracts.price_contradictions import of_prices
from services.contracts.rule_book import Fee, RuleBook
from services.contracts.rule_prices import (
    PriceRule,
    Pricing,
    Relief,
    Rental,
    RentalFee,
    Withdrawal,
    WithdrawalStep,
)
from tests.contracts.test_price import TEXT, book, rule
from tests.enrolment.rulebooks.books import rule_books

RENTAL = Rental(38000, TEXT)
END = WithdrawalStep("end", TEXT, "end", None)


def with_rule(effect: str = "less_ore", amount: int = 100, **conditions: Any) -> RuleBook:
    return book(rule("r", effect, amount, **conditions))


def with_steps(*steps: WithdrawalStep) -> RuleBook:
    return replace(book(), withdrawal=Withdrawal(steps=steps))


REFUSED: list[tuple[RuleBook, str]] = [
    (replace(book(), fees=book().fees * 2), "book has two fees for the kind instrument."),
    (with_rule(kinds=("instrumnet",)), "the kind instrumnet in pricing/r"),
    (with_rule(not_kinds=("danse",)), "the kind danse in pricing/r"),
    (with_rule(another_not_of=("coir",)), "the kind coir in pricing/r"),
    (with_rule("fee_ore", kinds=("instrumnet",), child_from=2), "the kind instrumnet"),
    (book(not_counted_kinds=("ensambel",)), "the kind ensambel in pricing/not_counted_kinds"),
    (with_steps(replace(END, kinds=("danse",))), "the kind danse in withdrawal/end"),
    (with_rule("percent", 150, child_from=2), "150 percent of the fee in pricing/r"),
    (with_rule("lessons_left", 101), "101 percent"),
    (with_rule(with_relief=True), "a price with relief in pricing/r"),
    (book(rental=replace(RENTAL, kinds=("course",))), "rents out instruments for course"),
    (book(rental=replace(RENTAL, fees=(RentalFee("harp", 1), RentalFee("harp", 2)))), "two rents for harp"),
    (with_steps(END, replace(END, name="later", until="lessons")), "a step later of giving up"),
    (with_steps(replace(END, cost_ore=100, cost_percent=50)), "in öre and in percent"),
]


@pytest.mark.parametrize(("refused", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_a_contradiction_is_told(refused: RuleBook, words: str) -> None:
    said = [reason % {"book": refused.rule_book_id, **facts} for reason, facts in of_prices(refused)]
    assert any(words in each for each in said)


DANCE = Fee("dance", 1, TEXT)


@pytest.mark.parametrize(
    "fine",
    [
        book(),
        with_rule("percent", 200, adult=True),
        book(rule("r", "percent", 50, with_relief=True), relief=Relief(TEXT)),
        # A kind that only a rule prices is a kind of the book.
        book(
            PriceRule("base", TEXT, "fee_ore", 1, kinds=("course",)),
            PriceRule("sibling", TEXT, "fee_ore", 1, kinds=("course",), child_from=2),
            rental=replace(RENTAL, kinds=("course", "advanced_line")),
        ),
        # One end for a kind, and one for the others.
        replace(with_steps(replace(END, name="dance", kinds=("dance",)), END), fees=(*book().fees, DANCE)),
        replace(book(), pricing=Pricing(rental=RENTAL)),
        *rule_books().values(),
    ],
    ids=lambda each: each.rule_book_id,
)
def test_a_book_that_holds_together(fine: RuleBook) -> None:
    assert list(of_prices(fine)) == []
