"""A culture school's published rules as configuration.

Every school decides who may apply, in which order places are given and what they cost. A rule book says it
as data with a validity period, so that a new school needs a new file and no new code. What a rule book does
not say has no effect: every part beside the first ones may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from marshmallow import validate

from services.contracts.fact import LocalText
from services.contracts.rule_dates import TermDays
from services.contracts.rule_prices import Pricing, Trial, Withdrawal

__all__ = ["ORDER_CRITERIA", "Answering", "Eligibility", "Fee", "Pricing", "RuleBook", "TermDays"]

# How waiting applications are ordered; combined in the order the rule book gives them.
ORDER_CRITERIA = (
    "children_before_adults",  # who is above the school's ages waits until no child does
    "new_pupils_first",  # who has no place at the school before who has one
    "host_residents_first",  # until `ordering.host_first_until`, where the rule book gives it
    "moved_in_first",  # who moved in and played in another municipality's school, by written proof
    "on_time_first",  # who applied by `times.apply_until` before who came later
    "siblings_first",  # who has a brother or sister on the course
    "queue_date",  # by the moment
    "queue_day",  # by the day: those of one day are equal, and a lottery may decide between them
    "lottery",  # drawn from `ordering.lottery_seed`, the same every time
)


def _one_of(*names: str) -> dict[str, Any]:
    return {"validate": validate.OneOf(names)}


def _all_of(*names: str) -> dict[str, Any]:
    return {"validate": validate.ContainsOnly(names)}


def _count(least: int = 0, most: int = 10_000) -> dict[str, Any]:
    return {"validate": validate.Range(least, most)}


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Who may apply. Ages are in years on the first day of the term; None means no limit.

    The limits by calendar year and by school are alternatives: a pupil may stay for the longest of them.
    Where adults are admitted if there is space, who is above the limits is an adult and not refused.
    """

    min_age: int | None = field(default=None, metadata=_count(0, 130))
    max_age: int | None = field(default=None, metadata=_count(0, 130))
    adult_if_space: bool = False
    # From the beginning of the term in whose calendar year the pupil turns this old.
    min_age_in_year: int | None = field(default=None, metadata=_count(0, 130))
    # To and including the calendar year in which the pupil turns this old.
    max_age_in_year: int | None = field(default=None, metadata=_count(0, 130))
    # The same for a pupil whom staff gave the later limit: for instance one with a disability.
    later_max_age_in_year: int | None = field(default=None, metadata=_count(0, 130))
    # `leaving`: to the end of the school year, 30 June; `leaving_year`: to the end of that calendar year.
    until_upper_secondary: str | None = field(
        default=None, metadata={"validate": validate.OneOf(("leaving", "leaving_year"))}
    )
    born_from: date | None = None
    born_to: date | None = None
    # Whose own the school's courses are: who is registered in the municipality, who goes to school there.
    open_to: tuple[str, ...] = field(default=("registered",), metadata=_all_of("registered", "school"))
    # The kinds of course that are for teachers only: study days and workshops.
    teacher_kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fee:
    """What a course of one kind costs a pupil a term, in öre."""

    kind: str
    fee_ore: int = field(metadata={"validate": validate.Range(min=0)})
    text: LocalText


@dataclass(frozen=True, slots=True)
class Times:
    """When one may apply, by term; without days all year round. Later ones wait behind, if they may come."""

    apply_from: TermDays = field(default_factory=TermDays)
    apply_until: TermDays = field(default_factory=TermDays)
    late_if_space: bool = False
    main_admission: TermDays = field(default_factory=TermDays)


@dataclass(frozen=True, slots=True)
class ReservedSeats:
    """Seats of every course that are kept for one municipality's pupils until the day, where there is one."""

    municipality_code: str
    seats: int = field(metadata=_count(1))
    until: TermDays = field(default_factory=TermDays)


