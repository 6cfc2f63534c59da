"""Ranked choices in first-come admission: how many, in which order, and what falls away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import ApplicationEnded, PlaceOffered
from services.contracts.rule_book import Limits
from services.enrolment import commands
from services.enrolment.choices import apply_with_choices, rank_choices
from services.enrolment.domain.limits import Engagement, Lesson, Wish, fallen, refusal_by_limits
from services.enrolment.domain.requests import Outcome
from tests.enrolment.commands.doing import refused, well
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    DANCE,
    FIDDLE,
    NORRBYS_RULES,
    NOW,
    children,
    decide,
    facts,
    names,
    request,
    rows_of,
    states,
    tell,
)

COURSES = ("fiddle", "dance", "cello", "choir")
RANKED = Limits(courses=1, ranked_choices=3)


@pytest.fixture(autouse=True)
def _courses(storage: Storage) -> None:
    """Four courses of two seats on four days, where one course at a time and three choices are allowed."""
    rules(storage, RANKED)
    tell(
        storage,
        replace(DANCE, capacity=2),
        replace(FIDDLE, course_id="cello", weekday=2),
        replace(FIDDLE, course_id="choir", weekday=4, fee_kind="choir"),
    )


def rules(storage: Storage, limits: Limits) -> None:
    tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, limits=limits)))


def fill(storage: Storage, *course_ids: str) -> str:
    """Others have all the seats; one more child."""
    others = iter(children(storage, 2 * len(course_ids) + 1))
    for course in course_ids:
        decide(storage, *(request(f"{course}-{n}", course, next(others)) for n in range(2)))
    return next(others)


def apply(storage: Storage, course: str, choice: int | None = None) -> Outcome:
    with storage.unit() as unit:
        (outcome,) = apply_with_choices(unit, [replace(request(f"a-{course}", course), choice=choice)])
    well(storage)
    return outcome


def do(storage: Storage, command: Any, *arguments: Any) -> None:
    with storage.unit() as unit:
        command(unit, *arguments, "the tests")
    well(storage)


def rank(storage: Storage) -> dict[str, tuple[int | None, str]]:
    """Choice and state, of an ended one its outcome, by course."""
    rows = {name[2:]: row for name, row in rows_of(storage).items() if name.startswith("a-")}
    return {name: (row.choice, row.outcome or row.state) for name, row in rows.items()}


def free_a_seat(storage: Storage, course: str) -> None:
    do(storage, commands.withdraw, f"{course}-0")


def test_applications_are_ranked_as_they_come_and_no_more_than_allowed(storage: Storage) -> None:
    fill(storage, *COURSES)
    for course in COURSES[:3]:
        apply(storage, course)
    assert rank(storage) == {"fiddle": (1, "queued"), "dance": (2, "queued"), "cello": (3, "queued")}
    refusal = refused(storage, apply_with_choices, [request("a-choir", "choir")])
    assert (refusal.name, refusal.rule) == ("too_many_choices", "norrby-2024/limits")
    assert refusal.facts["most"] == 3
    assert names(decide(storage, request("a-choir", "choir"))) == ["too_many_choices"]
    do(storage, commands.withdraw, "a-dance")
    assert apply(storage, "choir").state == "queued"


@both
def test_a_new_one_goes_where_it_is_ranked(storage: Storage) -> None:
    fill(storage, *COURSES)
    apply(storage, "fiddle")
    apply(storage, "dance")
    apply(storage, "cello", choice=1)
    assert rank(storage) == {"fiddle": (2, "queued"), "dance": (3, "queued"), "cello": (1, "queued")}
    apply(storage, "cello", choice=3)  # the same again moves nothing
    assert rank(storage)["cello"] == (1, "queued")


@both
def test_a_place_ends_what_is_ranked_behind_it(storage: Storage) -> None:
    fill(storage, *COURSES)
    for course in ("fiddle", "dance", "cello"):
        apply(storage, course)
    free_a_seat(storage, "dance")
    do(storage, commands.accept_offer, "a-dance")
    assert rank(storage) == {"fiddle": (1, "queued"), "dance": (2, "placed"), "cello": (3, "better_choice")}
    (ended,) = [fact for fact in facts(storage, ApplicationEnded) if fact.outcome == "better_choice"]
    assert (ended.application_id, ended.had) == ("a-cello", "queue")


def test_the_best_choice_takes_the_place_of_the_one_behind_it(storage: Storage) -> None:
    fill(storage, "fiddle")
    apply(storage, "fiddle")
    apply(storage, "dance")
    assert rank(storage) == {"fiddle": (1, "queued"), "dance": (2, "placed")}
    free_a_seat(storage, "fiddle")
    assert rank(storage)["fiddle"] == (1, "offered")
    do(storage, commands.accept_offer, "a-fiddle")
    assert rank(storage) == {"fiddle": (1, "placed"), "dance": (2, "better_choice")}
    assert states(storage, "dance") == {"a-dance": "better_choice"}


def test_declining_the_better_one_keeps_the_place(storage: Storage) -> None:
    fill(storage, "fiddle")
    apply(storage, "fiddle")
    apply(storage, "dance")
    free_a_seat(storage, "fiddle")
    do(storage, commands.decline_offer, "a-fiddle")
    assert rank(storage) == {"fiddle": (1, "declined"), "dance": (2, "placed")}


def test_an_open_offer_behind_a_new_place_goes_to_the_next(storage: Storage) -> None:
    other = fill(storage, "fiddle", "dance")
    apply(storage, "fiddle")
    apply(storage, "dance")
    decide(storage, request("next", "dance", other))
    free_a_seat(storage, "dance")
    free_a_seat(storage, "fiddle")
    assert rank(storage) == {"fiddle": (1, "offered"), "dance": (2, "offered")}
    do(storage, commands.accept_offer, "a-fiddle")
    assert rank(storage) == {"fiddle": (1, "placed"), "dance": (2, "better_choice")}
    assert [fact.application_id for fact in facts(storage, PlaceOffered)] == ["a-dance", "a-fiddle", "next"]


def test_a_free_seat_for_the_first_choice_ends_the_place_behind_it_at_once(storage: Storage) -> None:
    apply(storage, "dance")
    assert apply(storage, "fiddle", choice=1).state == "placed"
    assert rank(storage) == {"fiddle": (1, "placed"), "dance": (2, "better_choice")}


def test_behind_a_place_that_allows_no_more_one_cannot_apply(storage: Storage) -> None:
    apply(storage, "dance")
    with pytest.raises(Refused) as caught:
        apply(storage, "fiddle")
    assert caught.value.refusal.name == "too_many_courses"


def test_two_places_are_kept_where_two_are_allowed(storage: Storage) -> None:
    rules(storage, Limits(courses=2, ranked_choices=3))
    for course in ("fiddle", "dance"):
        assert apply(storage, course).state == "placed"
    assert apply(storage, "cello", choice=1).state == "placed"
    assert rank(storage) == {"cello": (1, "placed"), "fiddle": (2, "placed"), "dance": (3, "better_choice")}


def test_one_instrument_ends_the_instruments_behind_it_and_keeps_those_before(storage: Storage) -> None:
    rules(storage, Limits(one_instrument=True, ranked_choices=4))
    fill(storage, "fiddle", "dance")  # the dance course counts as an instrument by its kind of fee
    apply(storage, "fiddle")
    apply(storage, "dance")
    apply(storage, "choir")
    free_a_seat(storage, "dance")
    do(storage, commands.accept_offer, "a-dance")
    assert rank(storage) == {"fiddle": (1, "queued"), "dance": (2, "placed"), "choir": (3, "placed")}
    free_a_seat(storage, "fiddle")
    do(storage, commands.accept_offer, "a-fiddle")
    assert rank(storage)["dance"] == (2, "better_choice")
    assert rank(storage)["choir"] == (3, "placed")


@both
def test_the_order_can_be_changed(storage: Storage) -> None:
    fill(storage, "fiddle", "dance", "cello")
    for course in ("fiddle", "dance", "cello"):
        apply(storage, course)
    do(storage, rank_choices, "alma", ["a-cello", "a-fiddle", "a-dance"])
    assert rank(storage) == {"cello": (1, "queued"), "fiddle": (2, "queued"), "dance": (3, "queued")}


@pytest.mark.parametrize(
    "order", [["a-fiddle"], ["a-fiddle", "a-dance", "a-other"], [], ["a-fiddle", "a-fiddle"]]
)
def test_an_order_of_other_than_all_choices_is_refused(storage: Storage, order: list[str]) -> None:
    fill(storage, "fiddle", "dance")
    apply(storage, "fiddle")
    apply(storage, "dance")
    assert refused(storage, rank_choices, "alma", order, "a test").name == "choices_incomplete"


def test_nobody_ranks_where_the_rule_book_does_not_say_so(storage: Storage) -> None:
    rules(storage, Limits())
    apply(storage, "fiddle", choice=1)
    apply(storage, "dance")
    assert rank(storage) == {"fiddle": (None, "placed"), "dance": (None, "placed")}
    assert refused(storage, rank_choices, "alma", ["a-dance", "a-fiddle"], "a test").name == (
        "choices_incomplete"
    )


@given(
    st.lists(st.sampled_from(["placed", "queued", "offered"]), max_size=6),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_what_is_kept_is_allowed_and_no_place_falls_for_one_behind_it(
    found: list[str], courses: int, instruments: int
) -> None:
    limits = Limits(courses=courses, instruments=instruments, ranked_choices=6)
    book = replace(NORRBYS_RULES, limits=limits)
    lesson = Lesson("vt27", "1901", 1, "16:00", 40)
    here = [
        Engagement(str(n), str(n), state, "instrument" if n % 2 else "dance", "", lesson, NOW, n)
        for n, state in enumerate(found, start=1)
    ]
    gone = fallen(book, here)
    kept = [each for each in here if each not in gone]
    placed = [each for each in kept if each.state == "placed"]
    assert len(placed) <= courses
    assert sum(each.fee_kind == "instrument" for each in placed) <= instruments
    for each in gone:
        before = [one for one in placed if (one.choice or 0) < (each.choice or 0)]
        wish = Wish(each.course_id, each.fee_kind, each.lesson, each.state == "placed", each.choice)
        assert refusal_by_limits(book, wish, before) is not None
    assert fallen(book, kept) == []
    assert fallen(replace(book, limits=replace(limits, ranked_choices=None)), here) == []
