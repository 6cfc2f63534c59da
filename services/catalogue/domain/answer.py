"""May my child take it? The answer as a page and the API give it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.chassis.refusals import Refusal
from services.contracts.eligibility import (
    Basis,
    CourseTerms,
    Municipality,
    basis_for_pupil,
    is_adult,
    refusal_for_pupil,
    refusal_to_apply,
)
from services.contracts.price import Price, PriceFacts, full_price
from services.contracts.rule_book import RuleBook


@dataclass(frozen=True, slots=True)
class Answer:
    """Either a refusal or a basis. The price is a term's; None where the rule book names none.

    It is that of a family's first child and first course: who the child is, is not asked here.
    """

    home: Municipality
    age: int
    refusal: Refusal | None
    basis: Basis | None
    price: Price | None

    @property
    def rule(self) -> str | None:
        """The name of the rule that decided."""
        if self.refusal is not None:
            return self.refusal.rule
        return self.basis.rule if self.basis is not None else None


def answer_for(course: CourseTerms, rule_book: RuleBook, home: Municipality, age: int, today: date) -> Answer:
    """`age` in years on the first day of the term. Whether there is a seat is not asked here."""
    refusal = refusal_to_apply(course, rule_book, today) or refusal_for_pupil(
        course, rule_book, home, age, today
    )
    adult = is_adult(rule_book, age, course.term_starts_on)
    facts = PriceFacts(age=age, is_adult=adult, home_code=home.code, joins_on=today)
    return Answer(
        home=home,
        age=age,
        refusal=refusal,
        basis=None if refusal is not None else basis_for_pupil(course, rule_book, home),
        price=full_price(course, rule_book, facts),
    )


def refusal_of_home(
    course: CourseTerms, rule_book: RuleBook, home: Municipality, today: date
) -> Refusal | None:
    """Why no child of this municipality may take the course, whatever its age; None if some may."""
    fitting_age = max(course.min_age, rule_book.eligibility.min_age or 0)
    return refusal_for_pupil(course, rule_book, home, fitting_age, today)
