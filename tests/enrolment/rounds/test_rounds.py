"""A round from its opening to its places, on either database."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import ApplicationQueued, PlaceGiven
from services.contracts.rule_book import Limits
from services.enrolment import ceilings
from services.enrolment.checks import check
from services.enrolment.domain.queue import lot_of
from services.enrolment.rounds import outcomes, queries
from services.enrolment.rounds.commands import REHEARSAL
from services.enrolment.tables import (
    applications,
    courses,
    guardianships,
    round_rankings,
    round_results,
    round_runs,
    rounds,
)
from tests.enrolment.conftest import both
from tests.enrolment.rounds.story import (
    open_round,
    publish,
    rank,
    refused,
    results,
    rules,
    run,
    schools_give_places_in_rounds,
)
from tests.enrolment.story import (
    CANCELLED,
    DANCE,
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    SAMIRA,
    SODERBY,
    children,
    count,
    decide,
    facts,
    names,
    request,
    seats,
    seats_said,
    tell,
)


@pytest.fixture(autouse=True)
def _rounds(storage: Storage) -> None:
    schools_give_places_in_rounds(storage)


def placed(storage: Storage) -> dict[str, tuple[str, str]]:
    with storage.reading() as connection:
        rows = connection.execute(sa.select(applications))
        return {row.pupil_id: (row.course_id, row.state) for row in rows}


def well(storage: Storage) -> None:
    with storage.reading() as connection:
        assert check(connection) == []


def test_before_the_round_is_over_nobody_comes_first(storage: Storage) -> None:
    assert names(decide(storage, request())) == ["course_has_round"]
    open_round(storage)
    assert names(decide(storage, request())) == ["course_has_round"]
    rank(storage, MARIA, ["alma"], ["fiddle"])
    run(storage)
    publish(storage)
    assert names(decide(storage, request("late", pupil_id="noor"))) == ["placed"]


@both
def test_a_round_gives_places_and_says_so(storage: Storage) -> None:
    ids = children(storage, 4, SODERBY, SAMIRA)
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["circus", "fiddle"])
    for each in ids:
        rank(storage, SAMIRA, [each], ["circus", "fiddle"])
    run(storage)
    assert count(storage, applications) == 0
    publish(storage)
    publish(storage)
    # Söderby's own go first on its circus; on Norrby's fiddle it is the lottery among all who are left.
    found = placed(storage)
    assert Counter(found.values()) == {
        ("circus", "placed"): 1,
        ("fiddle", "placed"): 2,
        ("circus", "queued"): 2,
    }
    assert found["alma"] != ("circus", "placed")
    assert (seats(storage, "circus"), seats(storage, "fiddle")) == ((1, 1, 2), (2, 2, 0))
    assert {fact.rule for fact in facts(storage, PlaceGiven)} == {"admission_round"}
    assert sorted(fact.position for fact in facts(storage, ApplicationQueued)) == [1, 2]
    assert len(seats_said(storage)) == 2
    well(storage)


@both
def test_siblings_are_placed_together_or_not_at_all(storage: Storage) -> None:
    pair = children(storage, 2, NORRBY, MARIA)
    open_round(storage)
    rank(storage, MARIA, pair, ["circus", "fiddle"])
    run(storage)
    assert results(storage) == dict.fromkeys(pair, "fiddle")  # on the circus there is one seat
    publish(storage)
    assert placed(storage) == dict.fromkeys(pair, ("fiddle", "placed"))


def test_a_reserved_seat_waits_for_its_municipality(storage: Storage) -> None:
    own, other = children(storage, 3, NORRBY, MARIA), children(storage, 1, SODERBY, SAMIRA)
    open_round(storage, scope=NORRBY, m1902=1)
    for each in own:
        rank(storage, MARIA, [each], ["fiddle"])
    rank(storage, SAMIRA, other, ["fiddle"])
    run(storage)
    assert results(storage)[other[0]] == "fiddle"
    assert sum(course is not None for course in results(storage).values()) == 2


def test_a_rehearsal_changes_nothing_and_two_can_be_compared(storage: Storage) -> None:
    ids = children(storage, 4, NORRBY, MARIA)
    open_round(storage)
    for each in ids[:3]:
        rank(storage, MARIA, [each], ["fiddle"])
    run(storage, "before", REHEARSAL)
    lucky = [pupil for pupil, course in results(storage, "before").items() if course]
    rank(storage, MARIA, [lucky[0]], [])  # gives up its seat
    rank(storage, MARIA, [ids[3]], ["dance"])
    run(storage, "after", REHEARSAL)
    assert count(storage, applications) == 0
    with storage.reading() as connection:
        compared = outcomes.compare(connection, "before", "after")
        after, before = outcomes.runs_of(connection, "r1")
        round_ = queries.round_of(connection, "r1")
        assert round_ is not None
        assert [each.pupil.pupil_id for each in outcomes.without_place(connection, round_, "before", 9)] == [
            pupil for pupil, course in results(storage, "before").items() if course is None
        ]
        assert outcomes.count_without(connection, round_, "before") == 1
    assert dict((course, (was, now)) for course, was, now in compared.by_course) == {"dance": (0, 1)}
    assert (compared.same, compared.gained_a_place, compared.lost_a_place) == (1, 1, 0)
    assert (before.placed, before.without, after.placed, after.without) == (2, {NORRBY: 1}, 3, {})
    assert seats(storage) == (2, 0, 0)
    run(storage, "counts")
    assert refused(lambda: rank(storage, MARIA, ["alma"], ["fiddle"])) == "round_closed"
    assert refused(lambda: run(storage, "again")) == "round_closed"


def test_the_result_follows_from_the_frozen_input_alone(storage: Storage) -> None:
    for each in children(storage, 9, NORRBY, MARIA):
        rank_all = ["fiddle", "dance", "circus"]
        if count(storage, rounds) == 0:
            open_round(storage)
        rank(storage, MARIA, [each], rank_all)
    run(storage)
    well(storage)
    with storage.unit() as unit:
        unlucky = unit.connection.scalar(
            sa.select(round_results.c.pupil_id).where(round_results.c.course_id.is_(None))
        )
        unit.execute(
            sa.update(round_results).where(round_results.c.pupil_id == unlucky).values(course_id="fiddle")
        )
    with storage.reading() as connection:
        assert check(connection) == ["run run1: its result does not follow from its input"]


def test_each_pupil_can_read_why(storage: Storage) -> None:
    own, other = children(storage, 2, SODERBY, SAMIRA), children(storage, 1, NORRBY, MARIA)
    open_round(storage)
    rank(storage, SAMIRA, [own[0]], ["circus"])
    rank(storage, SAMIRA, [own[1]], ["circus", "fiddle"])
    rank(storage, MARIA, other, ["circus", "fiddle", "dance"])
    run(storage)
    with storage.reading() as connection:
        assert queries.explanation_of(connection, "r1", other[0]) is None  # nobody reads it before all do
    publish(storage)
    with storage.reading() as connection:
        assert queries.explanation_of(connection, "r1", other[0]) == [
            ("circus", "full", "host_residents_first"),
            ("fiddle", "placed", None),
            ("dance", "not_needed", None),
        ]
        why = {each: queries.explanation_of(connection, "r1", each) for each in own}
    assert [("circus", "full", "lottery")] in [(reasons or [])[:1] for reasons in why.values()]


def test_a_wish_that_a_rule_excludes_by_the_time_of_the_run_is_passed_over(storage: Storage) -> None:
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle", "dance"])
    tell(storage, CANCELLED)
    run(storage)
    assert results(storage) == {"alma": "dance"}
    with storage.reading() as connection:
        explanation = json.loads(connection.scalar(sa.select(round_results.c.explanation)) or "")
    assert ["fiddle", "refused", "course_unknown"] in explanation


def test_what_cannot_be_ranked(storage: Storage) -> None:
    open_round(storage)
    assert refused(lambda: rank(storage, MARIA, ["alma"], ["fiddle", "fiddle"])) == "course_ranked_twice"
    assert refused(lambda: rank(storage, MARIA, ["alma"], ["a", "b", "c", "d"])) == "too_many_wishes"
    assert refused(lambda: rank(storage, MARIA, ["alma"], ["nothing"])) == "course_unknown"
    assert refused(lambda: rank(storage, MARIA, ["noor"], ["fiddle"])) == "pupil_unknown"
    assert refused(lambda: rank(storage, MARIA, ["leo"], ["fiddle"])) == "pupil_too_old"
    assert refused(lambda: rank(storage, SAMIRA, ["noor"], ["dance"])) == "course_not_shared"
    assert refused(lambda: rank(storage, MARIA, ["alma"], ["fiddle"], "r2")) == "round_unknown"
    assert count(storage, round_rankings) == 0


def test_ranking_again_replaces_and_takes_siblings_apart(storage: Storage) -> None:
    pair = children(storage, 2, NORRBY, MARIA)
    open_round(storage)
    rank(storage, MARIA, pair, ["fiddle"])
    rank(storage, MARIA, [pair[0]], ["dance", "fiddle"])
    with storage.reading() as connection:
        wishes = queries.wishes_of(connection, "r1", pair)
    assert {pupil: courses for pupil, (_, courses) in wishes.items()} == {pair[0]: ["dance", "fiddle"]}


def test_nobody_takes_back_what_was_ranked_for_another_familys_child(storage: Storage) -> None:
    """Two guardians share one child, and one of them has another one."""
    open_round(storage)
    shared, own = children(storage, 2, NORRBY, MARIA)
    with storage.unit() as unit:
        unit.execute(sa.insert(guardianships).values(guardian_id=SAMIRA, pupil_id=shared, told=True))
    rank(storage, MARIA, [shared, own], ["fiddle"])
    assert refused(lambda: rank(storage, SAMIRA, [shared], ["circus"])) == "ranked_with_others"
    rank(storage, MARIA, [shared, own], [])
    rank(storage, SAMIRA, [shared], ["fiddle"])
    rank(storage, MARIA, [own], ["fiddle"])
    assert count(storage, round_rankings) == 2


def test_who_waited_before_the_round_is_ahead_and_keeps_its_application(
    storage: Storage, clock: FixedClock
) -> None:
    fiddle = courses.c.course_id == "fiddle"
    early = children(storage, 3, NORRBY, MARIA)
    with storage.unit() as unit:
        unit.execute(sa.update(courses).where(fiddle).values(round_over=True))
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(early)))
    with storage.unit() as unit:  # a seat more, that nobody has been offered
        unit.execute(sa.update(courses).where(fiddle).values(published_capacity=3, capacity=3))
    clock.time += timedelta(days=1)
    open_round(storage)
    late = "alma"
    rank(storage, MARIA, [late], ["fiddle"])
    rank(storage, MARIA, [early[2]], ["fiddle"])
    run(storage)
    assert results(storage) == {early[2]: "fiddle", late: None}
    publish(storage)
    assert placed(storage)[early[2]] == ("fiddle", "placed")
    assert count(storage, applications) == 4
    well(storage)


def test_a_round_needs_courses_free_seats_and_no_other_round(storage: Storage) -> None:
    assert refused(lambda: open_round(storage, scope="1903")) == "no_round_courses"
    assert refused(lambda: open_round(storage, m1901=1, m1902=1)) == "reserved_too_many"
    assert count(storage, rounds) == 0
    open_round(storage)
    open_round(storage)  # the same again
    assert refused(lambda: open_round(storage, "r2", NORRBY)) == "round_going_on"
    assert refused(lambda: open_round(storage, "r1", NORRBY)) == "round_id_taken"
    assert refused(lambda: publish(storage)) == "round_not_run"
    run(storage)
    run(storage)  # the same again
    assert count(storage, round_runs) == 1
    publish(storage)
    open_round(storage, "r2")


def why(storage: Storage, pupil: str) -> list[list[str | None]]:
    with storage.reading() as connection:
        text = connection.scalar(
            sa.select(round_results.c.explanation).where(round_results.c.pupil_id == pupil)
        )
    found: list[list[str | None]] = json.loads(text or "[]")
    return found


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(courses=1), "too_many_courses"),
        (Limits(instruments=1), "too_many_instruments"),
        (Limits(refuse_clashes=True), "clash"),
        (Limits(courses=2, instruments=2), None),
    ],
)
def test_what_a_pupil_has_already_counts_in_the_round(
    storage: Storage, limits: Limits, name: str | None
) -> None:
    tell(storage, replace(DANCE, weekday=6))  # at the time of the fiddle course
    with storage.unit() as unit:
        unit.execute(sa.update(courses).where(courses.c.course_id == "dance").values(round_over=True))
    decide(storage, request("a1", "dance", "alma"))
    rules(storage, limits=limits)
    open_round(storage)
    rank(storage, MARIA, ["alma"], ["fiddle", "circus"])
    run(storage)
    if name is None:
        assert results(storage) == {"alma": "fiddle"}
    else:
        assert results(storage) == {"alma": "circus"}  # another school's limits are its own
        assert ["fiddle", "refused", name] in why(storage, "alma")
    publish(storage)
    well(storage)


@both
def test_a_ceiling_holds_in_the_round_and_is_said(storage: Storage) -> None:
    pair = children(storage, 2, SODERBY, SAMIRA)
    with storage.unit() as unit:
        ceilings.set_ceiling(unit, SODERBY, "vt27", "a test", most_places=1, most_ore=None)
    open_round(storage)
    for each in pair:
        rank(storage, SAMIRA, [each], ["fiddle"])
    run(storage)
    found = results(storage)
    assert sorted(found.values(), key=str) == [None, "fiddle"]
    (without,) = [pupil for pupil, course in found.items() if course is None]
    assert why(storage, without) == [["fiddle", "ceiling", None]]
    well(storage)
    publish(storage)
    assert placed(storage)[without] == ("fiddle", "queued")
    well(storage)


def test_what_is_held_already_counts_against_the_ceiling(storage: Storage) -> None:
    with storage.unit() as unit:
        unit.execute(sa.update(courses).where(courses.c.course_id == "fiddle").values(round_over=True))
    decide(storage, request("a1", "fiddle", "noor"))
    (other,) = children(storage, 1, SODERBY, SAMIRA)
    with storage.unit() as unit:
        ceilings.set_ceiling(unit, SODERBY, "vt27", "a test", most_places=None, most_ore=85000 + 84999)
    open_round(storage)
    rank(storage, SAMIRA, [other], ["fiddle"])
    run(storage)
    assert why(storage, other) == [["fiddle", "ceiling", None]]


def test_siblings_together_and_the_number_of_choices_are_the_rule_books(storage: Storage) -> None:
    pair = children(storage, 2, NORRBY, MARIA)
    open_round(storage)
    rules(storage)
    assert refused(lambda: rank(storage, MARIA, pair, ["fiddle"])) == "siblings_not_together"
    rules(storage, limits=Limits(ranked_choices=1))
    assert refused(lambda: rank(storage, MARIA, pair[:1], ["fiddle", "dance"])) == "too_many_wishes"
    rank(storage, MARIA, pair[:1], ["fiddle", "circus"])  # one at each school


def test_a_lot_of_the_rule_book_decides_before_the_rounds_own(storage: Storage) -> None:
    rules(storage, order=("queue_day", "lottery"))
    ids = children(storage, 6, NORRBY, MARIA)
    open_round(storage)
    for each in ids:
        rank(storage, MARIA, [each], ["fiddle"])
    run(storage)
    book = replace(NORRBYS_RULES, order=("queue_day", "lottery"))
    first = sorted(ids, key=lambda pupil: lot_of(book, "fiddle", pupil))[:2]
    assert {pupil for pupil, course in results(storage).items() if course} == set(first)
