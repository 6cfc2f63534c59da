"""The order in which waiting applications get a place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

QUEUE_DATE = "queue_date"
ADULT_AGE = 20  # a culture school's pupils are children and young people up to and including 19


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of a waiting application the order may go by. `queued_at` is the queue date."""

    application_id: str
    queued_at: datetime
    age: int
    lives_in_host: bool
    has_place_at_school: bool


# A rule book's criterion -> what is sorted by it, smallest first.
_CRITERIA: Mapping[str, Callable[[Waiting], object]] = {
    "children_before_adults": lambda waiting: waiting.age >= ADULT_AGE,
    "new_pupils_first": lambda waiting: waiting.has_place_at_school,
    "host_residents_first": lambda waiting: not waiting.lives_in_host,
    QUEUE_DATE: lambda waiting: waiting.queued_at,
}


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


def rank_key(each: Waiting, order: Sequence[str]) -> tuple[object, ...]:
    """What the order goes by, criterion by criterion; smallest first."""
    return tuple(_CRITERIA[name](each) for name in order)
