"""Who is offered a free seat, who is not though next in line, and how long an offer stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from services.chassis.refusals import N_, Refusal
from services.chassis.working_days import working_day_from
from services.contracts.rule_book import RuleBook
from services.enrolment.domain.queue import Waiting

# Why one who stood ahead was not offered a seat that went to one behind.
DECLINED_THIS_SEAT = "declined_this_seat"
RESERVED = "reserved_seat"
HAS_ENOUGH = "has_enough"
CEILING = "ceiling_reached"
SEATS_TOGETHER = "seats_together"
WITH_SIBLING = "with_sibling"


@dataclass(frozen=True, slots=True)
class Seats:
    """The seats of a course: `held` by home municipality, where the rule book keeps some for one."""

    capacity: int
    taken: int
    held: Mapping[str, int] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.capacity - self.taken


@dataclass(frozen=True, slots=True)
class Choice:
    """`skipped` are pairs of application id and reason, of those who stood before one who was offered."""

    offered: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def reserved_for_others(rule_book: RuleBook, home_code: str, seats: Seats, day: Day) -> int:
    """How many of the free seats are kept for pupils of other municipalities than this one today."""
    kept = 0
    for each in rule_book.ordering.reserved_seats:
        over = each.until.has_passed(day.term_starts_on, day.today)
        if not over and each.municipality_code != home_code:
            kept += max(0, each.seats - seats.held.get(each.municipality_code, 0))
    return kept


@dataclass(frozen=True, slots=True)
class Day:
    term_starts_on: date
    today: date


def choose(
    queue: Sequence[Waiting],
    rule_book: RuleBook,
    seats: Seats,
    day: Day,
    *,
    bar: Callable[[Waiting], str | None] = lambda _: None,
    gave: Callable[[Waiting], None] = lambda _: None,
    most: int | None = None,
) -> Choice:
    """Who is offered the free seats, `most` of them, in the order of the queue: next in line first.

    `bar` says why one may not have a seat now: the pupil has as many courses as the school allows, or its
    home municipality pays for no more. `gave` hears of each seat, since a seat may use up what is paid for.
    Nobody who was passed over could have one of the later seats: each leaves less for all, so once is enough.
    Siblings who applied together are offered their seats together, also where that is more than `most`.
    """
    held = dict(seats.held)
    taken = seats.taken
    offered: list[str] = []
    skipped: list[tuple[str, str]] = []
    last = 0
    for party in _parties(queue):
        if taken >= seats.capacity or (most is not None and len(offered) >= most):
            break
        now = Seats(seats.capacity, taken, held)
        reason = _reason_to_skip(party, rule_book, now, day, bar)
        if reason is not None:
            skipped += [(each.application_id, reason) for each in party]
            continue
        offered += [each.application_id for each in party]
        taken += len(party)
        for each in party:
            gave(each)
            held[each.home_code] = held.get(each.home_code, 0) + 1
        skipped += [(each, WITH_SIBLING) for each in _between(queue, party)]
        last = len(skipped)
    why = {each: reason for each, reason in skipped[:last] if each not in offered}
    return Choice(tuple(offered), tuple(why.items()))


def _between(queue: Sequence[Waiting], party: Sequence[Waiting]) -> list[str]:
    """Who stands behind the first of siblings and before the last of them."""
    if len(party) == 1:
        return []
    mine = {each.application_id for each in party}
    at = [number for number, each in enumerate(queue) if each.application_id in mine]
    return [each.application_id for each in queue[at[0] : at[-1]] if each.application_id not in mine]


def _parties(queue: Sequence[Waiting]) -> list[list[Waiting]]:
    """Each by itself, siblings who applied together together, where the first of them stands."""
    parties: dict[str, list[Waiting]] = {}
    for each in queue:
        parties.setdefault(each.party_id or each.application_id, []).append(each)
    return list(parties.values())


def _reason_to_skip(
    party: Sequence[Waiting],
    rule_book: RuleBook,
    seats: Seats,
    day: Day,
    bar: Callable[[Waiting], str | None],
) -> str | None:
    if any(each.passed for each in party):
        return DECLINED_THIS_SEAT
    barred = next((reason for reason in map(bar, party) if reason is not None), None)
    if barred is not None:
        return barred
    left = seats.free - max(reserved_for_others(rule_book, each.home_code, seats, day) for each in party)
    if left <= 0:
        return RESERVED
    return SEATS_TOGETHER if left < len(party) else None


def seekers(
    queue: Sequence[Waiting], rule_book: RuleBook, seats: Seats, day: Day, barred: Collection[str] = ()
) -> int:
    """How many of those who wait could have one of the free seats now: they go before who comes."""

    def bar(each: Waiting) -> str | None:
        return HAS_ENOUGH if each.application_id in barred else None

    parties = _parties(queue)
    return sum(len(each) for each in parties if _reason_to_skip(each, rule_book, seats, day, bar) is None)


def last_day_to_answer(rule_book: RuleBook, today: date) -> date | None:
    """The last day an offer made today stands, a working day; None where it stands until it is answered."""
    days = rule_book.answering.answer_days
    return None if days is None else working_day_from(today + timedelta(days=days))


def refusal_to_give_up(rule_book: RuleBook, state: str, *, by_child: bool) -> Refusal | None:
    """Why a pupil under 18, `by_child`, may not give up its place itself; None where it may.

    A place in the queue and an offer bind nobody, so the rule is of places.
    """
    if not (rule_book.withdrawal.only_guardian and by_child and state == "placed"):
        return None
    return Refusal(
        "only_guardian",
        N_(
            "At %(school)s only a guardian may give up the place of a pupil under 18. "
            "Ask a guardian to do it on their page."
        ),
        {"school": rule_book.school_name},
        status=403,
        rule=f"{rule_book.rule_book_id}/withdrawal",
    )


def keeps_place_in_queue(rule_book: RuleBook, declines_before: int, *, expired: bool) -> bool:
    """Whether a refusal, or an offer that nobody answered, leaves the pupil in the queue."""
    if expired and not rule_book.answering.expiry_is_refusal:
        return False
    return declines_before < rule_book.answering.declines_kept
