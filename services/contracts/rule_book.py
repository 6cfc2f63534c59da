"""A culture school's published rules as configuration.

Every school decides who may apply, in which order places are given and what they cost. A rule book says it
as data with a validity period, so that a new school needs a new file and no new code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from marshmallow import validate

from services.contracts.fact import LocalText

# How waiting applications are ordered; combined in the order the rule book gives them.
ORDER_CRITERIA = ("children_before_adults", "new_pupils_first", "host_residents_first", "queue_date")


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Who may apply. Ages are in years on the first day of the term; None means no limit."""

    min_age: int | None = field(default=None, metadata={"validate": validate.Range(0, 130)})
    max_age: int | None = field(default=None, metadata={"validate": validate.Range(0, 130)})
    adult_if_space: bool = False


@dataclass(frozen=True, slots=True)
class Fee:
    """What a course of one kind costs a pupil a term, in öre."""

    kind: str
    fee_ore: int = field(metadata={"validate": validate.Range(min=0)})
    text: LocalText


@dataclass(frozen=True, slots=True)
class RuleBook:
    rule_book_id: str
    municipality_code: str
    school_name: str
    valid_from: date
    valid_to: date | None
    source: str
    eligibility: Eligibility
    order: tuple[str, ...] = field(
        metadata={"validate": validate.And(validate.Length(min=1), validate.ContainsOnly(ORDER_CRITERIA))}
    )
    fees: tuple[Fee, ...]
    # The rules as sentences that a family reads before it applies.
    in_words: tuple[LocalText, ...]
    # `round`: families rank courses, and an admission round places everybody at once.
    admission: str = field(
        default="first_come", metadata={"validate": validate.OneOf(("first_come", "round"))}
    )

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def fee_for(self, kind: str) -> Fee | None:
        return next((fee for fee in self.fees if fee.kind == kind), None)
