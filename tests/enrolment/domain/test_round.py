"""The admission round: stable, honest to rank in, the same from the same input, and explained."""

from __future__ import annotations

import itertools
import random
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.enrolment.domain.round import (
    FULL,
    NOT_NEEDED,
    OVER_CEILING,
    PLACED,
    Choice,
    Party,
    Reason,
    RoundCeiling,
    RoundCourse,
    explain,
    lottery_number,
    place,
    place_within,
)
from services.enrolment.rounds.frozen import Problem, freeze, thaw

HOMES = ("1901", "1902", "1903")
COURSES = ("a", "b", "c")


def courses_of(seats: Sequence[int], reserved: Sequence[Mapping[str, int]]) -> dict[str, RoundCourse]:
    return {name: RoundCourse(name, seats[n], reserved[n]) for n, name in enumerate(COURSES[: len(seats)])}


@st.composite
def rounds(draw: st.DrawFn, most: int = 9, largest: int = 1) -> tuple[dict[str, RoundCourse], list[Party]]:
    """Courses with few seats and parties of up to `largest` that rank some of them."""
    seats = draw(st.lists(st.integers(0, 4), min_size=len(COURSES), max_size=len(COURSES)))
    share = st.dictionaries(st.sampled_from(HOMES), st.integers(0, 2), max_size=2)
    reserved = [draw(share) for _ in COURSES]
    parties = []
    for number in range(draw(st.integers(0, most))):
        size = draw(st.integers(1, largest))
        wishes = draw(st.lists(st.sampled_from(COURSES), unique=True, max_size=len(COURSES)))
        choices = tuple(Choice(name, (draw(st.integers(0, 2)), draw(st.integers(0, 99)))) for name in wishes)
        pupils = tuple(f"p{number}-{n}" for n in range(size))
        parties.append(Party(pupils, draw(st.sampled_from(HOMES)), choices))
    return courses_of(seats, reserved), parties


def in_course(parties: Sequence[Party], placed: Sequence[int | None], course_id: str) -> list[int]:
    return [
        n
        for n, index in enumerate(placed)
        if index is not None and parties[n].choices[index].course_id == course_id
    ]


def size(parties: Sequence[Party], numbers: Sequence[int]) -> int:
    return sum(len(parties[n].pupils) for n in numbers)


def would_rather(
    course: RoundCourse, parties: Sequence[Party], inside: Sequence[int], number: int, choice: Choice
) -> bool:
    """Whether the course would rather have the pupil: a seat is free, or one inside has less right to it.

    Written from what a reserved seat means, not from how seats are given: a pupil inside may have to leave
    for a better one, unless its municipality has no more than its reserved seats and the other's is another;
    and for one whose municipality has reserved seats left, unless its own would fall below its share.
    """
    if size(parties, inside) < course.seats:
        return True

    def count(home: str | None) -> int:
        return sum(parties[n].municipality == home for n in inside)

    mine = parties[number].municipality
    keys = {n: next(c.key for c in parties[n].choices if c.course_id == course.course_id) for n in inside}
    for other in inside:
        theirs = parties[other].municipality
        beyond = count(theirs) > course.reserved.get(theirs or "", 0)
        better = (choice.key, number) < (keys[other], other)
        if theirs == mine and better:
            return True
        if theirs != mine and beyond and (better or count(mine) < course.reserved.get(mine or "", 0)):
            return True
    return False


def within(course: RoundCourse) -> bool:
    """Whether the course has as many seats as it reserves; a round with others is not opened."""
    return sum(course.reserved.values()) <= course.seats


@settings(max_examples=400)
@given(rounds())
def test_no_pupil_and_course_both_prefer_each_other(
    case: tuple[dict[str, RoundCourse], list[Party]],
) -> None:
    courses, parties = case
    placed = place(courses, parties)
    for number, (party, index) in enumerate(zip(parties, placed, strict=True)):
        better = party.choices if index is None else party.choices[:index]
        for choice in better:
            course = courses[choice.course_id]
            if within(course):
                inside = in_course(parties, placed, choice.course_id)
                assert not would_rather(course, parties, inside, number, choice)


@settings(max_examples=300)
@given(rounds(largest=3))
def test_no_course_is_overfull_and_siblings_come_together(
    case: tuple[dict[str, RoundCourse], list[Party]],
) -> None:
    courses, parties = case
    placed = place(courses, parties)
    assert len(placed) == len(parties)  # a party has one answer, so its siblings have the same
    for course_id, course in courses.items():
        assert size(parties, in_course(parties, placed, course_id)) <= course.seats


