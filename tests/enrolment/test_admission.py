"""A batch of applications: each gets the right answer, the database holds what was answered, and no more."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import ApplicationQueued, CourseSeatsChanged, PlaceGiven
from services.enrolment import commands
from services.enrolment.checks import check
from services.enrolment.domain.requests import Outcome
from services.enrolment.tables import application_events, applications, courses
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    MARIA,
    NORRBY,
    NOW,
    SAMIRA,
    SODERBY,
    applied,
    children,
    count,
    decide,
    facts,
    names,
    request,
    rows_of,
    seats,
    seats_said,
    states,
)


def well(storage: Storage) -> None:
    with storage.reading() as connection:
        assert check(connection) == []


@both
def test_a_batch_is_decided_in_the_order_of_arrival(storage: Storage) -> None:
    """Whatever ids the callers made: here they sort the other way round."""
    ids = children(storage, 6)
    answers = decide(storage, *(request(f"a{9 - n}", pupil_id=each) for n, each in enumerate(ids)))
    assert names(answers) == ["placed", "placed", "queued 1", "queued 2", "queued 3", "queued 4"]
    assert [a.application_id for a in answers if isinstance(a, Outcome)] == [f"a{9 - n}" for n in range(6)]
    assert seats(storage) == (2, 2, 4)
    queued = sorted(
        (row for row in rows_of(storage).values() if row.state == "queued"), key=lambda row: row.queued_at
    )
    assert [row.pupil_id for row in queued] == ids[2:]
    well(storage)


@both
def test_what_is_kept_of_an_application(storage: Storage) -> None:
    decide(storage, request("a1", pupil_id="noor", guardian_id=SAMIRA))
    row = rows_of(storage)["a1"]
    assert (row.course_id, row.pupil_id, row.guardian_id, row.home_municipality) == (
        "fiddle",
        "noor",
        SAMIRA,
        SODERBY,
    )
    assert (row.state, row.outcome, row.rule, row.basis, row.applied_by) == (
        "placed",
        None,
        "free_seat",
        "cooperation/shared_courses",
        "the tests",
    )
    assert row.queued_at == row.decided_at == row.changed_at == NOW
    assert json.loads(row.explanation) == {
        "capacity": 2,
        "taken_before": 0,
        "waiting_before": 0,
        "rule_book": "norrby-2024",
        "order": ["queue_date"],
        "fee_ore": 85000,
    }
    with storage.reading() as connection:
        event = connection.execute(sa.select(application_events)).one()
    assert (event.application_id, event.at, event.by, event.what, event.why) == (
        "a1",
        NOW,
        "the tests",
        "placed",
        "free_seat",
    )


def test_the_facts_of_a_batch(storage: Storage) -> None:
    before = len(seats_said(storage))
    decide(
        storage,
        request("a1", pupil_id="alma", guardian_id=MARIA),
        request("a2", "circus", "noor"),
        request("a3", "circus", "alma"),
    )
    assert facts(storage, PlaceGiven) == [
        PlaceGiven("a1", "fiddle", "alma", MARIA, NORRBY, NORRBY, "vt27", NOW, "free_seat"),
        PlaceGiven("a2", "circus", "noor", SAMIRA, SODERBY, SODERBY, "vt27", NOW, "free_seat"),
    ]
    (queued,) = facts(storage, ApplicationQueued)
    assert queued == ApplicationQueued(
        "a3", "circus", "alma", MARIA, NORRBY, SODERBY, "vt27", queued.queued_at, 1, "host_residents_first"
    )
    assert timedelta() <= queued.queued_at - NOW < timedelta(milliseconds=1)
    # Once a course, with all its changes.
    assert seats_said(storage)[before:] == [
        CourseSeatsChanged("circus", 1, 1, 1),
        CourseSeatsChanged("fiddle", 2, 1, 0),
    ]


@pytest.mark.parametrize("course_id", ["fiddle", "circus"])
def test_of_a_protected_pupil_a_fact_says_neither_who_nor_from_where(
    storage: Storage, course_id: str
) -> None:
    decide(storage, request("a0", "circus", "noor"), request("a1", course_id, "clover"))
    (fact,) = [each for each in facts(storage, PlaceGiven, ApplicationQueued) if each.application_id == "a1"]
    assert (fact.guardian_id, fact.home_municipality) == (None, None)
    assert not any(secret in str(fact) for secret in ("Hemlig", "Skyddad", "20160209", "Klöver"))
    assert rows_of(storage)["a1"].home_municipality == SODERBY  # what the rules go by stays here


def test_refusals_have_their_places_among_the_answers(storage: Storage) -> None:
    answers = decide(
        storage,
        request("a1", pupil_id="leo"),
        request("a2", pupil_id="alma"),
        request("a3", pupil_id="tove"),
        request("a4", "dance", "noor"),
        request("a5", "no-such-course"),
        request("a6", pupil_id="nobody"),
        request("a7", pupil_id="noor"),
    )
    assert names(answers) == [
        "pupil_too_old",
        "placed",
        "home_municipality_not_a_member",
        "course_not_shared",
        "course_unknown",
        "pupil_unknown",
        "placed",
    ]
    assert set(rows_of(storage)) == {"a2", "a7"}
    assert seats(storage) == (2, 2, 0)


def test_nothing_asked_is_nothing_done(storage: Storage) -> None:
    before = len(facts(storage))
    assert decide(storage) == []
    assert names(decide(storage, request("a1", pupil_id="leo"))) == ["pupil_too_old"]
    assert (count(storage, applications), len(facts(storage))) == (0, before)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("second_id", ["a1", "b1"])
def test_a_child_applies_for_a_course_once(storage: Storage, together: bool, second_id: str) -> None:
    """A second click, another tab, the other guardian: one application, and the first's answer."""
    asked = [request("a1"), request(second_id), request("a2", pupil_id="noor")]
    if together:
        answers = decide(storage, *asked)
    else:
        answers = [answer for each in asked for answer in decide(storage, each)]
    first, second, other = answers
    assert isinstance(first, Outcome)
    assert isinstance(second, Outcome)
    assert (first.already, second.already) == (False, True)
    assert (second.application_id, second.state, second.rule, second.basis) == (
        "a1",
        "placed",
        "free_seat",
        "norrby-2024/residents",
    )
    assert names([other]) == ["placed"]
    assert seats(storage) == (2, 2, 0)
    assert (count(storage, applications), len(facts(storage, PlaceGiven))) == (2, 2)


