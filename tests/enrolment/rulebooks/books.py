"""Reads the rule books: the members' as they are deployed, the others' beside these tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, cast

import marshmallow_dataclass
import yaml

from services.chassis.clock import age_on
from services.contracts.eligibility import (
    NOTHING_MORE,
    CourseTerms,
    Known,
    Municipality,
    is_adult,
    refusal_for_pupil,
    refusal_to_apply,
)
from services.contracts.price import Price, PriceFacts, WithdrawalCost, cost_of_withdrawal, full_price
from services.contracts.rule_book import RuleBook

HERE = Path(__file__).parent
MEMBERS = HERE.parents[2] / "deploy" / "county" / "vastmanland" / "rulebooks.yaml"
AUTUMN, SPRING = date(2026, 8, 24), date(2027, 1, 18)
LONG_AGO = date(2015, 1, 1)


@cache
def rule_books() -> dict[str, RuleBook]:
    schema = marshmallow_dataclass.class_schema(RuleBook)()
    files = [MEMBERS, *sorted(HERE.glob("*.yaml"))]
    documents = [each for file in files for each in yaml.safe_load(file.read_text(encoding="utf-8"))]
    loaded = cast(list[RuleBook], schema.load(documents, many=True))
    return {book.rule_book_id: book for book in loaded}


def home(code: str) -> Municipality:
    return Municipality(code, f"Kommun {code}", LONG_AGO, None)


ELSEWHERE = home("9999")


@dataclass(frozen=True)
class School:
    """A rule book with what one can ask it. The course is a shared one for everybody, in the autumn term."""

    book: RuleBook

    def course(self, kind: str = "instrument", starts: date = AUTUMN, **changes: Any) -> CourseTerms:
        terms = CourseTerms(
            host=home(self.book.municipality_code),
            shared=True,
            min_age=0,
            max_age=120,
            fee_kind=kind,
            term_starts_on=starts,
            term_ends_on=date(starts.year, 12, 18) if starts.month > 6 else date(starts.year, 6, 11),
            apply_from=None,
            apply_until=None,
            first_lesson_on=starts,
        )
        return replace(terms, **changes)

    def refusal(
        self,
        born_on: date,
        *,
        lives_in: Municipality | None = None,
        known: Known = NOTHING_MORE,
        **course: Any,
    ) -> str | None:
        """The name of the refusal of a pupil, None where it may."""
        terms = self.course(**course)
        age = age_on(born_on, terms.term_starts_on)
        pupil = replace(known, born_on=born_on)
        found = refusal_for_pupil(
            terms, self.book, lives_in or terms.host, age, terms.term_starts_on, known=pupil
        )
        return found.name if found else None

    def closed(self, today: date, starts: date = AUTUMN) -> bool:
        return refusal_to_apply(self.course(starts=starts), self.book, today) is not None

    def is_adult(self, born_on: date, starts: date = AUTUMN) -> bool:
        return is_adult(self.book, age_on(born_on, starts), starts, Known(born_on=born_on))

    def price(self, kind: str, starts: date = AUTUMN, **facts: Any) -> Price | None:
        return full_price(self.course(kind, starts), self.book, PriceFacts(**{"age": 10, **facts}))

    def kronor(self, kind: str, starts: date = AUTUMN, **facts: Any) -> float | None:
        """The whole price in kronor, None where the book names none."""
        price = self.price(kind, starts, **facts)
        return None if price is None else price.total_ore / 100

    def cost(
        self, kind: str, today: date, *, decided_on: date = LONG_AGO, starts: date = AUTUMN, **facts: Any
    ) -> float | None:
        """What it costs in kronor to give up the place on a day, None where the book does not say."""
        found: WithdrawalCost | None = cost_of_withdrawal(
            self.course(kind, starts), self.book, PriceFacts(**{"age": 10, **facts}), today, decided_on
        )
        return None if found is None else found.cost_ore / 100


def school(rule_book_id: str) -> School:
    return School(rule_books()[rule_book_id])
