"""The admission round: everybody who ranked courses is placed at once, by deferred acceptance.

Pupils propose down their lists; a course keeps the best it has heard from so far, by the rule book's order,
and lets the others propose to their next choice (Gale and Shapley 1962). Seats reserved for a municipality
go to its own pupils first, and to anybody where it has too few (Hafalir, Yenmez and Yildirim 2013).

What is proven, and tested: where nobody comes as siblings and no ceiling is reached, the result is stable
(no pupil and course would both rather have each other), and no pupil gets a better place by ranking otherwise
than it wishes. Siblings who come together or not at all can make a stable result impossible, and a ceiling of
a home municipality binds courses together that know nothing of each other: with either, neither is promised.
Then too no course and no ceiling is exceeded, siblings have one answer, and the same input gives the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

LOTTERY = "lottery"

# What became of a choice.
PLACED, FULL, NOT_NEEDED, OVER_CEILING = "placed", "full", "not_needed", "ceiling"
# A rule had excluded it by the time of the run, or of publishing: it never was among the choices.
REFUSED = "refused"


class Choice(NamedTuple):
    """A ranked course. `key` is the party's place in the course's order: the smallest comes first.

    The last part of it is the party's lot in the round.
    """

    course_id: str
    key: tuple[int, ...]


class Party(NamedTuple):
    """A pupil, or siblings who come together or not at all; the best choice first.

    `municipality` is the home of all of them, None where they have two: reserved seats are for one.
    """

    pupils: tuple[str, ...]
    municipality: str | None
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class RoundCourse:
    """`seats` are those to give; `reserved` says how many of them go to a municipality's own pupils first.

    `host` and `fee_ore` are what a home municipality's ceiling counts by.
    """

    course_id: str
    seats: int
    reserved: Mapping[str, int] = field(default_factory=dict)
    host: str = ""
    fee_ore: int = 0


@dataclass(frozen=True, slots=True)
class RoundCeiling:
    """What is left of what a home municipality pays for elsewhere, before the round; None is no limit."""

    places: int | None
    ore: int | None


# A party's key at a course, and the party's number.
_Candidate = tuple[tuple[int, ...], int]
# Parties by their number, that may not have a place on the course any more.
Barred = set[tuple[int, str]]


def lottery_number(seed: str, pupils: Iterable[str]) -> int:
    """What decides between equals: anybody who knows the published seed can work it out again.

    One number a party and round, so that siblings have one ticket and not several.
    """
    digest = hashlib.sha256(f"{seed}:{min(pupils)}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def place(
    courses: Mapping[str, RoundCourse], parties: Sequence[Party], never: Collection[tuple[int, str]] = ()
) -> list[int | None]:
    """For each party the index of the choice it got, or None; `never` are parties barred from a course.

    Siblings who were let in and later had to leave would have kept others out for nothing. Whoever that
    happens to is not let in there, and everybody proposes again; each time at least one possibility of
    siblings is gone, so it ends. Where nobody comes as siblings once is enough.
    """
    barred: Barred = set(never)
    sizes = [len(party.pupils) for party in parties]
    while True:
        placed, ousted = _propose(courses, parties, sizes, barred)
        if not ousted:
            return placed
        barred |= ousted


def place_within(
    courses: Mapping[str, RoundCourse],
    parties: Sequence[Party],
    homes: Mapping[str, str],
    ceilings: Mapping[str, RoundCeiling],
) -> tuple[list[int | None], Barred]:
    """As `place`, and within what each home municipality pays for elsewhere; who was barred for it.

    Where more of a municipality's pupils would have places elsewhere than it pays for, those with the largest
    lots are barred from the course they would have had, and everybody proposes again until all are within.
    `homes` is the home of each pupil of a municipality with a ceiling.
    """
    over: Barred = set()
    while True:
        placed = place(courses, parties, over)
        beyond = _beyond(courses, parties, placed, homes, ceilings) if ceilings else set()
        if not beyond:
            return placed, over
        over |= beyond


def _beyond(
    courses: Mapping[str, RoundCourse],
    parties: Sequence[Party],
    placed: Sequence[int | None],
    homes: Mapping[str, str],
    ceilings: Mapping[str, RoundCeiling],
) -> Barred:
    """Who has a place that its home municipality does not pay for, the smallest lots served first."""
    left = {home: [ceiling.places, ceiling.ore] for home, ceiling in ceilings.items()}
    beyond: Barred = set()
    choices = ((party.choices[index], n) for n, (party, index) in _with_place(parties, placed))
    for choice, number in sorted(choices, key=lambda each: (each[0].key[-1:], each[1])):
        course = courses[choice.course_id]
        where = [homes.get(pupil, course.host) for pupil in parties[number].pupils]
        counted = [home for home in where if home != course.host and home in left]
        if all(_fits(left[home], counted.count(home), course.fee_ore) for home in counted):
            for home in counted:
                places, ore = left[home]
                left[home] = [
                    None if places is None else places - 1,
                    None if ore is None else ore - course.fee_ore,
                ]
        else:
            beyond.add((number, choice.course_id))
    return beyond


def _with_place(
    parties: Sequence[Party], placed: Sequence[int | None]
) -> Iterable[tuple[int, tuple[Party, int]]]:
    for number, index in enumerate(placed):
        if index is not None:
            yield number, (parties[number], index)


def _fits(left: Sequence[int | None], places: int, fee_ore: int) -> bool:
    most_places, most_ore = left
    within = most_places is None or places <= most_places
    return within and (most_ore is None or places * fee_ore <= most_ore)


def _propose(
    courses: Mapping[str, RoundCourse], parties: Sequence[Party], sizes: Sequence[int], barred: Barred
) -> tuple[list[int | None], Barred]:
    """The choice each party ends with, and the siblings who were let in somewhere and had to leave."""
    at = [0] * len(parties)
    held: dict[str, list[_Candidate]] = {}
    ousted: Barred = set()
    free = list(range(len(parties)))
    while free:
        arrived = _arrivals(parties, at, free, barred)
        free = []
        for course_id, new in arrived.items():
            before = held.get(course_id)
            kept = choose(courses[course_id], [*before, *new] if before else new, parties, sizes)
            held[course_id] = kept
            if len(kept) == len(new) + (len(before) if before else 0):
                continue
            stay = {number for _, number in kept}
            if before:
                left = [number for _, number in before if number not in stay]
                ousted |= {(number, course_id) for number in left if sizes[number] > 1}
                free += left
            free += [number for _, number in new if number not in stay]
        for number in free:
            at[number] += 1
    ends = [index if index < len(party.choices) else None for index, party in zip(at, parties, strict=True)]
    return ends, ousted


def _arrivals(
    parties: Sequence[Party], at: list[int], free: Iterable[int], barred: Barred
) -> dict[str, list[_Candidate]]:
    """By course who proposes to it now; moves `at` past what parties are barred from."""
    arrived: dict[str, list[_Candidate]] = {}
    concerned = {number for number, _ in barred}
    for number in free:
        choices = parties[number][2]
        index = at[number]
        if number in concerned:
            while index < len(choices) and (number, choices[index][0]) in barred:
                index += 1
            at[number] = index
        if index < len(choices):
            course_id, key = choices[index]
            new = arrived.get(course_id)
            if new is None:
                arrived[course_id] = [(key, number)]
            else:
                new.append((key, number))
    return arrived


def choose(
    course: RoundCourse, candidates: list[_Candidate], parties: Sequence[Party], sizes: Sequence[int]
) -> list[_Candidate]:
    """Whom the course keeps: reserved seats first, then all others in order, whoever still fits."""
    left = course.seats
    needed = sum([sizes[number] for _, number in candidates])
    if needed <= left:
        return candidates
    candidates = sorted(candidates)
    if not course.reserved and needed == len(candidates):
        return candidates[:left]
    kept, others, left = _with_reserved_seats(course, candidates, parties, sizes)
    if needed == len(candidates):  # nobody came as siblings
        return kept + others[:left]
    for each in others:
        size = sizes[each[1]]
        if size <= left:
            left -= size
            kept.append(each)
    return kept


def _with_reserved_seats(
    course: RoundCourse, candidates: list[_Candidate], parties: Sequence[Party], sizes: Sequence[int]
) -> tuple[list[_Candidate], list[_Candidate], int]:
    """Who has one of the seats reserved for its municipality, all others, and the seats left; in order."""
    kept: list[_Candidate] = []
    others: list[_Candidate] = []
    left = course.seats
    reserved = dict(course.reserved)
    still = sum(reserved.values())
    for at, each in enumerate(candidates):
        if still == 0:
            others += candidates[at:]
            break
        number = each[1]
        size, home = sizes[number], parties[number][1]
        if home is not None and size <= reserved.get(home, 0) and size <= left:
            reserved[home] -= size
            still -= size
            left -= size
            kept.append(each)
        else:
            others.append(each)
    return kept, others, left


class Reason(NamedTuple):
    """What became of one choice; for a full course, `criterion` is where the last one let in was ahead.

    It is the index in the key, or None where the party was too many for the seats that were left.
    """

    course_id: str
    outcome: str
    criterion: int | None = None


def explain(
    courses: Mapping[str, RoundCourse],
    parties: Sequence[Party],
    placed: Sequence[int | None],
    over: Collection[tuple[int, str]] = (),
) -> list[list[Reason]]:
    """For each party what became of each of its choices, in its order. `over` is who was over a ceiling."""
    last: dict[str, tuple[int, ...]] = {}
    for party, index in zip(parties, placed, strict=True):
        if index is not None:
            course_id, key = party.choices[index]
            if key > last.get(course_id, ()):
                last[course_id] = key
    return [
        [
            Reason(choice.course_id, OVER_CEILING)
            if (index is None or position < index) and (number, choice.course_id) in over
            else _reason(choice, position, index, last)
            for position, choice in enumerate(party.choices)
        ]
        for number, (party, index) in enumerate(zip(parties, placed, strict=True))
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