@settings(max_examples=300)
@given(rounds(largest=3))
def test_beside_siblings_no_seat_is_left_that_a_pupil_alone_wanted(
    case: tuple[dict[str, RoundCourse], list[Party]],
) -> None:
    courses, parties = case
    placed = place(courses, parties)
    for party, index in zip(parties, placed, strict=True):
        if len(party.pupils) > 1:
            continue
        for choice in party.choices if index is None else party.choices[:index]:
            inside = in_course(parties, placed, choice.course_id)
            assert size(parties, inside) == courses[choice.course_id].seats


@settings(max_examples=60, deadline=None)
@given(rounds(most=6), st.data())
def test_no_pupil_gains_by_ranking_otherwise(
    case: tuple[dict[str, RoundCourse], list[Party]], data: st.DataObject
) -> None:
    courses, parties = case
    if not parties:
        return
    number = data.draw(st.integers(0, len(parties) - 1))
    truth = parties[number]
    honest = place(courses, parties)[number]
    keys = {choice.course_id: choice for choice in truth.choices}
    for length in range(len(truth.choices) + 1):
        for lie in itertools.permutations(truth.choices, length):
            told = [*parties]
            told[number] = Party(truth.pupils, truth.municipality, lie)
            got = place(courses, told)[number]
            if got is not None:
                rank = truth.choices.index(keys[lie[got].course_id])
                assert honest is not None
                assert honest <= rank


@given(rounds(largest=2), st.randoms())
def test_the_order_in_which_the_database_gives_them_changes_nothing(
    case: tuple[dict[str, RoundCourse], list[Party]], dice: random.Random
) -> None:
    courses, parties = case
    # Without equal keys, as lottery numbers see to.
    parties = [
        Party(p.pupils, p.municipality, tuple(Choice(c.course_id, (*c.key, n)) for c in p.choices))
        for n, p in enumerate(parties)
    ]
    shuffled = [*parties]
    dice.shuffle(shuffled)
    first = dict(zip((p.pupils for p in parties), place(courses, parties), strict=True))
    second = dict(zip((p.pupils for p in shuffled), place(courses, shuffled), strict=True))
    assert first == second


def alone(name: str, home: str, *choices: tuple[str, int]) -> Party:
    return Party((name,), home, tuple(Choice(course, (key,)) for course, key in choices))


def test_a_reserved_seat_goes_to_its_municipality_and_an_unused_one_to_anybody() -> None:
    course = {"a": RoundCourse("a", 2, {"1902": 1})}
    near = [alone("x", "1901", ("a", 1)), alone("y", "1901", ("a", 2))]
    assert place(course, near) == [0, 0]
    assert place(course, [*near, alone("z", "1902", ("a", 9))]) == [0, None, 0]


def test_siblings_who_do_not_fit_leave_the_seat_to_the_next() -> None:
    course = {"a": RoundCourse("a", 2)}
    siblings = Party(("s", "t"), "1901", (Choice("a", (2,)),))
    assert place(course, [alone("x", "1901", ("a", 1)), siblings, alone("y", "1901", ("a", 3))]) == [
        0,
        None,
        0,
    ]


def test_siblings_who_had_to_leave_keep_nobody_out() -> None:
    # x is refused on a when the siblings come; then y, refused on b, takes a seat from them.
    courses = {"a": RoundCourse("a", 2), "b": RoundCourse("b", 1)}
    parties = [
        alone("x", "1901", ("a", 5)),
        Party(("s", "t"), "1901", (Choice("a", (3,)),)),
        alone("y", "1901", ("b", 2), ("a", 1)),
        alone("z", "1901", ("b", 1)),
    ]
    assert place(courses, parties) == [0, None, 1, 0]


def test_each_choice_is_explained() -> None:
    courses = {"a": RoundCourse("a", 1), "b": RoundCourse("b", 1), "c": RoundCourse("c", 1)}
    first = Party(("x",), "1901", (Choice("a", (0, 5)),))
    second = Party(("y",), "1901", (Choice("a", (1, 2)), Choice("b", (0, 1)), Choice("c", (0, 1))))
    third = Party(("z",), "1901", (Choice("b", (0, 7)),))
    parties = [first, second, third]
    reasons = explain(courses, parties, place(courses, parties))
    assert [(r.course_id, r.outcome, r.criterion) for r in reasons[1]] == [
        ("a", FULL, 0),
        ("b", PLACED, None),
        ("c", NOT_NEEDED, None),
    ]
    assert [(r.outcome, r.criterion) for r in reasons[2]] == [(FULL, 1)]


