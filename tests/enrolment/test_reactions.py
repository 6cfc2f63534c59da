"""Enrolment's copy of what the catalogue said, and what a change there means for those who have applied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.messaging.worker import Worker
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.contracts import catalogue
from services.contracts.catalogue import (
    CourseCancelled,
    MunicipalityRegistered,
    RuleBookPublished,
)
from services.contracts.enrolment import (
    ApplicationEnded,
    CourseSeatsChanged,
    PlaceOffered,
)
from services.contracts.envelope import Envelope, envelop
from services.contracts.fact import Fact, LocalText
from services.enrolment import commands, queries
from services.enrolment.checks import check
from services.enrolment.reactions import REACTIONS
from services.enrolment.tables import courses
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    CANCELLED,
    CATALOGUE,
    FIDDLE,
    NORRBYS_RULES,
    NOW,
    SODERBY,
    TERM,
    UTBY,
    children,
    count,
    decide,
    facts,
    names,
    request,
    seats,
    seats_said,
    states,
    tell,
)

SMALLER, LARGER = replace(FIDDLE, capacity=1), replace(FIDDLE, capacity=4)


@pytest.fixture
def full(storage: Storage) -> Storage:
    """a0 and a1 have places on the fiddle course, a2 to a4 wait."""
    ids = children(storage, 5)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    return storage


def withdraw(storage: Storage, application_id: str) -> None:
    with storage.unit() as unit:
        commands.withdraw(unit, application_id, "the tests")


def well(storage: Storage) -> None:
    with storage.reading() as connection:
        assert check(connection) == []


def test_every_fact_of_the_catalogue_is_heard() -> None:
    assert set(REACTIONS) == set(catalogue.FACTS)


@both
def test_saying_it_all_again_changes_nothing(full: Storage) -> None:
    before = (count(full, outbox), count(full, courses), seats(full), states(full))
    tell(full, *CATALOGUE)
    assert (count(full, outbox), count(full, courses), seats(full), states(full)) == before


def test_a_new_course_is_empty_and_its_seats_are_news_to_nobody(storage: Storage) -> None:
    before = count(storage, outbox)
    tell(storage, replace(FIDDLE, course_id="new", capacity=7))
    assert (seats(storage, "new"), count(storage, outbox)) == ((7, 0, 0), before)


def test_a_changed_course_is_shown_as_it_is_now(storage: Storage) -> None:
    changed = replace(
        FIDDLE, title=LocalText("Fiol", "Violin"), room="Sal 2", weekday=2, starts_at="17:00", minutes=45,
        max_age=14, first_lesson_on=date(2027, 1, 26),
    )  # fmt: skip
    tell(storage, changed)
    with storage.reading() as connection:
        found = queries.course(connection, "fiddle")
    assert found is not None
    course = found[0]
    assert (course.title, course.room, course.weekday, course.starts_at) == (
        LocalText("Fiol", "Violin"),
        "Sal 2",
        2,
        "17:00",
    )
    assert (course.minutes, course.first_lesson_on) == (45, date(2027, 1, 26))
    assert names(decide(storage, request(pupil_id="leo"))) == ["placed"]  # thirteen, and allowed now


@both
def test_a_larger_room_is_offered_to_the_next_in_line(full: Storage) -> None:
    tell(full, LARGER)
    assert states(full) == {"a0": "placed", "a1": "placed", "a2": "offered", "a3": "offered", "a4": "queued"}
    assert [fact.application_id for fact in facts(full, PlaceOffered)] == ["a2", "a3"]
    assert seats_said(full)[-1] == CourseSeatsChanged("fiddle", 4, 4, 1)
    tell(full, LARGER)
    assert len(facts(full, PlaceOffered)) == 2
    well(full)


def test_more_seats_than_wait_are_free(full: Storage) -> None:
    tell(full, replace(FIDDLE, capacity=9))
    assert seats(full) == (9, 5, 0)
    assert names(decide(full, request("b1", pupil_id="noor"))) == ["placed"]
    well(full)


@both
def test_nobody_loses_a_place_because_a_room_became_smaller(full: Storage) -> None:
    tell(full, SMALLER)
    assert seats(full) == (2, 2, 3)
    assert states(full)["a1"] == "placed"
    withdraw(full, "a0")  # the seat that is no longer there is given to nobody
    assert (seats(full), facts(full, PlaceOffered)) == ((1, 1, 3), [])
    assert seats_said(full)[-1] == CourseSeatsChanged("fiddle", 1, 1, 3)
    withdraw(full, "a1")
    assert states(full)["a2"] == "offered"
    assert seats(full) == (1, 1, 2)
    tell(full, FIDDLE)
    assert seats(full) == (2, 2, 1)
    well(full)


def test_a_course_without_seats_takes_everybody_into_its_queue(storage: Storage) -> None:
    tell(storage, replace(FIDDLE, capacity=0))
    assert names(decide(storage, request())) == ["queued 1"]
    tell(storage, FIDDLE)
    assert states(storage) == {"a1": "offered"}


@both
def test_a_cancelled_course_ends_for_everybody_and_takes_nobody(full: Storage) -> None:
    withdraw(full, "a0")
    tell(full, CANCELLED)
    assert states(full) == {"a0": "withdrawn", **dict.fromkeys(("a1", "a2", "a3", "a4"), "course_cancelled")}
    assert {fact.outcome for fact in facts(full, ApplicationEnded)[1:]} == {"course_cancelled"}
    assert seats(full) == (2, 0, 0)
    assert names(decide(full, request("b1", pupil_id="noor"))) == ["course_cancelled"]
    seats_said(full)
    before = count(full, outbox)
    tell(full, CANCELLED, LARGER)  # a change that was on its way does not raise it from the dead
    assert names(decide(full, request("b1", pupil_id="noor"))) == ["course_cancelled"]
    assert seats_said(full)[-1] == CourseSeatsChanged("fiddle", 4, 0, 0)
    assert count(full, outbox) == before + 1  # the seats of the larger room
    well(full)


def test_a_course_that_was_never_published_can_be_cancelled(storage: Storage) -> None:
    before = count(storage, outbox)
    tell(storage, CourseCancelled("unheard-of", LocalText("a", "b")))
    assert (count(storage, courses), count(storage, outbox)) == (3, before)


def test_a_member_that_joins_or_leaves_counts_from_its_day(storage: Storage, clock: FixedClock) -> None:
    asked = request(pupil_id="tove")
    assert names(decide(storage, asked)) == ["home_municipality_not_a_member"]
    tell(storage, MunicipalityRegistered(UTBY, "Utby", None, date(2026, 11, 25), None))
    assert names(decide(storage, asked)) == ["home_municipality_not_a_member"]
    clock.time += timedelta(days=1)
    assert names(decide(storage, asked)) == ["placed"]
    tell(storage, MunicipalityRegistered(UTBY, "Utby", None, date(2026, 11, 25), date(2026, 11, 25)))
    clock.time += timedelta(days=1)
    assert names(decide(storage, request("a2", "circus", "tove"))) == ["home_municipality_not_a_member"]
    assert states(storage) == {"a1": "placed"}  # what was decided stays decided


def test_a_new_name_is_shown_at_once(storage: Storage) -> None:
    tell(storage, MunicipalityRegistered(SODERBY, "Nya Söderby", None, date(2015, 1, 1), None))
    with storage.reading() as connection:
        assert queries.municipality_names(connection)[SODERBY] == "Nya Söderby"


def test_a_changed_rule_book_orders_the_queue_that_is_there(storage: Storage) -> None:
    tell(storage, replace(FIDDLE, capacity=0))
    decide(storage, request("a1", pupil_id="noor"), request("a2", pupil_id="alma"))
    tell(
        storage,
        RuleBookPublished(
            "norrby-2024", replace(NORRBYS_RULES, order=("host_residents_first", "queue_date"))
        ),
    )
    assert names(decide(storage, request("a1", pupil_id="noor"), request("a2"))) == ["queued 2", "queued 1"]
    tell(storage, replace(FIDDLE, capacity=1))
    assert states(storage) == {"a1": "queued", "a2": "offered"}


def test_a_moved_period_of_application_counts_at_once(storage: Storage) -> None:
    tell(storage, replace(TERM, apply_from=date(2026, 12, 1)))
    assert names(decide(storage, request())) == ["application_period_closed"]
    tell(storage, replace(TERM, apply_from=None, apply_until=None))
    assert names(decide(storage, request())) == ["placed"]


def test_a_host_that_is_not_named_yet_shares_with_nobody(storage: Storage) -> None:
    tell(storage, replace(FIDDLE, course_id="far", municipality_code="1999", school_name="Fjärran"))
    assert names(decide(storage, request(course_id="far"))) == ["host_municipality_not_a_member"]


class TestDelivery:
    """Through the inbox and the worker, in whatever order other subjects come."""

    def envelopes(self, *told: Fact) -> list[Envelope]:
        return [
            envelop(
                fact,
                message_id=f"m{sequence}",
                sequence=sequence,
                now=NOW,
                correlation_id=f"m{sequence}",
                causation_id=None,
                traceparent=None,
            )
            for sequence, fact in enumerate(told, start=1)
        ]

    def deliver(self, storage: Storage, envelopes: Iterable[Envelope]) -> None:
        inbox.store(storage, [envelope.to_json().encode() for envelope in envelopes])
        worker = Worker("enrolment", storage, REACTIONS)
        while worker.run_once() == 0:
            pass

    def failures(self, storage: Storage) -> int:
        with storage.reading() as connection:
            return connection.scalar(sa.text("SELECT count(*) FROM inbox WHERE handled_at IS NULL")) or 0

    def test_delivered_twice_is_said_once(self, full: Storage) -> None:
        told = self.envelopes(*CATALOGUE, LARGER, CANCELLED)
        self.deliver(full, told)
        after = (count(full, outbox), states(full))
        self.deliver(full, told)
        assert (count(full, outbox), states(full)) == after
        assert self.failures(full) == 0
        assert set(states(full).values()) == {"course_cancelled"}

    def test_a_course_may_come_before_its_term_and_rules(self, storage: Storage) -> None:
        rules = replace(NORRBYS_RULES, rule_book_id="norrby-2027")
        course = replace(FIDDLE, course_id="new", term_id="ht27", rule_book_id="norrby-2027")
        told = self.envelopes(course, replace(TERM, term_id="ht27"), RuleBookPublished("norrby-2027", rules))
        self.deliver(storage, told[:1])
        with storage.reading() as connection:
            assert queries.course(connection, "new") is None
        assert names(decide(storage, request(course_id="new"))) == ["course_unknown"]
        self.deliver(storage, told[1:])
        assert names(decide(storage, request(course_id="new"))) == ["placed"]
        assert self.failures(storage) == 0

    def test_a_change_to_rules_that_have_not_come_waits_for_them(
        self, full: Storage, clock: FixedClock
    ) -> None:
        rules = replace(NORRBYS_RULES, rule_book_id="norrby-2027")
        told = self.envelopes(
            replace(LARGER, rule_book_id="norrby-2027"), RuleBookPublished("norrby-2027", rules)
        )
        self.deliver(full, told[:1])
        assert (self.failures(full), seats(full)) == (1, (2, 2, 3))
        self.deliver(full, told[1:])
        clock.time += timedelta(minutes=2)
        self.deliver(full, [])
        assert (self.failures(full), seats(full)) == (0, (4, 4, 1))