def test_who_waits_and_asks_again_hears_the_position_of_today(storage: Storage) -> None:
    ids = children(storage, 5)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    assert names(decide(storage, request("a4", pupil_id=ids[4]))) == ["queued 3"]
    with storage.unit() as unit:
        commands.withdraw(unit, "a2", "the tests")
    assert names(decide(storage, request("b4", pupil_id=ids[4]))) == ["queued 2"]
    assert len(facts(storage, ApplicationQueued)) == 3


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("course_id", "pupil_id"), [("circus", "alma"), ("fiddle", "noor")])
def test_an_id_belongs_to_one_application(
    storage: Storage, together: bool, course_id: str, pupil_id: str
) -> None:
    asked = [request("a1"), request("a1", course_id, pupil_id)]
    answers = decide(storage, *asked) if together else [decide(storage, each)[0] for each in asked]
    assert names(answers) == ["placed", "application_id_taken"]
    assert count(storage, applications) == 1


def test_an_ended_application_stays_ended_and_a_new_one_is_new(storage: Storage, clock: FixedClock) -> None:
    ids = children(storage, 3)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    with storage.unit() as unit:
        commands.withdraw(unit, "a0", "the tests")
    assert names(decide(storage, request("a0", pupil_id=ids[0]))) == ["application_ended"]
    clock.time += timedelta(days=1)
    assert names(decide(storage, request("b0", pupil_id=ids[0]))) == ["queued 1"]
    assert rows_of(storage)["b0"].queued_at == NOW + timedelta(days=1)
    assert states(storage) == {"a0": "withdrawn", "a1": "placed", "a2": "offered", "b0": "queued"}
    well(storage)


@pytest.mark.parametrize(
    ("guardian_id", "pupil_id", "answer"),
    [
        (MARIA, "alma", "placed"),
        ("anton", "anton", "pupil_too_old"),  # of age, for itself
        (SAMIRA, "alma", "pupil_unknown"),
        (SAMIRA, "nobody", "pupil_unknown"),  # the same words: there is nothing to find out
        (SAMIRA, "clover", "pupil_unknown"),
        ("stranger", "alma", "pupil_unknown"),
        ("anton", "alma", "pupil_unknown"),
    ],
)
def test_one_applies_for_ones_own(storage: Storage, guardian_id: str, pupil_id: str, answer: str) -> None:
    applied(storage, "a0", pupil_id="noor")
    assert names(decide(storage, request("a1", pupil_id=pupil_id, guardian_id=guardian_id))) == [answer]


def test_anothers_application_id_tells_nothing(storage: Storage) -> None:
    applied(storage, "a1")
    answer = names(decide(storage, request("a1", pupil_id="alma", guardian_id=SAMIRA)))
    assert answer == ["pupil_unknown"]


def test_letters_go_to_a_guardian_and_to_who_has_none(storage: Storage) -> None:
    """Where staff entered it: of two guardians always the same one."""
    with storage.unit() as unit:
        unit.connection.exec_driver_sql("INSERT INTO guardianships VALUES ('kristina', 'alma', NULL)")
    decide(storage, request("a1"), request("a2", "circus", "anton"))
    rows = rows_of(storage)
    assert (rows["a1"].guardian_id, rows["a2"].guardian_id) == ("kristina", "anton")


