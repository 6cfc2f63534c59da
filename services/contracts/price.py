"""What a place costs, line by line with the rule behind each, and what it costs to leave it.

The catalogue shows the price to whoever asks, enrolment to the family before it applies. The host's rule
book prices a shared course; where the agreement says otherwise, a rule of the book names the municipalities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from services.chassis.refusals import N_, Refusal
from services.contracts.eligibility import CourseTerms
from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook
from services.contracts.rule_dates import season_of
from services.contracts.rule_prices import PriceRule, Rental, Trial, WithdrawalStep


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """What the price goes by. Ages are in years on the first day of the term.

    `course_number` is which of the pupil's courses this term it is, `child_number` which of the family's
    children with a course the pupil is; both from 1. `other_kinds` are the fee kinds of the pupil's other
    courses. `voucher_ore` is how much of a Fritidskort the family pays with.
    `rents` is the key of the instrument it rents; `rented_school_years` counts the school years before this.
    """

    age: int
    is_adult: bool = False
    turns_in_year: int | None = None
    home_code: str | None = None
    course_number: int = 1
    child_number: int = 1
    other_kinds: tuple[str, ...] = ()
    is_new_pupil: bool = True
    joins_on: date | None = None
    has_relief: bool = False
    rents: str | None = None
    rented_school_years: int = 0
    # Rented at the school already in an earlier term of the school year.
    rented_this_school_year: bool = False
    voucher_ore: int = 0


@dataclass(frozen=True, slots=True)
class PriceLine:
    """`amount_ore` is added to what stands above it; a discount is negative. `rule` names the sentence."""

    rule: str
    text: LocalText
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Price:
    """`total_ore` is the sum of the lines. `options` are what one may choose beside: an instrument to rent.

    `notes` are the sentences about money that are no line: trial lessons, relief, the Fritidskort.
    """

    lines: tuple[PriceLine, ...]
    options: tuple[PriceLine, ...] = ()
    notes: tuple[LocalText, ...] = ()

    @property
    def total_ore(self) -> int:
        return sum(line.amount_ore for line in self.lines)

    @property
    def rental_ore(self) -> int:
        return self._sum_of("rental")

    @property
    def voucher_ore(self) -> int:
        """What a Fritidskort pays of it."""
        return -self._sum_of("voucher")

    def _sum_of(self, part: str) -> int:
        return sum(line.amount_ore for line in self.lines if line.rule.endswith(f"/pricing/{part}"))


def full_price(course: CourseTerms, rule_book: RuleBook, facts: PriceFacts) -> Price | None:
    """The price of a place for the term. None where the rule book names no fee for the kind of course.

    Where a rule sets the fee and nothing else has been said of the kind, the rule alone makes the first line.
    """
    lines: list[PriceLine] = []
    base = rule_book.fee_for(course.fee_kind)
    if base is not None:
        lines.append(PriceLine(f"{rule_book.rule_book_id}/fees/{base.kind}", base.text, base.fee_ore))
    for rule in rule_book.pricing.rules:
        if fits(rule, course, facts):
            lines += _effect(rule, rule_book, lines, _lessons_left(course, facts.joins_on))
    if not lines:
        return None
    rental, option = _rental(course, rule_book, facts)
    lines += rental
    lines += _voucher(course, rule_book, facts, sum(line.amount_ore for line in lines))
    return Price(tuple(lines), option, _notes(course, rule_book, facts))


def _effect(
    rule: PriceRule, rule_book: RuleBook, lines: list[PriceLine], lessons: tuple[int, int]
) -> list[PriceLine]:
    """The line by which the fee becomes what the rule says; none where it is that already.

    `lessons` are those that are left of the course and all it has.
    """
    so_far = sum(line.amount_ore for line in lines)
    left, all_lessons = lessons
    after = {
        "fee_ore": rule.amount,
        "less_ore": max(0, so_far - rule.amount),
        "more_ore": so_far + rule.amount,
        "percent": so_far * rule.amount // 100,
        "lessons_left": max(so_far * rule.amount // 100, so_far * left // all_lessons),
    }[rule.effect]
    if lines and after == so_far:
        return []
    return [PriceLine(f"{rule_book.rule_book_id}/pricing/{rule.name}", rule.text, after - so_far)]


def fits(rule: PriceRule, course: CourseTerms, facts: PriceFacts) -> bool:
    """Whether all conditions of the rule hold."""
    return all(condition(rule, course, facts) for condition in _CONDITIONS)


def _within(number: int, least: int | None, most: int | None) -> bool:
    return (least is None or number >= least) and (most is None or number <= most)


def _same(wanted: bool | None, found: bool) -> bool:
    return wanted is None or wanted == found


def _of_kind(rule: PriceRule, course: CourseTerms, _facts: PriceFacts) -> bool:
    return (not rule.kinds or course.fee_kind in rule.kinds) and course.fee_kind not in rule.not_kinds


def _of_age(rule: PriceRule, _course: CourseTerms, facts: PriceFacts) -> bool:
    return _within(facts.age, rule.min_age, rule.max_age) and _same(rule.adult, facts.is_adult)


def _of_number(rule: PriceRule, _course: CourseTerms, facts: PriceFacts) -> bool:
    return _within(facts.course_number, rule.course_from, rule.course_to) and _within(
        facts.child_number, rule.child_from, rule.child_to
    )


def _of_pupil(rule: PriceRule, _course: CourseTerms, facts: PriceFacts) -> bool:
    another = any(kind not in rule.another_not_of for kind in facts.other_kinds)
    return (
        _same(rule.has_another_course, another)
        and _same(rule.new_pupil, facts.is_new_pupil)
        and _same(rule.with_relief, facts.has_relief)
    )


def _of_home(rule: PriceRule, course: CourseTerms, facts: PriceFacts) -> bool:
    if rule.home_municipalities and facts.home_code not in rule.home_municipalities:
        return False
    return _same(rule.lives_in_host, facts.home_code == course.host.code)


def _of_season(rule: PriceRule, course: CourseTerms, _facts: PriceFacts) -> bool:
    return not rule.terms or season_of(course.term_starts_on) in rule.terms


def _of_day(rule: PriceRule, course: CourseTerms, facts: PriceFacts) -> bool:
    first = rule.joins_from.of_term(course.term_starts_on)
    if first is None:
        return rule.joins_from.autumn is None and rule.joins_from.spring is None
    return facts.joins_on is not None and facts.joins_on >= first


_CONDITIONS: tuple[Callable[[PriceRule, CourseTerms, PriceFacts], bool], ...] = (
    *(_of_kind, _of_age, _of_number, _of_pupil, _of_home, _of_season, _of_day),
)


def _rental(
    course: CourseTerms, rule_book: RuleBook, facts: PriceFacts
) -> tuple[list[PriceLine], tuple[PriceLine, ...]]:
    """The line of an instrument that is rented, or the option to rent one; neither past the longest time."""
    rental = rule_book.pricing.rental
    if rental is None or course.fee_kind not in rental.kinds:
        return [], ()
    fee_ore = rental.fee_ore if facts.rents is None else rental.fee_of(facts.rents)
    line = PriceLine(f"{rule_book.rule_book_id}/pricing/rental", rental.text, fee_ore)
    if facts.rents is None:
        return [], (line,)
    if not may_rent(rental, facts.rents, facts.rented_school_years):
        return [], ()
    paid = rental.per == "school_year" and facts.rented_this_school_year
    free = paid or facts.rents in rental.free_instruments
    return [replace(line, amount_ore=0) if free else line], ()


def refusal_of_chosen(course: CourseTerms, rule_book: RuleBook, facts: PriceFacts) -> Refusal | None:
    """Why the family may not rent the instrument, or not pay with a Fritidskort; None where it may both."""
    if facts.rents is not None:
        refusal = _refusal_of_rental(course, rule_book, facts.rents, facts.rented_school_years)
        if refusal is not None:
            return refusal
    if facts.voucher_ore <= 0 or takes_voucher(rule_book, facts):
        return None
    voucher, named = rule_book.pricing.voucher, {"school": rule_book.school_name}
    rule = f"{rule_book.rule_book_id}/pricing/voucher"
    if voucher is None:
        reason = N_("%(school)s does not take a Fritidskort.")
        return Refusal("voucher_not_taken", reason, named, status=422, rule=rule)
    return Refusal(
        "voucher_wrong_age",
        N_("A Fritidskort is for the years in which a child turns %(min)s to %(max)s."),
        {"min": voucher.min_age_in_year, "max": voucher.max_age_in_year},
        status=422,
        rule=rule,
    )


def _refusal_of_rental(
    course: CourseTerms, rule_book: RuleBook, instrument: str, school_years: int
) -> Refusal | None:
    rental, named = rule_book.pricing.rental, {"school": rule_book.school_name}
    rule = f"{rule_book.rule_book_id}/pricing/rental"
    if rental is None or course.fee_kind not in rental.kinds:
        reason = N_("%(school)s has no instrument to rent for this course.")
        return Refusal("rental_not_offered", reason, named, status=422, rule=rule)
    if may_rent(rental, instrument, school_years):
        return None
    return Refusal(
        "rental_too_long",
        N_("At %(school)s a pupil may rent an instrument for %(most)s school years, and has done so."),
        {**named, "most": rental.max_school_years},
        status=422,
        rule=rule,
    )


def may_rent(rental: Rental, instrument: str, rented_school_years: int) -> bool:
    """Whether the pupil may rent, or go on renting, after so many school years."""
    if rental.max_school_years is None or instrument in rental.unlimited_instruments:
        return True
    return rented_school_years < rental.max_school_years


def _voucher(course: CourseTerms, rule_book: RuleBook, facts: PriceFacts, so_far: int) -> list[PriceLine]:
    """A Fritidskort pays at most what there is to pay."""
    voucher = rule_book.pricing.voucher
    if voucher is None or facts.voucher_ore <= 0 or not takes_voucher(rule_book, facts):
        return []
    paid = min(facts.voucher_ore, so_far)
    return [PriceLine(f"{rule_book.rule_book_id}/pricing/voucher", voucher.text, -paid)] if paid else []


def takes_voucher(rule_book: RuleBook, facts: PriceFacts) -> bool:
    voucher = rule_book.pricing.voucher
    turns = facts.age if facts.turns_in_year is None else facts.turns_in_year
    return voucher is not None and _within(turns, voucher.min_age_in_year, voucher.max_age_in_year)


def _notes(course: CourseTerms, rule_book: RuleBook, facts: PriceFacts) -> tuple[LocalText, ...]:
    notes = [trial.text for trial in trials_for(course, rule_book, facts)]
    if rule_book.pricing.relief is not None and not facts.has_relief:
        notes.append(rule_book.pricing.relief.text)
    if rule_book.pricing.voucher is not None and not facts.voucher_ore and takes_voucher(rule_book, facts):
        notes.append(rule_book.pricing.voucher.text)
    return tuple(notes)


def trials_for(course: CourseTerms, rule_book: RuleBook, facts: PriceFacts) -> list[Trial]:
    return [
        trial
        for trial in rule_book.trials
        if (not trial.kinds or course.fee_kind in trial.kinds)
        and season_of(course.term_starts_on) in trial.terms
        and (facts.is_new_pupil or not trial.new_pupils_only)
        and (facts.is_adult or not trial.adults_only)
    ]


@dataclass(frozen=True, slots=True)
class WithdrawalCost:
    cost_ore: int
    rule: str
    text: LocalText


def cost_of_withdrawal(
    course: CourseTerms, rule_book: RuleBook, facts: PriceFacts, today: date, decided_on: date
) -> WithdrawalCost | None:
    """What it costs to give up the place today; None where the rule book says nothing of it.

    `decided_on` is the day of the offer, or of the decision where none was made. A trial goes before the
    steps. The whole fee, and the one a percent is of, is the price without what a Fritidskort paid: for who
    joined late the lower one, which `facts.joins_on` says.
    """
    name = f"{rule_book.rule_book_id}/withdrawal"
    for trial in trials_for(course, rule_book, facts):
        if _lessons_by(course, today) <= trial.lessons:
            return WithdrawalCost(0, f"{name}/trial", trial.text)
    for step in rule_book.withdrawal.steps:
        of_kind = not step.kinds or course.fee_kind in step.kinds
        if of_kind and _is_in_time(step, course, rule_book, today, decided_on):
            cost = _cost_of(step, course, rule_book, facts)
            return WithdrawalCost(cost, f"{name}/{step.name}", step.text)
    return None


def _cost_of(step: WithdrawalStep, course: CourseTerms, rule_book: RuleBook, facts: PriceFacts) -> int:
    if step.cost_percent is not None:
        return _whole_fee(course, rule_book, facts) * step.cost_percent // 100
    return _whole_fee(course, rule_book, facts) if step.cost_ore is None else step.cost_ore


def _whole_fee(course: CourseTerms, rule_book: RuleBook, facts: PriceFacts) -> int:
    price = full_price(course, rule_book, replace(facts, voucher_ore=0))
    return price.total_ore if price else 0


def _lessons_left(course: CourseTerms, joins_on: date | None) -> tuple[int, int]:
    """The lessons for who joins on the day, its own included, and all that the course has.

    Both are weeks of the course itself, from its first lesson to its last: what a school guarantees a year
    is less than that, and who comes to the last five lessons pays for five.
    """
    all_lessons = max(1, _lessons_by(course, course.last_lesson_on or course.term_ends_on))
    missed = 0 if joins_on is None else _lessons_by(course, joins_on - timedelta(days=1))
    return max(0, all_lessons - missed), all_lessons


def _lessons_by(course: CourseTerms, day: date) -> int:
    """How many weekly lessons have been, the day's own included."""
    first = course.first_lesson_on or course.term_starts_on
    return 0 if day < first else (day - first).days // 7 + 1


def _is_in_time(
    step: WithdrawalStep, course: CourseTerms, rule_book: RuleBook, today: date, decided_on: date
) -> bool:
    first_lesson = course.first_lesson_on or course.term_starts_on
    on = step.day.of_term(course.term_starts_on)
    deadline = rule_book.withdrawal.deadline.of_term(course.term_starts_on)
    return {
        "answer_time": today <= decided_on + timedelta(days=step.days),
        "deadline": deadline is not None and today <= deadline,
        "term_start": today < course.term_starts_on,
        "first_lesson": today < first_lesson,
        "lessons": _lessons_by(course, today) <= step.lessons,
        "day": on is not None and today <= on,
        "before_day": on is not None and today < on,
        "end": True,
    }[step.until]
