"""What the database itself refuses, whatever a rule of ours would have written."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.enrolment.tables import applications, courses
from tests.enrolment.conftest import both
from tests.enrolment.story import NORRBY, NOW, applied, decide, request, rows_of, seats


def insert(storage: Storage, **changes: Any) -> None:
    """A row as no rule of ours would write it."""
    row = {
        "application_id": "x1",
        "course_id": "fiddle",
        "pupil_id": "alma",
        "home_municipality": NORRBY,
        "state": "placed",
        "outcome": None,
        "queued_at": NOW,
        "rule": "r",
        "basis": "b",
        "explanation": "{}",
        "applied_by": "the tests",
        "decided_at": NOW,
        "changed_at": NOW,
        **changes,
    }
    with storage.unit() as unit:
        unit.execute(sa.insert(applications), [row])


OVERSOLD: list[dict[str, Any]] = [
    {"taken": 3},
    {"taken": -1},
    {"waiting": -1},
    {"capacity": 1},
    {"published_capacity": None},
]


@both
def test_the_database_itself_refuses_an_oversold_course(storage: Storage) -> None:
    decide(storage, request("a1"), request("a2", pupil_id="noor"))
    for values in OVERSOLD:
        with pytest.raises(sa.exc.IntegrityError), storage.unit() as unit:
            unit.execute(sa.update(courses).where(courses.c.course_id == "fiddle").values(**values))
        assert seats(storage) == (2, 2, 0), values


NO_APPLICATION: list[dict[str, Any]] = [
    {},
    {"state": "queued"},
    {"state": "offered"},
    {"application_id": "a1", "pupil_id": "noor"},
    {"pupil_id": "noor", "state": "ended"},
    {"pupil_id": "noor", "outcome": "withdrawn"},
    {"pupil_id": "noor", "state": "lost"},
    {"pupil_id": "nobody"},
    {"pupil_id": "noor", "course_id": "no-such-course"},
]


@both
def test_the_database_itself_refuses_what_is_no_application(storage: Storage) -> None:
    """A second active one of a child for a course first of all."""
    applied(storage)
    for changes in NO_APPLICATION:
        with pytest.raises(sa.exc.IntegrityError):
            insert(storage, **changes)
        assert set(rows_of(storage)) == {"a1"}, changes
    insert(storage, pupil_id="noor")  # the row they all are made from is one


@both
def test_the_database_takes_any_number_of_ended_ones(storage: Storage) -> None:
    applied(storage)
    for n in range(3):
        insert(storage, application_id=f"x{n}", state="ended", outcome="withdrawn")
    assert len(rows_of(storage)) == 4


@both
def test_the_database_wants_an_alias_for_the_protected(storage: Storage) -> None:
    with pytest.raises(sa.exc.IntegrityError), storage.unit() as unit:
        unit.connection.exec_driver_sql("UPDATE pupils SET alias = NULL WHERE pupil_id = 'clover'")
