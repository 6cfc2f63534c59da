"""What a rule book says that cannot be meant: it is refused before it is published.

Most of these are words that would be said to families and have no effect, so that a school would rely on a
rule that nobody goes by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from services.chassis.refusals import N_, Refusal
from services.contracts.eligibility import YEARS_TO_LEAVING_SCHOOL
from services.contracts.fact import LocalText
from services.contracts.price_contradictions import Said, of_prices
from services.contracts.rule_book import RuleBook
from services.contracts.rule_dates import TermDays

NO_DAYS = TermDays()
# An autumn term and a spring term: the days of a rule book stand in the same order in every year.
SOME_TERMS = (date(2026, 8, 20), date(2027, 1, 11))


def contradiction(book: RuleBook) -> Refusal | None:
    """The first one, None where the book holds together."""
    return next((_refusal(book, reason, facts) for reason, facts in _all(book)), None)


def _refusal(book: RuleBook, reason: str, facts: dict[str, object]) -> Refusal:
    named = {"book": book.rule_book_id, **facts}
    return Refusal("rule_book_contradicts_itself", reason, named, status=422)


def _all(book: RuleBook) -> Iterator[Said]:
    if book.valid_to is not None and book.valid_to < book.valid_from:
        yield N_("%(book)s ends before it begins."), {}
    for where, words in _texts(book):
        if not (words.sv.strip() and words.en.strip()):
            yield N_("%(book)s has an empty text in %(where)s."), {"where": where}
    yield from _of_ages(book)
    yield from _of_times(book)
    yield from _of_order(book)
    yield from _of_limits(book)
    yield from of_prices(book)


def _texts(book: RuleBook) -> Iterator[tuple[str, LocalText]]:
    """What the school says in its own words, and where."""
    yield from (("in_words", each) for each in book.in_words)
    yield from ((f"fees/{fee.kind}", fee.text) for fee in book.fees)
    yield from ((f"pricing/{rule.name}", rule.text) for rule in book.pricing.rules)
    for name, part in (
        ("rental", book.pricing.rental),
        ("relief", book.pricing.relief),
        ("voucher", book.pricing.voucher),
    ):
        if part is not None:
            yield f"pricing/{name}", part.text
    yield from (("trials", trial.text) for trial in book.trials)
    yield from ((f"withdrawal/{step.name}", step.text) for step in book.withdrawal.steps)


def _of_ages(book: RuleBook) -> Iterator[Said]:
    rules = book.eligibility
    leaving = None if rules.until_upper_secondary is None else YEARS_TO_LEAVING_SCHOOL
    oldest = [each for each in (rules.max_age, rules.max_age_in_year, leaving) if each is not None]
    for youngest in (rules.min_age, rules.min_age_in_year):
        if youngest is not None and oldest and youngest > max(oldest):
            facts: dict[str, object] = {"youngest": youngest, "oldest": max(oldest)}
            yield (
                N_("%(book)s is for pupils from %(youngest)s and up to %(oldest)s years, which is nobody."),
                facts,
            )
    later = rules.later_max_age_in_year
    if later is not None and oldest and later < max(oldest):
        facts = {"later": later, "oldest": max(oldest)}
        yield N_("%(book)s has a later limit of %(later)s years, and an ordinary one of %(oldest)s."), facts
    if rules.born_from is not None and rules.born_to is not None and rules.born_from > rules.born_to:
        yield N_("%(book)s is for pupils born from a day that is after the last one."), {}


def _of_times(book: RuleBook) -> Iterator[Said]:
    if book.times.late_if_space and book.times.apply_until == NO_DAYS:
        yield N_("%(book)s takes late applications, and has no last day to apply."), {}
    carry = book.carry_over
    for first, last, what in (
        (book.times.apply_from, book.times.apply_until, "times/apply_until"),
        (carry.confirm_from, carry.confirm_by, "carry_over/confirm_by"),
    ):
        if any(_is_over_before(first, last, starts) for starts in SOME_TERMS):
            yield N_("%(book)s: the last day of %(where)s is before the first one."), {"where": what}
    asked = "confirm" in (carry.places, carry.queue)
    if not asked and (carry.confirm_from, carry.confirm_by) != (NO_DAYS, NO_DAYS):
        yield N_("%(book)s has days to confirm, and nothing that is to be confirmed."), {}


def _of_order(book: RuleBook) -> Iterator[Said]:
    twice = [name for name, times in Counter(book.order).items() if times > 1]
    if twice:
        yield N_("%(book)s orders the queue by %(name)s twice."), {"name": twice[0]}
    if "lottery" in book.order and "queue_date" in book.order[: book.order.index("lottery")]:
        yield N_("%(book)s draws lots after the queue date, which no two have the same: say queue_day."), {}
    ordering = book.ordering
    if ordering.host_first_until != NO_DAYS and "host_residents_first" not in book.order:
        yield N_("%(book)s says until when residents go first, and not that they do."), {}
    if ordering.lottery_seed is not None and "lottery" not in book.order:
        yield N_("%(book)s has a seed for a lottery, and no lottery."), {}
    codes = Counter(each.municipality_code for each in ordering.reserved_seats)
    for code, times in codes.items():
        if times > 1:
            yield N_("%(book)s reserves seats for %(code)s twice."), {"code": code}


def _of_limits(book: RuleBook) -> Iterator[Said]:
    limits = book.limits
    if limits.travel_minutes and not limits.refuse_clashes:
        yield N_("%(book)s has a time to travel, and does not refuse clashes."), {}
    if limits.another_instrument_if_no_queue and limits.instruments is None:
        yield N_("%(book)s allows one more instrument, and any number without that."), {}
    counts = limits.instruments is not None or limits.instrument_queues is not None or limits.one_instrument
    # A book without fees may be about courses of any kind.
    missing = [kind for kind in limits.instrument_kinds if not book.prices(kind)]
    if counts and book.fees and missing:
        reason = N_("%(book)s limits instruments, and has no course of the kind %(kinds)s.")
        yield reason, {"kinds": ", ".join(missing)}


def _is_over_before(first: TermDays, last: TermDays, term_starts_on: date) -> bool:
    one, other = first.of_term(term_starts_on), last.of_term(term_starts_on)
    return one is not None and other is not None and other < one
