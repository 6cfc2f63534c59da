"""What happens in a pupil's life: places and queue dates are kept, and who, when and why is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import (
    ApplicationEnded,
    ContactRegistered,
    PlaceGiven,
    PlaceOffered,
    PupilMoved,
)
from services.contracts.rule_book import Answering, Ordering, ReservedSeats
from services.enrolment import ceilings, commands, life, queries, repository
from services.enrolment.commands import Contact
from services.enrolment.expiry import OfferExpiry
from services.enrolment.tables import applications, pupils
from tests.enrolment.life_story import STAFF, do, events, queue_dates, refused
from tests.enrolment.story import (
    CIRCUS,
    FIDDLE,
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    SAMIRA,
    SODERBY,
    SODERBYS_RULES,
    TODAY,
    all_is_well,
    applied,
    children,
    decide,
    facts,
    names,
    number,
    request,
    rows_of,
    seats,
    states,
    tell,
)


class TestMoving:
    def test_place_and_queue_dates_are_kept_and_the_day_is_recorded(self, storage: Storage) -> None:
        tell(storage, replace(CIRCUS, capacity=1, max_age=19))
        applied(storage, "place", "fiddle", "alma")
        applied(storage, "other", "circus", "anton")
        applied(storage, "waits", "circus", "alma")
        before = queue_dates(storage)
        moved_on = date(2026, 11, 20)
        do(storage, life.move_pupil, "alma", SODERBY, moved_on, STAFF, why="Registered at a new address.")
        assert queue_dates(storage) == before
        assert states(storage)["place"] == "placed"
        assert facts(storage, PupilMoved) == [PupilMoved("alma", NORRBY, SODERBY, moved_on)]
        assert events(storage, "alma") == [("moved", STAFF, "Registered at a new address.")]
        with storage.reading() as connection:
            place = queries.application(connection, "place", TODAY)
        assert place is not None
        assert place.pupil.home.code == SODERBY
        do(storage, life.move_pupil, "alma", SODERBY, moved_on, STAFF, why="again")
        assert len(facts(storage, PupilMoved)) == 1

    def test_in_the_new_home_it_waits_as_one_of_its_own(self, storage: Storage) -> None:
        """Söderby's queue goes by residence first."""
        applied(storage, "first", "circus", "anton")
        stranger = children(storage, 1, NORRBY)[0]
        decide(storage, request("alma", "circus", "alma"), request("other", "circus", stranger))
        tell(storage, CIRCUS)
        do(storage, life.move_pupil, stranger, SODERBY, TODAY, STAFF, why="moved")
        with storage.reading() as connection:
            found = queries.application(connection, "alma", TODAY)
        assert found is not None
        assert (found.position, found.ahead) == (2, {"host_residents_first": 1})

    def test_who_stands_ahead_only_since_the_move_was_not_passed_by(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        """Söderby's residents go first: the seat was offered before there was one more of them."""
        applied(storage, "first", "circus", "anton")
        earlier, later = children(storage, 2)
        decide(storage, request("earlier", "circus", earlier), request("later", "circus", later))
        clock.time += timedelta(days=1)
        do(storage, commands.withdraw, "first", "the tests")
        clock.time += timedelta(days=1)
        do(storage, life.move_pupil, later, SODERBY, TODAY, STAFF, why="moved")
        assert states(storage, "circus") == {"first": "withdrawn", "earlier": "offered", "later": "queued"}
        assert all_is_well(storage)

    def test_a_seat_kept_for_the_new_home_is_offered(self, storage: Storage) -> None:
        kept = replace(NORRBYS_RULES, ordering=Ordering(reserved_seats=(ReservedSeats(SODERBY, 1),)))
        tell(storage, RuleBookPublished("norrby-2024", kept))
        first, second = children(storage, 2)
        decide(storage, request("a0", pupil_id=first), request("a1", pupil_id=second))
        do(storage, life.move_pupil, second, SODERBY, TODAY, STAFF, why="moved")
        assert states(storage) == {"a0": "placed", "a1": "offered"}
        assert [fact.application_id for fact in facts(storage, PlaceOffered)] == ["a1"]
        assert seats(storage) == (2, 2, 0)
        assert all_is_well(storage)

    def test_of_a_protected_pupil_no_fact_says_where_it_lives(self, storage: Storage) -> None:
        do(storage, life.move_pupil, "clover", NORRBY, TODAY, STAFF, why="moved")
        assert facts(storage, PupilMoved) == []

    def test_what_cannot_be_is_refused(self, storage: Storage) -> None:
        assert (
            refused(storage, life.move_pupil, "alma", "0000", TODAY, STAFF, why="x") == "municipality_unknown"
        )
        tomorrow = date(2026, 11, 25)
        assert (
            refused(storage, life.move_pupil, "alma", SODERBY, tomorrow, STAFF, why="x") == "moved_in_future"
        )
        assert refused(storage, life.move_pupil, "nobody", SODERBY, TODAY, STAFF, why="x") == "pupil_unknown"


def test_who_moved_with_an_offer_waits_again_from_where_it_lives(storage: Storage) -> None:
    keeps = replace(SODERBYS_RULES, answering=Answering(answer_days=7, declines_kept=2))
    tell(storage, RuleBookPublished("soderby-2024", keeps))
    applied(storage, "first", "circus", "anton")
    (mover,) = children(storage, 1)
    decide(storage, request("mine", "circus", mover))
    do(storage, commands.withdraw, "first", "s")
    assert states(storage, "circus")["mine"] == "offered"
    do(storage, life.move_pupil, mover, SODERBY, TODAY, STAFF, why="m")
    do(storage, commands.decline_offer, "mine", "s")
    row = rows_of(storage)["mine"]
    assert (row.state, row.home_municipality) == ("queued", SODERBY)


class TestTwoGuardians:
    def test_both_apply_and_it_is_one_application(self, storage: Storage) -> None:
        do(storage, life.connect_guardian, "alma", SAMIRA, STAFF, why="Both are guardians.")
        answers = decide(storage, request("a1", guardian_id=MARIA), request("a2", guardian_id=SAMIRA))
        assert names(answers) == ["placed", "placed"]
        assert states(storage) == {"a1": "placed"}
        assert refused(storage, life.connect_guardian, "alma", "nobody", STAFF, why="x") == "guardian_unknown"


class TestComingOfAge:
    def test_on_the_birthday_the_guardians_access_ends(self, storage: Storage, clock: FixedClock) -> None:
        tell(storage, replace(FIDDLE, max_age=19, min_age=6))
        pupil = commands.NewPupil("nils", number(date(2008, 11, 25)), "Nils", "Ek", NORRBY, guardian_id=MARIA)
        do(storage, commands.register_pupil, pupil, STAFF)
        assert names(decide(storage, request("a1", pupil_id="nils", guardian_id=MARIA))) == ["placed"]
        OfferExpiry(storage).run_once()
        with storage.reading() as connection:
            assert "nils" in [each.pupil_id for each in queries.pupils_of(connection, MARIA, TODAY)]
        birthday = date(2026, 11, 25)
        clock.time = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)  # midnight in Sweden
        with storage.reading() as connection:
            assert "nils" not in [each.pupil_id for each in queries.pupils_of(connection, MARIA, birthday)]
            assert queries.application_of_person(connection, "a1", MARIA, birthday) is None
            assert queries.application_of_person(connection, "a1", "nils", birthday) is not None
        assert names(decide(storage, request("a2", "dance", "nils", guardian_id=MARIA))) == ["pupil_unknown"]
        OfferExpiry(storage).run_once()
        with storage.reading() as connection:
            row = connection.execute(sa.select(applications)).one()
            happened = [each.what for each in queries.events(connection, "a1")]
        assert (row.guardian_id, set(happened)) == ("nils", {"placed", "came_of_age"})

    def nils_is_18(self, storage: Storage, clock: FixedClock, **more: Any) -> None:
        pupil = commands.NewPupil("nils", number(date(2008, 11, 24)), "Nils", "Ek", NORRBY, MARIA, **more)
        do(storage, commands.register_pupil, pupil, STAFF)

    def of_nils(self, storage: Storage) -> list[ContactRegistered]:
        return [fact for fact in facts(storage, ContactRegistered) if fact.person_id == "nils"]

    def test_letters_can_reach_the_pupil_from_then_on(self, storage: Storage, clock: FixedClock) -> None:
        """No guardian's address becomes its own; staff record the one it gives."""
        self.nils_is_18(storage, clock)
        for _ in range(2):
            OfferExpiry(storage).run_once()
        first = ContactRegistered("nils", "Nils Ek", None, "sv", "pupil", NORRBY)
        assert self.of_nils(storage) == [first]
        given = Contact("nils@example.se", "en", "pupil")
        do(storage, life.record_contact, "nils", given, STAFF, why="It came by.")
        OfferExpiry(storage).run_once()
        assert self.of_nils(storage) == [first, replace(first, email="nils@example.se", language="en")]
        assert events(storage, "nils") == [("contact_recorded", STAFF, "It came by.")]

    def test_an_address_that_is_there_is_kept(self, storage: Storage, clock: FixedClock) -> None:
        self.nils_is_18(storage, clock)
        given = Contact("nils@example.se", "sv", "pupil")
        do(storage, commands.register_contact, "nils", "Nils Ek", NORRBY, given)
        OfferExpiry(storage).run_once()
        assert [fact.email for fact in self.of_nils(storage)] == ["nils@example.se"]

    def test_no_letter_goes_to_a_guardian_in_the_first_minute_either(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        """Before the day's work has gone through all applications."""
        tell(storage, replace(FIDDLE, max_age=19, min_age=6))
        pupil = commands.NewPupil("nils", number(date(2008, 11, 25)), "Nils", "Ek", NORRBY, MARIA)
        do(storage, commands.register_pupil, pupil, STAFF)
        decide(storage, request("a1", pupil_id="nils", guardian_id=MARIA))
        clock.time = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)  # midnight in Sweden
        do(storage, commands.withdraw, "a1", "pupil:nils")
        assert [fact.guardian_id for fact in facts(storage, ApplicationEnded)] == ["nils"]

    def test_what_staff_enter_is_written_to_the_pupil_too(self, storage: Storage, clock: FixedClock) -> None:
        tell(storage, replace(FIDDLE, max_age=19, min_age=6))
        self.nils_is_18(storage, clock)
        applied(storage, "a1", pupil_id="nils")
        assert [fact.guardian_id for fact in facts(storage, PlaceGiven)] == ["nils"]

    def test_of_a_protected_pupil_nobody_is_told_and_of_a_child_neither(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        self.nils_is_18(storage, clock, alias="Eken")
        OfferExpiry(storage).run_once()
        given = Contact("nils@example.se", "sv", "pupil")
        assert refused(storage, life.record_contact, "nils", given, STAFF, why="x") == "contact_of_protected"
        assert refused(storage, life.record_contact, "alma", given, STAFF, why="x") == "contact_of_child"
        assert self.of_nils(storage) == []


def test_a_ceiling_is_set_and_changed(storage: Storage) -> None:
    for most in (5, 1):
        do(storage, ceilings.set_ceiling, SODERBY, "vt27", STAFF, most_places=most, most_ore=None)
    theirs = children(storage, 2, SODERBY)
    answers = decide(storage, *(request(each, pupil_id=each) for each in theirs))
    assert names(answers) == ["placed", "queued 1"]


def test_what_staff_record_counts_from_then_on(storage: Storage) -> None:
    record = life.PupilRecord(SODERBY, 2028, True, False, True, False)
    do(storage, life.record_pupil, "alma", record, STAFF, why="Decision 12")
    do(storage, life.record_pupil, "alma", record, STAFF, why="again")
    assert events(storage, "alma") == [("recorded", STAFF, "Decision 12")]
    wrong = replace(record, school_municipality="0000")
    assert refused(storage, life.record_pupil, "alma", wrong, STAFF, why="x") == "municipality_unknown"


def _moved(unit: Unit) -> None:
    life.move_pupil(unit, "alma", SODERBY, TODAY, "the tests", why="moved")


def _recorded(unit: Unit) -> None:
    record = life.PupilRecord(
        None, None, later_limit=False, is_teacher=False, has_relief=True, played_before=False
    )
    life.record_pupil(unit, "alma", record, "the tests", why="relief")


def _renumbered(unit: Unit) -> None:
    life.correct_identity(
        unit, "alma", number(date(2017, 3, 15)), "the tests", scope="19", why="a digit was wrong"
    )


@pytest.mark.parametrize("change", [_moved, _recorded, _renumbered])
@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_change_waits_for_who_applies_and_holds_nothing_meanwhile(
    storage: Storage, change: Callable[[Unit], None]
) -> None:
    """Who applies has the course and then needs the pupil: one that had the pupil would stop both."""
    applied(storage)
    with storage.unit() as unit:
        repository.lock_courses(unit, ["fiddle"])
        changing = eventlet.spawn(do, storage, change)
        eventlet.sleep(0.5)
        assert not changing.dead
        alma = sa.select(pupils.c.pupil_id).where(pupils.c.pupil_id == "alma")
        assert unit.rows(alma.with_for_update(read=True, key_share=True, nowait=True)) == [("alma",)]
    with eventlet.Timeout(10):
        changing.wait()
    assert events(storage, "alma")