@both
def test_residents_pass_in_the_queue_and_the_answer_says_where_one_is(storage: Storage) -> None:
    away, near = children(storage, 3, NORRBY), children(storage, 2, SODERBY)
    applied(storage, "a0", "circus", "noor")
    asked = [request(f"a-{each}", "circus", each) for each in (*away, *near)]
    assert names(decide(storage, *asked)) == ["queued 3", "queued 4", "queued 5", "queued 1", "queued 2"]
    positions = {fact.pupil_id: fact.position for fact in facts(storage, ApplicationQueued)}
    assert [positions[each] for each in (*near, *away)] == [1, 2, 3, 4, 5]


def test_a_paper_applications_true_date_counts(storage: Storage) -> None:
    ids = children(storage, 4)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids[:3])))
    on_paper = request("p1", pupil_id=ids[3], queued_at=datetime(2026, 11, 3, 12, tzinfo=UTC))
    assert names(decide(storage, on_paper)) == ["queued 1"]
    assert names(decide(storage, request("a2", pupil_id=ids[2]))) == ["queued 2"]


@both
def test_a_seat_that_is_free_while_others_wait_is_theirs(storage: Storage, clock: FixedClock) -> None:
    """As between a course's growth and the offers, should they ever come apart."""
    ids = children(storage, 4)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids[:3])))
    with storage.unit() as unit:
        unit.execute(sa.update(courses).where(courses.c.course_id == "fiddle").values(capacity=3))
    clock.time += timedelta(seconds=1)
    assert names(decide(storage, request("a3", pupil_id=ids[3]))) == ["queued 2"]
    assert seats(storage) == (3, 2, 2)


@both
def test_a_thousand_for_thirty_seats(storage: Storage, clock: FixedClock) -> None:
    """In four batches, as the decider makes them."""
    with storage.unit() as unit:
        thirty = sa.update(courses).where(courses.c.course_id == "fiddle")
        unit.execute(thirty.values(capacity=30, published_capacity=30))
    ids = children(storage, 1000)
    answers = []
    for first in range(0, 1000, 250):
        answers += decide(
            storage, *(request(f"a-{each}", pupil_id=each) for each in ids[first : first + 250])
        )
        clock.time += timedelta(seconds=1)
    assert names(answers[:30]) == ["placed"] * 30
    assert names(answers[30:]) == [f"queued {n}" for n in range(1, 971)]
    assert seats(storage) == (30, 30, 970)
    assert Counter(row.state for row in rows_of(storage).values()) == {"placed": 30, "queued": 970}
    assert seats_said(storage)[-1] == CourseSeatsChanged("fiddle", 30, 30, 970)
    well(storage)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_processes_that_decide_side_by_side_take_turns(storage: Storage, database_url: str) -> None:
    """Two processes, each with twenty transactions under way, for two courses in both orders."""
    ids = children(storage, 40)
    other = Storage(database_url, storage.clock)
    pool = eventlet.GreenPool(40)

    def both_courses(n: int, pupil_id: str) -> list[str]:
        asked = [request(f"f{n}", "fiddle", pupil_id), request(f"c{n}", "circus", pupil_id)]
        return names(decide(storage if n % 2 else other, *(asked if n % 4 < 2 else reversed(asked))))

    threads = [pool.spawn(both_courses, n, each) for n, each in enumerate(ids)]
    answers = [answer for thread in threads for answer in thread.wait()]
    other.close()
    assert answers.count("placed") == 3
    assert (seats(storage), seats(storage, "circus")) == ((2, 2, 38), (1, 1, 39))
    # Whoever was told a position keeps it: nobody who was decided later stands before.
    told = [f"queued {n}" for n in (*range(1, 39), *range(1, 40))]
    assert sorted(answer for answer in answers if answer != "placed") == sorted(told)
    well(storage)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_the_same_application_from_two_processes_is_one(storage: Storage, database_url: str) -> None:
    other = Storage(database_url, storage.clock)
    pool = eventlet.GreenPool(20)
    threads = [pool.spawn(decide, (storage, other)[n % 2], request(f"a{n % 3}")) for n in range(20)]
    answers = [answer for thread in threads for answer in thread.wait()]
    other.close()
    assert names(answers) == ["placed"] * 20
    assert [a.already for a in answers if isinstance(a, Outcome)].count(False) == 1
    assert (seats(storage), count(storage, applications)) == ((2, 1, 0), 1)


@both
def test_a_batch_costs_as_many_statements_as_one_application(storage: Storage) -> None:
    ids = children(storage, 120)
    statements: list[str] = []
    sa.event.listen(
        storage.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )

    def cost(*asked: Any) -> int:
        statements.clear()
        decide(storage, *asked)
        return len(statements)

    decide(storage, *(request(f"s{n}", pupil_id=each) for n, each in enumerate(ids[:10])))
    one = cost(request("o1", pupil_id=ids[10]))
    hundred = cost(*(request(f"h{n}", pupil_id=each) for n, each in enumerate(ids[20:120])))
    assert 5 < one <= 20
    assert hundred == one
