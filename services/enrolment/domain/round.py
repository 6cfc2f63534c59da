"""The admission round: everybody who ranked courses is placed at once, by deferred acceptance.

Pupils propose down their lists; a course keeps the best it has heard from so far, by the rule book's order,
and lets the others propose to their next choice (Gale and Shapley 1962). Seats reserved for a municipality
go to its own pupils first, and to anybody where it has too few (Hafalir, Yenmez and Yildirim 2013). For
pupils who apply alone the result is stable: no pupil and course would both rather have each other; and no
pupil gets a better place by ranking otherwise than it wishes. Siblings who come together or not at all can
make a stable result impossible; theirs is the best this way of proposing finds, see `place`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

LOTTERY = "lottery"

# What became of a choice.
PLACED, FULL, NOT_NEEDED = "placed", "full", "not_needed"


@dataclass(frozen=True, slots=True)
class Choice:
    """A ranked course. `key` is the party's place in the course's order: the smallest comes first."""

    course_id: str
    key: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Party:
    """A pupil, or siblings who come together or not at all; the best choice first.

    `municipality` is the home of all of them, None where they have two: reserved seats are for one.
    """

    pupils: tuple[str, ...]
    municipality: str | None
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class RoundCourse:
    """`seats` are those to give; `reserved` says how many of them go to a municipality's own pupils first."""

    course_id: str
    seats: int
    reserved: Mapping[str, int] = field(default_factory=dict)


# A party's key at a course, and the party's number.
_Candidate = tuple[tuple[int, ...], int]


def lottery_number(seed: str, pupils: Iterable[str]) -> int:
    """What decides between equals: anybody who knows the published seed can work it out again.

    One number a party and round, so that siblings have one ticket and not several.
    """
    digest = hashlib.sha256(f"{seed}:{min(pupils)}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def place(courses: Mapping[str, RoundCourse], parties: Sequence[Party]) -> list[int | None]:
    """For each party the index of the choice it got, or None.

    Siblings who were let in and later had to leave would have kept others out for nothing. Whoever that
    happens to is not let in there, and everybody proposes again; each time at least one possibility of
    siblings is gone, so it ends. Where nobody comes as siblings once is enough.
    """
    barred: set[tuple[int, str]] = set()
    while True:
        placed, ousted = _propose(courses, parties, barred)
        if not ousted:
            return placed
        barred |= ousted


def _propose(
    courses: Mapping[str, RoundCourse], parties: Sequence[Party], barred: set[tuple[int, str]]
) -> tuple[list[int | None], set[tuple[int, str]]]:
    """The choice each party ends with, and the siblings who were let in somewhere and had to leave."""
    at = [0] * len(parties)
    held: dict[str, list[_Candidate]] = {}
    ousted: set[tuple[int, str]] = set()
    free = list(range(len(parties)))
    while free:
        arrived = _arrivals(parties, at, free, barred)
        free = []
        for course_id, new in arrived.items():
            before = held.get(course_id, [])
            kept = choose(courses[course_id], [*before, *new], parties)
            held[course_id] = kept
            stay = {number for _, number in kept}
            left = [number for _, number in before if number not in stay]
            ousted |= {(number, course_id) for number in left if len(parties[number].pupils) > 1}
            free += left
            free += [number for _, number in new if number not in stay]
        for number in free:
            at[number] += 1
    ends = [at[n] if at[n] < len(party.choices) else None for n, party in enumerate(parties)]
    return ends, ousted


def _arrivals(
    parties: Sequence[Party], at: list[int], free: Iterable[int], barred: set[tuple[int, str]]
) -> dict[str, list[_Candidate]]:
    """By course who proposes to it now; moves `at` past what siblings are barred from."""
    arrived: dict[str, list[_Candidate]] = {}
    for number in free:
        choices = parties[number].choices
        while at[number] < len(choices) and (number, choices[at[number]].course_id) in barred:
            at[number] += 1
        if at[number] < len(choices):
            choice = choices[at[number]]
            arrived.setdefault(choice.course_id, []).append((choice.key, number))
    return arrived


def choose(
    course: RoundCourse, candidates: Sequence[_Candidate], parties: Sequence[Party]
) -> list[_Candidate]:
    """Whom the course keeps: reserved seats first, then all others in order, whoever still fits."""
    in_order = sorted(candidates)
    if not course.reserved and all(len(parties[number].pupils) == 1 for _, number in in_order):
        return in_order[: course.seats]
    kept: list[_Candidate] = []
    others: list[tuple[_Candidate, int]] = []
    left = course.seats
    reserved = dict(course.reserved)
    for each in in_order:
        party = parties[each[1]]
        size, home = len(party.pupils), party.municipality
        if home is not None and size <= reserved.get(home, 0) and size <= left:
            reserved[home] -= size
            left -= size
            kept.append(each)
        else:
            others.append((each, size))
    for each, size in others:
        if size <= left:
            left -= size
            kept.append(each)
    return kept


@dataclass(frozen=True, slots=True)
class Reason:
    """What became of one choice; for a full course, `criterion` is where the last one let in was ahead.

    It is the index in the key, or None where the party was too many for the seats that were left.
    """

    course_id: str
    outcome: str
    criterion: int | None = None


def explain(
    courses: Mapping[str, RoundCourse], parties: Sequence[Party], placed: Sequence[int | None]
) -> list[list[Reason]]:
    """For each party what became of each of its choices, in its order."""
    last: dict[str, tuple[int, ...]] = {}
    for party, index in zip(parties, placed, strict=True):
        if index is not None:
            choice = party.choices[index]
            last[choice.course_id] = max(last.get(choice.course_id, choice.key), choice.key)
    return [
        [_reason(choice, position, index, last) for position, choice in enumerate(party.choices)]
        for party, index in zip(parties, placed, strict=True)
    ]


def _reason(choice: Choice, position: int, index: int | None, last: Mapping[str, tuple[int, ...]]) -> Reason:
    if index is not None and position >= index:
        return Reason(choice.course_id, PLACED if position == index else NOT_NEEDED)
    limit = last.get(choice.course_id, ())
    ahead = (n for n, (mine, theirs) in enumerate(zip(choice.key, limit, strict=False)) if mine != theirs)
    criterion = next(ahead, None)
    if criterion is not None and choice.key[criterion] < limit[criterion]:
        criterion = None  # ahead of the last one in: for want of seats together, or for reserved seats
    return Reason(choice.course_id, FULL, criterion)
