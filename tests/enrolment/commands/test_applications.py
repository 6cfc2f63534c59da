"""What becomes of a place, an offer and a place in the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import (
    ApplicationEnded,
    ApplicationQueued,
    CourseSeatsChanged,
    PlaceGiven,
    PlaceOffered,
)
from services.enrolment import commands, queries
from tests.enrolment.commands.doing import EVERYTHING, do, refused, well
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    ALMA,
    CLOVER,
    KRISTINA,
    LEO,
    MARIA,
    NOOR,
    NORRBY,
    NOW,
    SODERBY,
    TODAY,
    applied,
    children,
    count,
    decide,
    facts,
    names,
    request,
    seats,
    seats_said,
    states,
)


class TestWithdrawing:
    @pytest.fixture
    def full(self, storage: Storage) -> Storage:
        """a0 and a1 have places, a2 and a3 wait."""
        ids = children(storage, 4, guardian=MARIA)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        return storage

    @both
    def test_a_place_goes_to_the_next_in_line(self, full: Storage) -> None:
        do(full, commands.withdraw, "a0", "maria")
        assert states(full) == {"a0": "withdrawn", "a1": "placed", "a2": "offered", "a3": "queued"}
        assert seats(full) == (2, 2, 1)
        (ended,) = facts(full, ApplicationEnded)
        assert ended == ApplicationEnded("a0", "fiddle", "child-1901-0000", MARIA, "withdrawn", "place", NOW)
        (offer,) = facts(full, PlaceOffered)
        assert offer == PlaceOffered("a2", "fiddle", "child-1901-0002", MARIA, NOW, "next_in_queue")
        assert seats_said(full)[-1] == CourseSeatsChanged("fiddle", 2, 2, 1)
        well(full)

    def test_a_place_in_the_queue_moves_up_who_stands_behind(self, full: Storage) -> None:
        do(full, commands.withdraw, "a2", "maria")
        assert states(full) == {"a0": "placed", "a1": "placed", "a2": "withdrawn", "a3": "queued"}
        assert facts(full, PlaceOffered) == []
        assert facts(full, ApplicationEnded)[0].had == "queue"
        with full.reading() as connection:
            application = queries.application(connection, "a3", TODAY)
        assert application is not None
        assert application.position == 1
        well(full)

    def test_an_offer_can_be_withdrawn_too(self, full: Storage) -> None:
        do(full, commands.withdraw, "a0", "maria")
        do(full, commands.withdraw, "a2", "maria")
        assert states(full)["a3"] == "offered"
        assert [fact.had for fact in facts(full, ApplicationEnded)] == ["place", "offer"]
        do(full, commands.withdraw, "a3", "maria")
        assert seats(full) == (2, 1, 0)
        well(full)

    def test_what_has_ended_stays_ended(self, full: Storage) -> None:
        do(full, commands.withdraw, "a0", "maria")
        for command, name in (
            (commands.withdraw, "already_ended"),
            (commands.accept_offer, "no_offer"),
            (commands.decline_offer, "no_offer"),
        ):
            assert refused(full, command, "a0", "maria").name == name

    @pytest.mark.parametrize("command", [commands.withdraw, commands.accept_offer, commands.decline_offer])
    def test_there_must_be_such_an_application(self, full: Storage, command: Callable[..., Any]) -> None:
        refusal = refused(full, command, "nothing", "maria")
        assert (refusal.name, refusal.status) == ("application_unknown", 404)

    def test_who_did_it_is_kept(self, full: Storage) -> None:
        do(full, commands.withdraw, "a0", "guardian:1901:maria")
        with full.reading() as connection:
            events = [(e.by, e.what, e.why) for e in queries.events(connection, "a0")]
            offered = [(e.by, e.what) for e in queries.events(connection, "a2")]
        assert ("guardian:1901:maria", "ended", "withdrawn") in events
        assert ("enrolment", "offered") in offered

    def test_the_offer_goes_by_the_rule_book(self, storage: Storage) -> None:
        """In Söderby those who live there go first, whenever they applied."""
        away, near = children(storage, 2, NORRBY), children(storage, 1, SODERBY)
        applied(storage, "a0", "circus", "noor")
        decide(storage, *(request(each, "circus", each) for each in (*away, *near)))
        do(storage, commands.withdraw, "a0", "samira")
        assert states(storage, "circus")[near[0]] == "offered"
        assert seats(storage, "circus") == (1, 1, 2)

    def test_of_a_protected_pupil_no_fact_says_who_stands_behind(self, storage: Storage) -> None:
        applied(storage, "a0", "circus", "noor")
        applied(storage, "a1", "circus", "clover")
        do(storage, commands.withdraw, "a0", "samira")
        do(storage, commands.accept_offer, "a1", "staff")
        do(storage, commands.withdraw, "a1", "staff")
        about = [
            fact
            for fact in facts(storage, ApplicationQueued, PlaceOffered, PlaceGiven, ApplicationEnded)
            if fact.pupil_id == "clover"
        ]
        assert [type(fact) for fact in about] == [
            ApplicationQueued,
            PlaceOffered,
            PlaceGiven,
            ApplicationEnded,
        ]
        assert {fact.guardian_id for fact in about} == {None}
        assert [fact.home_municipality for fact in about if hasattr(fact, "home_municipality")] == [
            None,
            None,
        ]

    @pytest.mark.parametrize("kind", ["postgresql"])
    def test_all_who_leave_at_once_are_followed_by_as_many(self, storage: Storage) -> None:
        ids = children(storage, 4)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        pool = eventlet.GreenPool(4)
        for _ in pool.imap(lambda n: do(storage, commands.withdraw, f"a{n}", "x"), range(2)):
            pass
        assert states(storage) == {"a0": "withdrawn", "a1": "withdrawn", "a2": "offered", "a3": "offered"}
        assert seats(storage) == (2, 2, 0)


class TestOffers:
    @pytest.fixture
    def offered(self, storage: Storage) -> Storage:
        """a1 (Alma) is offered the one seat that Noor gave up; a2 (Leo) waits."""
        applied(storage, "a0", "circus", "noor")
        applied(storage, "a1", "circus", "alma")
        applied(storage, "a2", "circus", "leo")
        do(storage, commands.withdraw, "a0", "samira")
        assert states(storage, "circus")["a1"] == "offered"
        return storage

    def test_accepted_it_is_a_place(self, offered: Storage, clock: FixedClock) -> None:
        clock.time += timedelta(days=2)
        do(offered, commands.accept_offer, "a1", "maria")
        assert states(offered, "circus") == {"a0": "withdrawn", "a1": "placed", "a2": "queued"}
        assert facts(offered, PlaceGiven)[-1] == PlaceGiven(
            "a1", "circus", "alma", MARIA, NORRBY, SODERBY, "vt27", NOW + timedelta(days=2), "next_in_queue"
        )
        with offered.reading() as connection:
            application = queries.application(connection, "a1", TODAY)
        assert application is not None
        assert (application.rule, application.changed_at, application.decided_at) == (
            "next_in_queue",
            NOW + timedelta(days=2),
            NOW,
        )
        assert seats(offered, "circus") == (1, 1, 1)
        well(offered)

    def test_accepting_twice_is_accepting_once(self, offered: Storage) -> None:
        do(offered, commands.accept_offer, "a1", "maria")
        before = [count(offered, table) for table in EVERYTHING]
        do(offered, commands.accept_offer, "a1", "maria")
        assert [count(offered, table) for table in EVERYTHING] == before

    @both
    def test_declined_it_goes_to_the_next(self, offered: Storage) -> None:
        do(offered, commands.decline_offer, "a1", "maria")
        assert states(offered, "circus") == {"a0": "withdrawn", "a1": "declined", "a2": "offered"}
        ended = facts(offered, ApplicationEnded)[-1]
        assert (ended.application_id, ended.outcome, ended.had) == ("a1", "declined", "offer")
        do(offered, commands.decline_offer, "a2", "maria")
        assert seats(offered, "circus") == (1, 0, 0)
        well(offered)

    @pytest.mark.parametrize("command", [commands.accept_offer, commands.decline_offer])
    def test_who_waits_has_nothing_to_answer(self, offered: Storage, command: Callable[..., Any]) -> None:
        assert refused(offered, command, "a2", "maria").name == "no_offer"

    def test_a_place_is_given_up_and_not_declined(self, offered: Storage) -> None:
        do(offered, commands.accept_offer, "a1", "maria")
        assert refused(offered, commands.decline_offer, "a1", "maria").name == "no_offer"


class TestCancelling:
    def test_everybody_is_told_what_it_had(self, storage: Storage) -> None:
        ids = children(storage, 4)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        do(storage, commands.withdraw, "a0", "x")
        do(storage, commands.cancel_course, "fiddle", "catalogue")
        ended = [(f.application_id, f.outcome, f.had) for f in facts(storage, ApplicationEnded)[1:]]
        assert ended == [
            ("a1", "course_cancelled", "place"),
            ("a2", "course_cancelled", "offer"),
            ("a3", "course_cancelled", "queue"),
        ]
        assert seats(storage) == (2, 0, 0)
        assert seats_said(storage)[-1] == CourseSeatsChanged("fiddle", 2, 0, 0)
        assert len(facts(storage, PlaceOffered)) == 1  # nobody is offered a seat on its way down
        well(storage)

    def test_a_course_nobody_is_on_or_that_is_not_there(self, storage: Storage) -> None:
        before = count(storage, outbox)
        do(storage, commands.cancel_course, "fiddle", "catalogue")
        do(storage, commands.cancel_course, "no-such-course", "catalogue")
        assert count(storage, outbox) == before


def test_one_application_alone(storage: Storage) -> None:
    def asked(unit: Unit, pupil_id: str) -> Any:
        return commands.apply_for_course(unit, request(f"a-{pupil_id}", pupil_id=pupil_id))

    assert names([do(storage, asked, "alma"), do(storage, asked, "leo")]) == ["placed", "pupil_too_old"]


def test_nothing_that_is_personal_is_in_the_facts_all_read(storage: Storage) -> None:
    """Names and addresses travel in the contacts' stream alone; numbers and the protected in none."""
    for n, pupil in enumerate((ALMA, LEO, NOOR, CLOVER)):
        decide(storage, request(f"c{n}", "circus", pupil.pupil_id))
    do(storage, commands.withdraw, "c0", KRISTINA)
    with storage.reading() as connection:
        rows = connection.execute(sa.select(outbox.c.source, outbox.c.envelope)).all()
    everything = " ".join(row.envelope for row in rows)
    public = " ".join(row.envelope for row in rows if row.source == "enrolment")
    for secret in (
        *(p.personal_identity[2:] for p in (ALMA, LEO, NOOR, CLOVER)), "Hemlig", "Skyddad", "Klöver",
    ):  # fmt: skip
        assert secret not in everything
    for name in ("Alma", "Leo", "Noor", "Hellstr", "example.se"):
        assert name not in public
        assert name in everything or name == "example.se"
