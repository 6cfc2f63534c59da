"""State and facts are committed together or not at all; facts are numbered in the order of the commits."""

from __future__ import annotations

from datetime import UTC, date, datetime

import eventlet
import pytest
import sqlalchemy as sa
from eventlet.event import Event

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.contracts.billing import CostSharesComputed
from services.contracts.catalogue import CourseCancelled
from services.contracts.enrolment import CourseSeatsChanged, PupilNamed
from services.contracts.envelope import MAX_BYTES, MalformedEnvelope
from services.contracts.fact import LocalText
from tests.chassis.conftest import OpenStorage
from tests.chassis.facts import (
    NOW,
    cancelled,
    enveloped,
    leave_mark,
    log_of,
    marks,
    record,
    stream,
)


def seats(course_id: str) -> CourseSeatsChanged:
    return CourseSeatsChanged(course_id, capacity=10, taken=3, waiting=0)


def test_state_and_facts_are_committed_together(storage: Storage) -> None:
    with storage.unit() as unit:
        leave_mark(unit, "one")
        unit.record(seats("c1"))
    assert marks(storage) == ["one"]
    assert [envelope.data["course_id"] for envelope in log_of(storage, "enrolment")] == ["c1"]
    assert stream(storage, "enrolment") == (1, 0)


def test_an_exception_takes_both_back(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError), storage.unit() as unit:
        leave_mark(unit, "one")
        unit.record(seats("c1"))
        raise ZeroDivisionError
    assert (marks(storage), log_of(storage, "enrolment"), stream(storage, "enrolment")) == ([], [], (0, 0))


def test_a_fact_that_cannot_be_written_takes_the_state_back(storage: Storage) -> None:
    """Here: a fact whose stream this database does not have."""
    unknown = type("Unknown", (CourseCancelled,), {"SOURCE": "nowhere"})
    with pytest.raises(LookupError, match="nowhere"), storage.unit() as unit:
        leave_mark(unit, "one")
        unit.record(seats("c1"))
        unit.record(unknown("c1", LocalText("a", "b")))
    assert (marks(storage), log_of(storage, "enrolment"), stream(storage, "enrolment")) == ([], [], (0, 0))


@pytest.mark.parametrize("course_id", ["", "c" * 129, "c\x00"], ids=["empty", "long", "nul"])
def test_a_fact_that_no_reader_could_read_is_refused_where_it_is_made(
    storage: Storage, course_id: str
) -> None:
    """A reader that cannot read a message never gets past its sequence: the whole stream would stand."""
    with pytest.raises(MalformedEnvelope), storage.unit() as unit:
        leave_mark(unit, "one")
        unit.record(seats(course_id))
    assert (marks(storage), stream(storage, "enrolment")) == ([], (0, 0))


