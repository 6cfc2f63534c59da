"""Each check finds what it should when the data is broken by hand, past the database's own constraints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.enrolment import commands, repository
from services.enrolment.checks import check
from services.enrolment.tables import application_events, applications, courses
from tests.enrolment.conftest import both
from tests.enrolment.story import children, decide, request


@pytest.fixture
def full(storage: Storage) -> Storage:
    """Two placed and one waiting on the fiddle course, nobody on the others."""
    ids = children(storage, 3)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    return storage


def findings(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return check(connection)


@contextmanager
def unguarded(storage: Storage) -> Iterator[sa.Connection]:
    """A connection on which the database takes anything."""
    with storage.writing_connection() as connection:
        if storage.is_sqlite:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        else:
            connection.exec_driver_sql("ALTER TABLE courses DROP CONSTRAINT ck_courses_seats")
        connection.exec_driver_sql("DROP INDEX uq_applications_active")
        yield connection
        connection.commit()
        if storage.is_sqlite:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")


def set_course(storage: Storage, **values: Any) -> None:
    with unguarded(storage) as connection:
        connection.execute(sa.update(courses).where(courses.c.course_id == "fiddle").values(**values))


def test_all_is_well_before_and_after_anybody_applied(storage: Storage) -> None:
    assert findings(storage) == []
    decide(storage, request(), request("a2", pupil_id="noor"), request("a3", "circus", "noor"))
    assert findings(storage) == []


@both
def test_an_oversold_course_is_found(full: Storage) -> None:
    set_course(full, capacity=1)
    assert findings(full) == [
        "course fiddle: 2 of 1 seats taken and 1 waiting, but the applications hold 2 and 1 wait"
    ]


@both
def test_seats_that_are_not_those_of_the_applications_are_found(full: Storage) -> None:
    set_course(full, taken=1)
    assert findings(full) == [
        "course fiddle: 1 of 2 seats taken and 1 waiting, but the applications hold 2 and 1 wait"
    ]


def test_a_queue_of_another_length_is_found(full: Storage) -> None:
    set_course(full, waiting=0)
    assert findings(full) == [
        "course fiddle: 2 of 2 seats taken and 0 waiting, but the applications hold 2 and 1 wait"
    ]


def test_seats_of_a_course_without_applications_are_found(storage: Storage) -> None:
    set_course(storage, taken=1)
    assert findings(storage) == [
        "course fiddle: 1 of 2 seats taken and 0 waiting, but the applications hold 0 and 0 wait"
    ]


def test_an_application_that_nobody_counted_is_found(full: Storage) -> None:
    with full.unit() as unit:
        ended = {"state": "ended", "outcome": "withdrawn"}
        unit.execute(sa.update(applications).where(applications.c.application_id == "a0").values(ended))
    assert findings(full) == [
        "course fiddle: 2 of 2 seats taken and 1 waiting, but the applications hold 1 and 1 wait"
    ]


def test_an_offer_holds_a_seat(full: Storage) -> None:
    with full.unit() as unit:
        unit.execute(
            sa.update(applications).where(applications.c.application_id == "a0").values(state="offered")
        )
    assert findings(full) == []


@both
def test_a_child_that_is_twice_on_a_course_is_found(full: Storage) -> None:
    with unguarded(full) as connection:
        connection.execute(
            sa.update(applications)
            .where(applications.c.application_id == "a1")
            .values(pupil_id="child-1901-0000")
        )
    assert findings(full) == ["pupil child-1901-0000 is more than once on course fiddle"]


def test_ended_applications_are_no_doubles(full: Storage) -> None:
    with unguarded(full) as connection:
        connection.execute(
            sa.update(applications)
            .where(applications.c.application_id == "a1")
            .values(pupil_id="child-1901-0000", state="ended", outcome="withdrawn")
        )
        connection.execute(sa.update(courses).where(courses.c.course_id == "fiddle").values(taken=1))
    assert findings(full) == []


@pytest.fixture
def queue(storage: Storage, clock: FixedClock) -> Storage:
    """Two placed, three waiting; then one withdraws and the first in line is offered the seat."""
    for n, each in enumerate(children(storage, 5)):
        decide(storage, request(f"a{n}", pupil_id=each))
        clock.time += timedelta(minutes=1)
    with storage.unit() as unit:
        commands.withdraw(unit, "a0", by="the tests")
    return storage


def give_offer_to(storage: Storage, other: str) -> None:
    """As if the offer had gone to one further behind from the start."""
    names = ("state", "rule", "offered_at", "answer_by")
    with storage.unit() as unit:
        held, waits = (
            unit.rows(sa.select(applications).where(applications.c.application_id == each))[0]
            for each in ("a2", other)
        )
        for of, like in (("a2", waits), (other, held)):
            values = {name: getattr(like, name) for name in names}
            unit.execute(sa.update(applications).where(applications.c.application_id == of).values(values))
        unit.execute(
            sa.update(application_events)
            .where(application_events.c.application_id == "a2", application_events.c.what == "offered")
            .values(application_id=other)
        )


@both
def test_an_offer_past_those_who_stood_before_is_found(queue: Storage) -> None:
    assert findings(queue) == []
    give_offer_to(queue, "a4")
    assert sorted(findings(queue)) == [
        f"application {each} waits for course fiddle ahead of a4, which was offered the seat, and no reason "
        "is recorded"
        for each in ("a2", "a3")
    ]


def test_a_recorded_reason_explains_the_offer(queue: Storage) -> None:
    give_offer_to(queue, "a3")
    assert len(findings(queue)) == 1
    with queue.unit() as unit:
        repository.note_events(unit, [("a2", "enrolment", "skipped", "ceiling_reached")])
        offered_at = sa.select(applications.c.offered_at).where(applications.c.application_id == "a3")
        unit.execute(
            sa.update(application_events)
            .where(application_events.c.what == "skipped")
            .values(at=offered_at.scalar_subquery())
        )
    assert findings(queue) == []


def test_who_came_after_the_offer_was_made_was_not_passed_by(queue: Storage, clock: FixedClock) -> None:
    """However early the date that staff enter for it."""
    clock.time += timedelta(hours=1)
    decide(queue, request("late", pupil_id="noor", queued_at=clock.time - timedelta(days=3)))
    assert findings(queue) == []