@dataclass(frozen=True, slots=True)
class Ordering:
    """What the criteria of `order` need to know."""

    host_first_until: TermDays = field(default_factory=TermDays)
    reserved_seats: tuple[ReservedSeats, ...] = ()
    # Published on the course's page before anybody applies; None draws from the rule book's id.
    lottery_seed: str | None = None
    # Brothers and sisters who ask for it are placed on one course together or not at all.
    siblings_together: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How many a pupil may have at a time; None is any number."""

    courses: int | None = field(default=None, metadata=_count(1))
    instruments: int | None = field(default=None, metadata=_count(1))
    # One more instrument than `instruments` only where nobody waits for it.
    another_instrument_if_no_queue: bool = False
    instrument_queues: int | None = field(default=None, metadata=_count(1))
    # The fee kinds of the courses that count as an instrument.
    instrument_kinds: tuple[str, ...] = ("instrument",)
    # Accepting an instrument ends the pupil's other instrument applications, and their queue time.
    one_instrument: bool = False
    # So many choices at the school in a term, and the pupil ranks them. A place ends what is ranked behind it
    # and the other limits do not allow beside it, so that the best choices are kept.
    ranked_choices: int | None = field(default=None, metadata=_count(1))
    # No two courses at the same time, with this long to travel between two municipalities.
    refuse_clashes: bool = False
    travel_minutes: int = field(default=0, metadata=_count(0, 600))


@dataclass(frozen=True, slots=True)
class Answering:
    """How long an offer stands, and what an answer that is no does to the place in the queue.

    The last day is `answer_days` days after the offer, moved on to the next working day in Sweden. Without
    it an offer stands until it is answered. A pupil keeps its place in the queue for `declines_kept`
    refusals; the next one loses it.
    """

    answer_days: int | None = field(default=None, metadata=_count(1, 365))
    declines_kept: int = field(default=0, metadata=_count(0, 100))
    # An offer nobody answered counts as a refusal; else it ends the application at once.
    expiry_is_refusal: bool = True
    # Who offers a seat that came free: Samklang, to the next in line at once, or staff when they choose to.
    offers: str = field(default="at_once", metadata=_one_of("at_once", "by_staff"))


@dataclass(frozen=True, slots=True)
class CarryOver:
    """What becomes of places and queue positions when the next term begins.

    `continue`: kept until given up; `confirm`: kept by who says so by `confirm_by`; `end`: a new application.
    """

    places: str = field(default="continue", metadata=_one_of("continue", "confirm", "end"))
    queue: str = field(default="continue", metadata=_one_of("continue", "confirm", "end"))
    # `if_space`: adults give up the place where children wait.
    adults: str = field(default="continue", metadata=_one_of("continue", "end", "if_space"))
    confirm_from: TermDays = field(default_factory=TermDays)
    confirm_by: TermDays = field(default_factory=TermDays)


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
    # What the school says in its own words. Every field beside is said by `rule_words`: a family reads both
    # before it applies.
    in_words: tuple[LocalText, ...]
    # `first_come`: a free seat goes to who applies; `round`: all who applied in time are placed at once.
    admission: str = field(default="first_come", metadata=_one_of("first_come", "round"))
    times: Times = field(default_factory=Times)
    ordering: Ordering = field(default_factory=Ordering)
    limits: Limits = field(default_factory=Limits)
    answering: Answering = field(default_factory=Answering)
    carry_over: CarryOver = field(default_factory=CarryOver)
    pricing: Pricing = field(default_factory=Pricing)
    trials: tuple[Trial, ...] = ()
    withdrawal: Withdrawal = field(default_factory=Withdrawal)
    lessons_a_school_year: int | None = field(default=None, metadata=_count(1, 365))

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    @property
    def criteria(self) -> tuple[str, ...]:
        """`order` as it holds: where late applications come if there is space, they stand behind those in
        time, and adults behind both where children go first."""
        if not self.times.late_if_space or "on_time_first" in self.order:
            return self.order
        first = self.order[:1] if self.order[0] == "children_before_adults" else ()
        return (*first, "on_time_first", *self.order[len(first) :])

    def main_admission_to_come(self, term_starts_on: date, today: date) -> date | None:
        """The day on which the school gives its places, while it is to come: until then all wait."""
        day = self.times.main_admission.of_term(term_starts_on)
        return day if day is not None and today < day else None

    def fee_for(self, kind: str) -> Fee | None:
        return next((fee for fee in self.fees if fee.kind == kind), None)

    def fees_of(self, kind: str) -> tuple[int, ...]:
        """In öre, what a place of the kind costs a young pupil before anything lowers it for one family.

        The fee; where the book has none of the kind those that rules set, by age for instance.
        """
        fee = self.fee_for(kind)
        if fee is not None:
            return (fee.fee_ore,)
        return tuple(
            rule.amount
            for rule in self.pricing.rules
            if kind in rule.kinds and rule.sets_the_fee and not rule.adult
        )

    def prices(self, kind: str) -> bool:
        """Whether the book says what a course of the kind costs, by a fee or by a rule that sets one."""
        sets = any(kind in rule.kinds and rule.effect == "fee_ore" for rule in self.pricing.rules)
        return sets or self.fee_for(kind) is not None

    def is_for_teachers(self, kind: str) -> bool:
        return kind in self.eligibility.teacher_kinds

    def is_instrument(self, kind: str) -> bool:
        return kind in self.limits.instrument_kinds