def test_a_fact_longer_than_a_message_may_be_is_refused_where_it_is_made(open_storage: OpenStorage) -> None:
    """The limit is in bytes, and an å takes two."""
    storage = open_storage("catalogue")
    with pytest.raises(MalformedEnvelope, match="longer"), storage.unit() as unit:
        unit.record(CourseCancelled("c1", LocalText("å" * (MAX_BYTES // 2), "b")))
    assert stream(storage, "catalogue") == (0, 0)


def test_what_no_json_can_say_is_refused_where_it_is_made(open_storage: OpenStorage) -> None:
    storage = open_storage("catalogue")
    with pytest.raises(ValueError), storage.unit() as unit:  # noqa: PT011 (which one depends on the driver)
        leave_mark(unit, "one")
        unit.record(CourseCancelled("c1", LocalText("\ud800", "b")))
    assert (marks(storage), stream(storage, "catalogue")) == ([], (0, 0))


def test_the_bell_rings_after_a_commit_with_facts_and_only_then(storage: Storage) -> None:
    seen: list[int] = []
    storage.facts_recorded = lambda: seen.append(len(log_of(storage, "enrolment")))
    with storage.unit() as unit:
        leave_mark(unit, "nothing to tell")
    with pytest.raises(ZeroDivisionError), storage.unit() as unit:
        unit.record(seats("c1"))
        raise ZeroDivisionError
    assert seen == []
    record(storage, seats("c1"), seats("c2"))
    assert seen == [2]


def test_each_stream_counts_for_itself(storage: Storage) -> None:
    record(storage, seats("c1"), PupilNamed("p1", "Alma"), seats("c2"))
    record(storage, PupilNamed("p2", "Leo"))
    assert [e.subject for e in log_of(storage, "enrolment")] == ["c1", "c2"]
    assert [e.subject for e in log_of(storage, "enrolment.contacts")] == ["p1", "p2"]
    assert (stream(storage, "enrolment"), stream(storage, "enrolment.contacts")) == ((2, 0), (2, 0))


def test_facts_keep_the_order_they_were_recorded_in(storage: Storage) -> None:
    subjects = [f"c{n}" for n in (5, 1, 4, 2, 3)]
    record(storage, *map(seats, subjects))
    log = log_of(storage, "enrolment")
    assert [e.subject for e in log] == subjects
    assert [e.sequence for e in log] == [1, 2, 3, 4, 5]


def test_a_command_begins_a_story_and_a_reaction_goes_on_with_it(storage: Storage) -> None:
    cause = enveloped(cancelled(), 7, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    record(storage, seats("command"))
    with storage.unit(cause=cause) as unit:
        assert unit.cause is cause
        unit.record(seats("reaction"))
    command, reaction = log_of(storage, "enrolment")
    assert (command.correlationid, command.causationid) == (command.id, None)
    assert (reaction.correlationid, reaction.causationid) == (cause.correlationid, cause.id)
    assert reaction.traceparent == cause.traceparent


def test_time_stands_still_in_a_unit_and_today_is_the_day_in_sweden(
    storage: Storage, clock: FixedClock
) -> None:
    clock.time = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    with storage.unit() as unit:
        clock.time = datetime(2027, 6, 1, tzinfo=UTC)
        assert unit.now == datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
        assert unit.today == date(2027, 1, 1)
        unit.record(seats("c1"))
    (envelope,) = log_of(storage, "enrolment")
    assert envelope.time == datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


def test_the_message_id_is_new_for_each_fact(storage: Storage) -> None:
    record(storage, *[seats("same") for _ in range(20)])
    assert len({e.id for e in log_of(storage, "enrolment")}) == 20


def test_no_two_facts_have_the_same_sequence_and_none_is_left_out(
    backend: str, open_storage: OpenStorage
) -> None:
    """Families at once, some of whom are refused at the last moment. A look at any time sees no gap."""
    storages = [open_storage("enrolment") for _ in range(3 if backend == "postgresql" else 1)]
    committed: list[str] = []

    def family(number: int) -> None:
        for turn in range(8):
            try:
                with storages[number % len(storages)].unit() as unit:
                    facts = [seats(f"{number}-{turn}-{each}") for each in range((number + turn) % 4)]
                    for fact in facts:
                        unit.record(fact)
                    eventlet.sleep(0.001 * (number % 3))
                    if (number + turn) % 5 == 0:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue
            committed.extend(fact.course_id for fact in facts)

    working = [eventlet.spawn(family, number) for number in range(6)]
    looks = 0
    while not all(thread.dead for thread in working):
        with storages[0].reading() as connection:
            seen = list(connection.scalars(sa.select(outbox.c.sequence).order_by(outbox.c.sequence)))
        assert seen == list(range(1, len(seen) + 1))
        looks += 1
        eventlet.sleep(0.002)
    for thread in working:
        thread.wait()
    log = log_of(storages[0], "enrolment")
    assert looks > 5
    assert [e.sequence for e in log] == list(range(1, len(committed) + 1))
    assert sorted(e.subject for e in log) == sorted(committed)
    assert stream(storages[0], "enrolment") == (len(committed), 0)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_sequence_is_the_order_of_the_commits_and_not_of_the_records(open_storage: OpenStorage) -> None:
    """Otherwise the relay, which goes by sequence, would pass over what commits late. SQLite has one writer
    at a time, so the two orders cannot differ there."""
    slow, quick = open_storage("enrolment"), open_storage("enrolment")
    recorded, go_on = Event(), Event()

    def first_to_record() -> None:
        with slow.unit() as unit:
            unit.record(seats("first to record"))
            recorded.send()
            go_on.wait()

    thread = eventlet.spawn(first_to_record)
    recorded.wait()
    record(quick, seats("first to commit"))
    go_on.send()
    thread.wait()
    assert [e.subject for e in log_of(slow, "enrolment")] == ["first to commit", "first to record"]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_units_over_several_streams_do_not_deadlock(open_storage: OpenStorage) -> None:
    """They take the streams' counters in the order of their names, however the facts were recorded."""
    storage = open_storage("enrolment")

    def one(number: int) -> None:
        facts = [seats(f"c{number}"), PupilNamed(f"p{number}", "Alma")]
        record(storage, *(facts if number % 2 else reversed(facts)))

    for thread in [eventlet.spawn(one, number) for number in range(20)]:
        thread.wait()
    assert (stream(storage, "enrolment"), stream(storage, "enrolment.contacts")) == ((20, 0), (20, 0))


def test_rows_row_and_execute_see_what_the_unit_has_written(storage: Storage) -> None:
    query = sa.select(outbox.c.sequence)
    with storage.unit() as unit:
        assert unit.row(query) is None
        assert list(unit.rows(query)) == []
    record(storage, seats("c1"), seats("c2"))
    with storage.unit() as unit:
        assert [row.sequence for row in unit.rows(query.order_by(outbox.c.sequence))] == [1, 2]
        assert unit.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one() == 2


def test_a_fact_is_logged_with_its_type_and_time(open_storage: OpenStorage) -> None:
    storage = open_storage("billing")
    record(storage, CostSharesComputed("run-1", 2025, 100, date(2024, 12, 31), ()))
    with storage.reading() as connection:
        row = connection.execute(sa.select(outbox)).one()
    assert (row.source, row.type, row.recorded_at) == (
        "billing",
        "se.samklang.billing.cost_shares_computed.v1",
        NOW,
    )
    (envelope,) = log_of(storage, "billing")
    assert row.message_id == envelope.id