def test_the_lottery_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    pupils = [f"p{n}" for n in range(200)]
    drawn = [lottery_number("seed", [p]) for p in pupils]
    assert drawn == [lottery_number("seed", [p]) for p in pupils]
    assert len(set(drawn)) == len(pupils)
    assert sorted(pupils, key=lambda p: lottery_number("seed", [p])) != sorted(
        pupils, key=lambda p: lottery_number("other", [p])
    )
    assert lottery_number("seed", ["b", "a"]) == lottery_number("seed", ["a"])


ceilings_of = st.dictionaries(
    st.sampled_from(HOMES),
    st.builds(RoundCeiling, st.none() | st.integers(0, 3), st.none() | st.integers(0, 500)),
    max_size=3,
)


@settings(max_examples=300)
@given(rounds(largest=2), ceilings_of)
def test_no_home_municipality_pays_for_more_than_it_will(
    case: tuple[dict[str, RoundCourse], list[Party]], ceilings: dict[str, RoundCeiling]
) -> None:
    """Course a is held in the first municipality, b in the second, c in the third, and costs more."""
    plain, parties = case
    courses = {
        name: replace(course, host=HOMES[n], fee_ore=100 * (n + 1))
        for n, (name, course) in enumerate(plain.items())
    }
    homes = {pupil: party.municipality or "" for party in parties for pupil in party.pupils}
    placed, over = place_within(courses, parties, homes, ceilings)
    for home, ceiling in ceilings.items():
        fees = [
            courses[course].fee_ore
            for course in courses
            for n in in_course(parties, placed, course)
            for pupil in parties[n].pupils
            if homes[pupil] == home and courses[course].host != home
        ]
        assert ceiling.places is None or len(fees) <= ceiling.places
        assert ceiling.ore is None or sum(fees) <= ceiling.ore
    for course_id, course in courses.items():
        assert size(parties, in_course(parties, placed, course_id)) <= course.seats
    # Nobody is barred at home, and without ceilings nobody at all: then it is the round without them.
    assert all(courses[course].host != parties[n].municipality for n, course in over)
    assert place_within(courses, parties, homes, {}) == (place(courses, parties), set())
    problem = Problem(courses, parties, {}, {}, ceilings, homes)
    assert thaw(freeze(problem)) == problem or not ceilings


def test_the_smallest_lots_are_paid_for_and_the_others_go_on_down_their_lists() -> None:
    courses = {
        "far": RoundCourse("far", 5, host="1902", fee_ore=100),
        "home": RoundCourse("home", 5, host="1901", fee_ore=100),
    }
    lots = {"x": 7, "y": 3, "z": 5}
    parties = [
        Party((name,), "1901", (Choice("far", (0, lot)), Choice("home", (0, lot))))
        for name, lot in lots.items()
    ]
    homes = dict.fromkeys(lots, "1901")
    placed, over = place_within(courses, parties, homes, {"1901": RoundCeiling(2, None)})
    assert placed == [1, 0, 0]
    assert explain(courses, parties, placed, over)[0] == [
        Reason("far", OVER_CEILING),
        Reason("home", PLACED),
    ]
    assert place_within(courses, parties, homes, {"1901": RoundCeiling(None, 99)})[0] == [1, 1, 1]


def test_an_older_frozen_round_without_ceilings_is_still_read() -> None:
    text = (
        '{"courses":[["a",1,{}]],"criteria":{"a":["lottery"]},'
        '"parties":[[["x"],"1901",[["a",[4]]]]],"refused":[]}'
    )
    problem = thaw(text)
    assert (problem.ceilings, problem.homes) == ({}, {})
    assert freeze(problem) == text


def test_anybody_can_draw_a_lot_of_the_round_again() -> None:
    """As the page of the round says: the first twelve digits of `printf '%s:%s' SEED CHILD | sha256sum`."""
    drawn = subprocess.run(
        ["sh", "-c", "printf '%s:%s' 'a seed' p2 | sha256sum"], capture_output=True, text=True, check=True
    )
    assert int(drawn.stdout[:12], 16) == lottery_number("a seed", ["p3", "p2"])
