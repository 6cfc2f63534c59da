"""A child that was registered twice: its records become one, with the earliest dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.contracts.enrolment import (
    CourseSeatsChanged,
    PupilsMerged,
)
from services.enrolment import commands, life, pupil_queries, queries
from services.enrolment.tables import pupils
from tests.enrolment.conftest import both
from tests.enrolment.life_story import STAFF, do, events, queue_dates, refused
from tests.enrolment.story import (
    CIRCUS,
    FIDDLE,
    MARIA,
    NORRBY,
    SAMIRA,
    SODERBY,
    TODAY,
    all_is_well,
    applied,
    coordination_number,
    decide,
    facts,
    number,
    request,
    rows_of,
    seats,
    seats_said,
    states,
    tell,
)


class TestOneChildTwice:
    BORN = date(2016, 4, 5)

    def register(self, storage: Storage) -> None:
        """A child with a coordination number in Söderby, and as itself in Norrby."""
        temporary = commands.NewPupil(
            "temp", coordination_number(self.BORN), "Ada", "Ek", SODERBY, guardian_id=SAMIRA
        )
        real = commands.NewPupil("real", number(self.BORN), "Ada", "Ek", NORRBY, guardian_id=MARIA)
        for pupil in (temporary, real):
            do(storage, commands.register_pupil, pupil, STAFF)

    @both
    def test_the_records_become_one_with_the_earliest_dates(self, storage: Storage) -> None:
        self.register(storage)
        tell(storage, replace(FIDDLE, capacity=1))
        early, late = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC)
        applied(storage, "first")
        decide(storage, request("t1", pupil_id="temp", queued_at=early))
        decide(storage, request("r1", pupil_id="real", queued_at=late))
        applied(storage, "r2", "circus", "real")
        do(storage, life.correct_identity, "temp", number(self.BORN), STAFF, scope="19", why="A number came.")
        assert states(storage) == {"first": "placed", "t1": "queued", "r1": "merged"}
        assert queue_dates(storage)["t1"] == early
        assert seats(storage) == (1, 1, 1)
        assert facts(storage, PupilsMerged) == [PupilsMerged("temp", "real")]
        assert seats_said(storage)[-1] == CourseSeatsChanged("fiddle", 1, 1, 1)
        with storage.reading() as connection:
            circus = queries.application(connection, "r2", TODAY)
            for guardian in (MARIA, SAMIRA):
                assert "temp" in [each.pupil_id for each in queries.pupils_of(connection, guardian, TODAY)]
            assert "real" not in [each.pupil_id for each in queries.pupils_of(connection, MARIA, TODAY)]
            assert pupil_queries.home_of_pupil(connection, "real") is None
            numbers = connection.execute(sa.select(pupils.c.pupil_id, pupils.c.personal_identity)).all()
        assert circus is not None
        assert circus.pupil.pupil_id == "temp"
        assert dict(tuple(row) for row in numbers)["temp"] == number(self.BORN)
        assert [what for what, _, _ in events(storage, "temp")].count("merged") == 1
        assert all_is_well(storage)

    def test_a_place_stays_before_a_place_in_the_queue(self, storage: Storage) -> None:
        self.register(storage)
        tell(storage, replace(FIDDLE, capacity=1))
        applied(storage, "r1", pupil_id="real")
        decide(storage, request("t1", pupil_id="temp", queued_at=datetime(2026, 11, 2, tzinfo=UTC)))
        do(storage, life.correct_identity, "temp", number(self.BORN), STAFF, scope="19", why="A number came.")
        assert states(storage) == {"r1": "placed", "t1": "merged"}
        assert seats(storage) == (1, 1, 0)

    def test_a_freed_seat_goes_on(self, storage: Storage) -> None:
        self.register(storage)
        decide(storage, *(request(each, pupil_id=each) for each in ("real", "temp")))
        applied(storage, "next")
        do(storage, life.correct_identity, "temp", number(self.BORN), STAFF, scope="19", why="A number came.")
        assert sorted(states(storage).values()) == ["merged", "offered", "placed"]

    def test_the_earlier_queue_date_stays_where_the_later_application_does(self, storage: Storage) -> None:
        """The offer is worth more than the wait, and the wait began earlier."""
        self.register(storage)
        tell(storage, replace(FIDDLE, capacity=1), replace(CIRCUS, capacity=1))
        applied(storage, "first")
        applied(storage, "c0", "circus", "anton")
        early, late = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC)
        decide(storage, request("t1", pupil_id="temp", queued_at=late))
        do(storage, commands.withdraw, "first", "s")  # offered to temp
        decide(storage, request("r1", pupil_id="real", queued_at=early))
        do(storage, life.correct_identity, "temp", number(self.BORN), STAFF, scope="19", why="x")
        assert states(storage) == {"first": "withdrawn", "t1": "offered", "r1": "merged"}
        decide(storage, request("new", "circus", "temp"))
        assert rows_of(storage)["new"].queued_at == early

    def test_what_was_recorded_of_either_is_so_of_the_child(self, storage: Storage) -> None:
        self.register(storage)
        relief = life.PupilRecord(
            SODERBY, None, later_limit=True, is_teacher=False, has_relief=True, played_before=True
        )
        do(storage, life.record_pupil, "real", relief, STAFF, why="relief")
        do(storage, life.correct_identity, "temp", number(self.BORN), STAFF, scope="19", why="x")
        with storage.reading() as connection:
            row = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == "temp")).one()
        assert (row.has_relief, row.later_limit, row.played_before) == (True, True, True)
        assert row.school_municipality == SODERBY
        assert ("recorded", STAFF, "relief") in events(storage, "temp")

    def test_two_children_are_never_made_one(self, storage: Storage) -> None:
        """By a slip of the pen, or by staff who do not act for the other's home."""
        self.register(storage)
        wrong = number(date(2016, 2, 9))  # another child's
        assert refused(storage, life.correct_identity, "alma", wrong, STAFF, scope="19", why="x") in (
            "number_of_another",
            "protection_differs",
        )
        theirs = number(self.BORN)
        again = refused(storage, life.correct_identity, "temp", theirs, STAFF, scope=SODERBY, why="x")
        assert again == "registered_elsewhere"
        assert facts(storage, PupilsMerged) == []

    def test_a_number_of_nobody_else_is_just_corrected(self, storage: Storage) -> None:
        do(
            storage,
            life.correct_identity,
            "alma",
            number(date(2017, 3, 15)),
            STAFF,
            scope="19",
            why="A digit was wrong.",
        )
        assert events(storage, "alma") == [("identity_corrected", STAFF, "A digit was wrong.")]
        assert facts(storage, PupilsMerged) == []

    def test_a_protected_pupil_is_not_made_one_with_an_open_one(self, storage: Storage) -> None:
        clovers = number(date(2016, 2, 9))
        assert (
            refused(storage, life.correct_identity, "alma", clovers, STAFF, scope="19", why="x")
            == "protection_differs"
        )
        assert refused(storage, life.correct_identity, "alma", "1", STAFF, scope="19", why="x") == (
            "personal_identity_invalid"
        )
