"""Siblings who apply together get places on a course together or not at all, where the rule book says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import ApplicationQueued, PlaceGiven, PlaceOffered
from services.contracts.rule_book import Answering, Limits, Ordering, ReservedSeats
from services.enrolment import commands, queries, repository
from services.enrolment import seats as seats_of
from services.enrolment.choices import apply_with_choices
from services.enrolment.domain.requests import Outcome
from tests.enrolment.commands.doing import refused, well
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    FIDDLE,
    MARIA,
    NORRBYS_RULES,
    SAMIRA,
    SODERBY,
    TODAY,
    children,
    decide,
    facts,
    request,
    rows_of,
    seats,
    states,
    tell,
)


def rules(storage: Storage, **changes: Any) -> None:
    book = replace(NORRBYS_RULES, **{"ordering": Ordering(siblings_together=True), **changes})
    tell(storage, RuleBookPublished("norrby-2024", book))


def together(
    storage: Storage, pupil_ids: list[str], course: str = "fiddle", by: str = MARIA
) -> list[Outcome]:
    requests = [replace(request(f"t-{each}", course, each, by), party_id="party") for each in pupil_ids]
    with storage.unit() as unit:
        return apply_with_choices(unit, requests)


def do(storage: Storage, command: Any, application_id: str) -> None:
    with storage.unit() as unit:
        command(unit, application_id, "the tests")
    well(storage)


@both
def test_with_seats_for_all_they_all_have_places(storage: Storage) -> None:
    rules(storage)
    pair = children(storage, 2, guardian=MARIA)
    assert [each.state for each in together(storage, pair)] == ["placed", "placed"]
    assert [fact.application_id for fact in facts(storage, PlaceGiven)] == [f"t-{each}" for each in pair]
    assert {row.party_id for row in rows_of(storage).values()} == {"party"}
    well(storage)


@both
def test_with_too_few_they_all_wait_and_the_seat_is_free_for_others(storage: Storage) -> None:
    rules(storage)
    decide(storage, request("a1", pupil_id="noor"))
    pair = children(storage, 2, guardian=MARIA)
    outcomes = together(storage, pair)
    assert [(each.state, each.rule, each.position) for each in outcomes] == [
        ("queued", "seats_together", 1),
        ("queued", "seats_together", 2),
    ]
    assert [fact.rule for fact in facts(storage, ApplicationQueued)] == ["seats_together"] * 2
    assert seats(storage) == (2, 1, 2)
    (after,) = decide(storage, request("a2", pupil_id="alma"))
    assert isinstance(after, Outcome)
    assert after.state == "placed"
    well(storage)


def test_a_single_seat_goes_to_the_next_and_two_seats_to_both(storage: Storage) -> None:
    rules(storage)
    decide(storage, request("a1", pupil_id="noor"), request("a2", pupil_id="alma"))
    pair = children(storage, 2, guardian=MARIA)
    together(storage, pair)
    decide(storage, request("a3", pupil_id="clover"))
    do(storage, commands.withdraw, "a1")
    assert states(storage)["a3"] == "offered"
    with storage.reading() as connection:
        happened = {(event.what, event.why) for event in queries.events(connection, f"t-{pair[0]}")}
    assert ("skipped", "seats_together") in happened
    do(storage, commands.decline_offer, "a3")
    do(storage, commands.withdraw, "a2")
    assert [states(storage)[f"t-{each}"] for each in pair] == ["offered", "offered"]
    assert len(facts(storage, PlaceOffered)) == 3


def test_who_stands_between_siblings_reads_why_the_second_went_before(storage: Storage) -> None:
    rules(storage, order=("new_pupils_first", "queue_date"))
    decide(storage, request("a1", pupil_id="noor"), request("a2", pupil_id="alma"))
    pair = children(storage, 2, guardian=MARIA)
    decide(storage, request("d", "dance", pair[1]))  # has a place at the school, so it stands last
    together(storage, pair)
    decide(storage, request("between", pupil_id="clover"))
    with storage.unit() as unit:  # two withdrawals at once
        for each in ("a1", "a2"):
            row, course = repository.lock_application(unit, each)
            seats_of.end_application(unit, row, course, "withdrawn", "a test")
            repository.save_seats(unit, [course])
        seats_of.offer_free_seats(unit, course, fresh=True)
        repository.save_seats(unit, [course])
    assert [states(storage)[f"t-{each}"] for each in pair] == ["offered", "offered"]
    with storage.reading() as connection:
        happened = {(event.what, event.why) for event in queries.events(connection, "between")}
    assert ("skipped", "with_sibling") in happened
    well(storage)


@pytest.mark.parametrize(
    ("command", "state", "left"),
    [
        (commands.accept_offer, "placed", (2, 2, 0)),
        (commands.decline_offer, "declined", (2, 0, 0)),
        (commands.withdraw, "withdrawn", (2, 1, 0)),
    ],
)
def test_one_answer_is_for_all(
    storage: Storage, command: Any, state: str, left: tuple[int, int, int]
) -> None:
    rules(storage)
    decide(storage, request("a1", pupil_id="noor"), request("a2", pupil_id="alma"))
    pair = children(storage, 2, guardian=MARIA)
    together(storage, pair)
    do(storage, commands.withdraw, "a1")
    do(storage, commands.withdraw, "a2")
    do(storage, command, f"t-{pair[1]}")
    expected = {f"t-{each}": state for each in pair}
    if command is commands.withdraw:  # who gives up answers for itself alone
        expected[f"t-{pair[0]}"] = "offered"
    assert {name: found for name, found in states(storage).items() if name.startswith("t-")} == expected
    assert seats(storage) == left


def test_a_declined_offer_that_keeps_the_place_keeps_it_for_all(storage: Storage) -> None:
    rules(storage, answering=Answering(declines_kept=1))
    decide(storage, request("a1", pupil_id="noor"), request("a2", pupil_id="alma"))
    pair = children(storage, 2, guardian=MARIA)
    together(storage, pair)
    do(storage, commands.withdraw, "a1")
    do(storage, commands.withdraw, "a2")
    do(storage, commands.decline_offer, f"t-{pair[0]}")
    assert [states(storage)[f"t-{each}"] for each in pair] == ["queued", "queued"]
    assert [row.passed for name, row in rows_of(storage).items() if name.startswith("t-")] == [True, True]


def test_one_of_whom_the_other_gave_up_is_alone(storage: Storage) -> None:
    rules(storage)
    decide(storage, request("a1", pupil_id="noor"), request("a2", pupil_id="alma"))
    pair = children(storage, 2, guardian=MARIA)
    together(storage, pair)
    do(storage, commands.withdraw, f"t-{pair[0]}")
    do(storage, commands.withdraw, "a1")
    assert states(storage)[f"t-{pair[1]}"] == "offered"


def test_seats_kept_for_others_are_not_theirs(storage: Storage) -> None:
    rules(
        storage,
        ordering=Ordering(siblings_together=True, reserved_seats=(ReservedSeats(SODERBY, 1),)),
    )
    pair = children(storage, 2, guardian=MARIA)
    assert [each.rule for each in together(storage, pair)] == ["seats_together"] * 2
    theirs = children(storage, 2, SODERBY, SAMIRA)
    assert [each.state for each in together(storage, theirs, by=SAMIRA)] == ["placed", "placed"]


def test_what_one_of_them_may_not_none_may(storage: Storage) -> None:
    rules(storage)
    with pytest.raises(Refused) as caught:
        together(storage, ["alma", "leo"])  # Leo is 13, too old
    assert caught.value.refusal.name == "pupil_too_old"
    assert states(storage) == {}


def test_a_limit_of_one_of_them_holds_for_all(storage: Storage) -> None:
    rules(storage, limits=Limits(courses=1))
    pair = children(storage, 2, guardian=MARIA)
    decide(storage, request("d", "dance", pair[1]))
    with pytest.raises(Refused) as caught:
        together(storage, pair)
    assert caught.value.refusal.name == "too_many_courses"
    assert states(storage) == {}


def test_where_the_rule_book_does_not_say_so_they_cannot(storage: Storage) -> None:
    pair = children(storage, 2, guardian=MARIA)
    requests = [replace(request(f"t-{each}", "fiddle", each, MARIA), party_id="p") for each in pair]
    refusal = refused(storage, apply_with_choices, requests)
    assert (refusal.name, refusal.rule) == ("siblings_not_together", "norrby-2024/siblings_together")


def test_the_same_again_is_the_same(storage: Storage) -> None:
    rules(storage)
    tell(storage, replace(FIDDLE, capacity=3))
    pair = children(storage, 2, guardian=MARIA)
    first = together(storage, pair)
    again = together(storage, pair)
    assert [(each.application_id, each.state, each.already) for each in again] == [
        (each.application_id, each.state, True) for each in first
    ]
    assert seats(storage) == (3, 2, 0)
    with storage.reading() as connection:
        assert len(queries.participants(connection, "fiddle", TODAY)) == 2
