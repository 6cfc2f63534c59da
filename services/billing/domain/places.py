"""What a place counts for: one, to the municipality its pupil lives in, split by days where the pupil moves.

A place is held from the first day of the term, or from the day it was given where that is later, to the last
day of the term. Who lives in two municipalities meanwhile counts for each by its days, the day of the move
being the first in the new one. The parts are thousandths of a place by largest remainder, so that a place's
parts always sum to exactly one place, and a term's to its places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from services.chassis.money import split_by_largest_remainder

WHOLE = 1000  # a place in thousandths
_DAY = timedelta(days=1)


def in_places(thousandths: int) -> Decimal:
    """With three decimals, exactly."""
    return Decimal(thousandths).scaleb(-3)


@dataclass(frozen=True, slots=True)
class Move:
    """What enrolment said: the pupil lives in `to_municipality` since the day."""

    from_municipality: str
    to_municipality: str
    moved_on: date


@dataclass(frozen=True, slots=True)
class Stay:
    """A part of a place: the days, both included, that its pupil lived in a municipality."""

    home: str
    first_on: date
    last_on: date
    thousandths: int

    @property
    def days(self) -> int:
        return (self.last_on - self.first_on).days + 1


def residence(moves: Sequence[Move]) -> list[tuple[date, str]]:
    """From which day the pupil lives where; the first entry is from always. `moves` are in order as said.

    What was said last holds from its day on, whatever had been said of later days. A move from a municipality
    to itself says that the move before it happened on another day.
    """
    homes = [(date.min, moves[0].from_municipality)]
    for move in moves:
        if move.from_municipality == move.to_municipality == homes[-1][1] and len(homes) > 1:
            homes.pop()
        homes = [homes[0], *(each for each in homes[1:] if each[0] < move.moved_on)]
        homes.append((move.moved_on, move.to_municipality))
    return homes


def days_held(starts_on: date, ends_on: date, given_on: date) -> tuple[date, date]:
    """The first and the last day of a term on which a place is held; given after the term, its last day."""
    return min(max(starts_on, given_on), ends_on), ends_on


def stays(home: str, first_on: date, last_on: date, moves: Sequence[Move]) -> tuple[Stay, ...]:
    """The parts of a place by day; one where the pupil did not move in its days.

    `home` is what was said with the place, and counts where nothing is known of moves.
    """
    homes = residence(moves) if moves else [(date.min, home)]
    spans: list[tuple[str, date, date]] = []
    for (since, lives_in), (until, _) in pairwise([*homes, (date.max, "")]):
        begin, end = max(since, first_on), min(until - _DAY if until > date.min else until, last_on)
        if begin > end:
            continue
        if spans and spans[-1][0] == lives_in:
            begin = spans.pop()[1]
        spans.append((lives_in, begin, end))
    # The day as key: of two parts with the same remainder the earlier one gets the odd thousandth.
    days = {begin.isoformat(): (end - begin).days + 1 for _, begin, end in spans}
    parts = split_by_largest_remainder(WHOLE, days)
    return tuple(Stay(lives_in, begin, end, parts[begin.isoformat()]) for lives_in, begin, end in spans)
