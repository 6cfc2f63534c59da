"""The parts of a rule book that say what a place costs, and what it costs to leave it."""

from __future__ import annotations

from dataclasses import dataclass, field

from marshmallow import validate

from services.contracts.fact import LocalText
from services.contracts.rule_dates import AUTUMN, SPRING, TermDays

_AGE = {"validate": validate.Range(0, 130)}
_NUMBER = {"validate": validate.Range(1, 100)}
_ORE = {"validate": validate.Range(0)}
_SEASONS = {"validate": validate.ContainsOnly((AUTUMN, SPRING))}


@dataclass(frozen=True, slots=True)
class PriceRule:
    """One sentence about the price: where all its conditions hold, the effect is a line of the receipt.

    What a rule does not ask about does not matter to it. Rules take effect in the order of the rule book,
    each on the fee as it is by then. `effect` is what `amount` means: `fee_ore`, the fee instead of the one
    so far; `less_ore`, a discount, never below nothing; `more_ore`, an addition, for material for instance;
    `percent` of the fee so far, rounded down to whole öre; `lessons_left`, who joins late pays for the
    lessons that are left of all that the course has, at least `amount` percent.
    """

    # Not what the lines of rental and Fritidskort are called.
    name: str = field(metadata={"validate": validate.NoneOf(("rental", "voucher"))})
    text: LocalText
    effect: str = field(
        metadata={"validate": validate.OneOf(("fee_ore", "less_ore", "more_ore", "percent", "lessons_left"))}
    )
    amount: int = field(metadata={"validate": validate.Range(0)})
    # Fee kinds of the course; none is any.
    kinds: tuple[str, ...] = ()
    not_kinds: tuple[str, ...] = ()
    # The pupil's age on the first day of the term.
    min_age: int | None = field(default=None, metadata=_AGE)
    max_age: int | None = field(default=None, metadata=_AGE)
    adult: bool | None = None
    # Which of the pupil's courses this term it is, from 1; see `Pricing.not_counted_kinds`.
    course_from: int | None = field(default=None, metadata=_NUMBER)
    course_to: int | None = field(default=None, metadata=_NUMBER)
    # Which of the family's children with a course this term the pupil is, from 1.
    child_from: int | None = field(default=None, metadata=_NUMBER)
    child_to: int | None = field(default=None, metadata=_NUMBER)
    # Whether the pupil has another course, of one of `another_not_of`'s kinds left out of account.
    has_another_course: bool | None = None
    another_not_of: tuple[str, ...] = ()
    new_pupil: bool | None = None
    # In the terms of these seasons; none is all.
    terms: tuple[str, ...] = field(default=(), metadata=_SEASONS)
    lives_in_host: bool | None = None
    home_municipalities: tuple[str, ...] = ()
    # Who joins on this day of the term or later.
    joins_from: TermDays = field(default_factory=TermDays)
    # Only with a decision on relief from the school.
    with_relief: bool | None = None

    @property
    def is_step(self) -> bool:
        """Whether it asks for the pupil's or the family's other places, so that it is no fee of its own."""
        further = (self.course_from or 1) > 1 or (self.child_from or 1) > 1
        return further or bool(self.has_another_course)

    @property
    def sets_the_fee(self) -> bool:
        """Whether who comes first, in time and without relief pays this fee."""
        return self.effect == "fee_ore" and not (
            self.is_step or self.with_relief or self.joins_from != TermDays() or self.terms
        )


@dataclass(frozen=True, slots=True)
class RentalFee:
    """What one instrument costs to rent, by its key."""

    instrument: str
    fee_ore: int = field(metadata=_ORE)


@dataclass(frozen=True, slots=True)
class Rental:
    """An instrument to rent. The longest time is in school years a pupil; None is any.

    `fees` are öre by instrument, for those that cost something else than `fee_ore`.
    """

    fee_ore: int = field(metadata=_ORE)
    text: LocalText
    per: str = field(default="term", metadata={"validate": validate.OneOf(("term", "school_year"))})
    max_school_years: int | None = field(default=None, metadata=_NUMBER)
    free_instruments: tuple[str, ...] = ()
    unlimited_instruments: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("instrument",)
    fees: tuple[RentalFee, ...] = ()

    def fee_of(self, instrument: str) -> int:
        return next((fee.fee_ore for fee in self.fees if fee.instrument == instrument), self.fee_ore)


@dataclass(frozen=True, slots=True)
class Voucher:
    """The state's Fritidskort as part payment: for a child turning these ages in the year of the term."""

    text: LocalText
    min_age_in_year: int = field(default=8, metadata=_AGE)
    max_age_in_year: int = field(default=16, metadata=_AGE)


@dataclass(frozen=True, slots=True)
class Relief:
    """A lower fee on application; the line of the price is a rule with `with_relief`."""

    text: LocalText
    # The household's income a year is under this many income base amounts; None: the school judges.
    income_base_amounts: int | None = field(default=None, metadata=_NUMBER)


@dataclass(frozen=True, slots=True)
class Pricing:
    """How the fee by kind becomes the price of one place."""

    rules: tuple[PriceRule, ...] = ()
    rental: Rental | None = None
    relief: Relief | None = None
    voucher: Voucher | None = None
    # Who counts as brothers and sisters: children of one guardian, or those of one address. No address is
    # kept: staff record who lives together, and until they do a guardian and a municipality in common count.
    siblings_by: str = field(
        default="guardian", metadata={"validate": validate.OneOf(("guardian", "address"))}
    )
    # Kinds that are no step: a place of them is neither one of the pupil's courses nor makes it one of the
    # family's children with a course. An ensemble that is free beside another course, for instance.
    not_counted_kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """So many lessons are free to try; who has said no before the next one pays nothing."""

    lessons: int = field(metadata=_NUMBER)
    text: LocalText
    kinds: tuple[str, ...] = ()
    terms: tuple[str, ...] = field(default=(AUTUMN, SPRING), metadata=_SEASONS)
    new_pupils_only: bool = False
    adults_only: bool = False


@dataclass(frozen=True, slots=True)
class WithdrawalStep:
    """What it costs to withdraw until a moment. Of a rule book's steps the first that has not passed holds.

    `until`: `answer_time` (so many `days` after the offer or decision), `deadline` (the withdrawal deadline
    of the term), `term_start` (before the term's first day), `first_lesson` (before it), `lessons` (while no
    more than so many have been), `day` (to and including `day`), `before_day` (before it), `end`.
    `cost_ore` None is the whole fee, unless `cost_percent` says which part of it. Without `kinds` the step
    is for all kinds of course.
    """

    name: str
    text: LocalText
    until: str = field(
        metadata={
            "validate": validate.OneOf(
                (
                    "answer_time",
                    "deadline",
                    "term_start",
                    "first_lesson",
                    "lessons",
                    "day",
                    "before_day",
                    "end",
                )
            )
        }
    )
    cost_ore: int | None = field(metadata=_ORE)
    days: int = field(default=0, metadata={"validate": validate.Range(0, 365)})
    lessons: int = field(default=0, metadata={"validate": validate.Range(0, 365)})
    day: TermDays = field(default_factory=TermDays)
    cost_percent: int | None = field(default=None, metadata={"validate": validate.Range(0, 100)})
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """By when a place is to be given up before a term, and what a later withdrawal costs."""

    deadline: TermDays = field(default_factory=TermDays)
    steps: tuple[WithdrawalStep, ...] = ()
    # Only a guardian may give up the place of a pupil under 18, not the pupil itself.
    only_guardian: bool = False
