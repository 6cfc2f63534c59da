"""The order in which waiting applications get a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from services.chassis.clock import local_date
from services.contracts.eligibility import ADULT_AGE
from services.contracts.lottery import lot, seed_of
from services.contracts.rule_book import RuleBook

QUEUE_DATE = "queue_date"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of a waiting application the order may go by. `queued_at` is the queue date.

    `is_adult` None goes by the age alone. `passed` is one who said no to the seat that is free now. `draw` is
    the pupil's lot, see `lot_of`. `party_id` joins siblings who get seats together or none.
    """

    application_id: str
    queued_at: datetime
    age: int
    lives_in_host: bool
    has_place_at_school: bool
    is_adult: bool | None = None
    pupil_id: str = ""
    home_code: str = ""
    moved_in_and_played: bool = False
    is_late: bool = False
    has_sibling_on_course: bool = False
    passed: bool = False
    draw: str = ""
    party_id: str | None = None

    @property
    def counts_as_adult(self) -> bool:
        return self.age >= ADULT_AGE if self.is_adult is None else self.is_adult


# A rule book's criterion -> what is sorted by it, smallest first.
_CRITERIA: Mapping[str, Callable[[Waiting], object]] = {
    "children_before_adults": lambda waiting: waiting.counts_as_adult,
    "new_pupils_first": lambda waiting: waiting.has_place_at_school,
    "host_residents_first": lambda waiting: not waiting.lives_in_host,
    "moved_in_first": lambda waiting: not waiting.moved_in_and_played,
    "on_time_first": lambda waiting: waiting.is_late,
    "siblings_first": lambda waiting: not waiting.has_sibling_on_course,
    QUEUE_DATE: lambda waiting: waiting.queued_at,
    "queue_day": lambda waiting: local_date(waiting.queued_at),
    "lottery": lambda waiting: waiting.draw,
}


def order_on(rule_book: RuleBook, term_starts_on: date, today: date) -> tuple[str, ...]:
    """The criteria that count today: the host's own go first only until the day the rule book gives."""
    over = rule_book.ordering.host_first_until.has_passed(term_starts_on, today)
    return tuple(name for name in rule_book.criteria if not (over and name == "host_residents_first"))


def lot_of(rule_book: RuleBook, course_id: str, pupil_id: str) -> str:
    """A pupil's lot for a course, smallest first; see contracts/lottery.py."""
    return lot(seed_of(rule_book), course_id, pupil_id)


def in_order(waiting: Iterable[Waiting], order: Sequence[str]) -> list[Waiting]:
    """The queue, next in line first, by the criteria in the order the rule book gives them.

    What is equal by all of them goes by queue date and then by application id, so that the same queue is
    ordered the same way every time, whatever order the database gives it in.
    """
    criteria = [_CRITERIA[name] for name in order]

    def key(each: Waiting) -> tuple[object, ...]:
        return (*(criterion(each) for criterion in criteria), each.queued_at, each.application_id)

    return sorted(waiting, key=key)


def position_of(application_id: str, queue: Sequence[Waiting]) -> int:
    """1 for the next in line. Raises LookupError for one who does not wait."""
    for position, each in enumerate(queue, start=1):
        if each.application_id == application_id:
            return position
    raise LookupError(application_id)


def ahead_by_kind(application_id: str, queue: Sequence[Waiting], order: Sequence[str]) -> dict[str, int]:
    """How many stand before the application, by the criterion that puts them there; never who.

    `queue` is in order. The criterion is the first one by which the two differ, in the rule book's order.
    Raises LookupError for one who does not wait.
    """
    position = position_of(application_id, queue)
    mine = queue[position - 1]
    return dict(Counter(_difference(each, mine, order) for each in queue[: position - 1]))


def _difference(one: Waiting, other: Waiting, order: Sequence[str]) -> str:
    for name in order:
        if _CRITERIA[name](one) != _CRITERIA[name](other):
            return name
    return QUEUE_DATE


def stands_by(queue: Sequence[Waiting], order: Sequence[str]) -> list[str | None]:
    """For each in the queue the criterion by which it stands before the next one; None for the last."""
    following = [_difference(one, other, order) for one, other in pairwise(queue)]
    return [*following, None] if queue else []


def rank_key(each: Waiting, order: Sequence[str]) -> tuple[object, ...]:
    """What the order goes by, criterion by criterion; smallest first."""
    return tuple(_CRITERIA[name](each) for name in order)


# By these two applications differ tomorrow as they do today; by the others a life event may come between.
_LASTING = frozenset(
    {QUEUE_DATE, "queue_day", "lottery", "on_time_first", "children_before_adults", "host_residents_first"}
)


def stood_before(one: Waiting, other: Waiting, order: Sequence[str]) -> bool:
    """Whether `one` has certainly stood before `other` all along: not where what decides may have changed."""
    for name in order:
        if name not in _LASTING:
            return False
        mine, theirs = _CRITERIA[name](one), _CRITERIA[name](other)
        if mine != theirs:
            return bool(mine < theirs)  # type: ignore[operator]  # values of one criterion compare
    return False
