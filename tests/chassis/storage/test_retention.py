"""What is old leaves, in order, and never what somebody still needs; afterwards all is judged as before."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.chassis import consistency
from services.chassis.clock import FixedClock
from services.chassis.messaging import figures
from services.chassis.messaging.catch_up import Position, note_position
from services.chassis.messaging.worker import Worker
from services.chassis.storage import inbox, retention
from services.chassis.storage.engine import Storage
from services.chassis.storage.inbox import Received
from services.chassis.storage.retention import EVERY_SECONDS, Retention
from services.chassis.storage.tables import inbox as inbox_table
from services.chassis.storage.tables import inbox_positions, outbox, outbox_streams
from services.contracts.catalogue import CourseCancelled
from services.contracts.registry import readers_of
from tests.chassis.conftest import OpenStorage
from tests.chassis.facts import cancelled, leave_mark, log_of, marks, messages, position, record

LOG_DAYS, INBOX_DAYS = 30, 10


def retention_of(storage: Storage) -> Retention:
    return Retention("catalogue", storage, timedelta(days=LOG_DAYS), timedelta(days=INBOX_DAYS))


def prune(storage: Storage) -> int:
    """Until nothing more is old; how many turns did something."""
    turns = 0
    while retention_of(storage).run_once() != EVERY_SECONDS:
        turns += 1
    return turns


@pytest.fixture
def catalogue(open_storage: OpenStorage) -> Storage:
    return open_storage("catalogue")


def sent(storage: Storage, count: int, **received: int) -> None:
    """Facts that the broker has, of which each reader has received so many; all of them if not said."""
    record(storage, *[cancelled(f"c{n}") for n in range(count)])
    with storage.unit() as unit:
        unit.execute(sa.update(outbox_streams).values(sent_through=outbox_streams.c.last_sequence))
    heard(storage, **dict.fromkeys(readers_of("catalogue"), count) | received)


def heard(storage: Storage, **received: int) -> None:
    with storage.unit() as unit:
        for reader, through in received.items():
            note_position(unit.connection, Position(reader, "catalogue", through), unit.now)


def kept(storage: Storage) -> list[int]:
    return [envelope.sequence for envelope in log_of(storage, "catalogue")]


def pruned_through(storage: Storage, table: sa.Table = outbox_streams) -> int:
    with storage.reading() as connection:
        through: int = connection.scalar(
            sa.select(table.c.pruned_through).where(table.c.source == "catalogue")
        )
        return through


class TestFactLog:
    def test_what_is_old_and_received_by_all_leaves(self, catalogue: Storage, clock: FixedClock) -> None:
        sent(catalogue, 5)
        clock.time += timedelta(days=LOG_DAYS, seconds=1)
        sent(catalogue, 3, **dict.fromkeys(readers_of("catalogue"), 8))
        assert prune(catalogue) == 1
        assert kept(catalogue) == [6, 7, 8]
        assert pruned_through(catalogue) == 5

    def test_what_is_not_old_stays(self, catalogue: Storage, clock: FixedClock) -> None:
        sent(catalogue, 5)
        clock.time += timedelta(days=LOG_DAYS)
        assert prune(catalogue) == 0
        assert kept(catalogue) == [1, 2, 3, 4, 5]

    def test_what_the_slowest_reader_lacks_stays(self, catalogue: Storage, clock: FixedClock) -> None:
        sent(catalogue, 5, billing=2)
        clock.time += timedelta(days=1000)
        prune(catalogue)
        assert kept(catalogue) == [3, 4, 5]
        heard(catalogue, billing=4)
        prune(catalogue)
        assert kept(catalogue) == [5]

    def test_for_a_reader_that_was_never_heard_of_everything_stays(
        self, catalogue: Storage, clock: FixedClock
    ) -> None:
        record(catalogue, *[cancelled(f"c{n}") for n in range(5)])
        with catalogue.unit() as unit:
            unit.execute(sa.update(outbox_streams).values(sent_through=outbox_streams.c.last_sequence))
        heard(catalogue, enrolment=5, notifications=5)
        clock.time += timedelta(days=1000)
        prune(catalogue)
        assert kept(catalogue) == [1, 2, 3, 4, 5]

    def test_a_reader_that_is_none_any_more_keeps_nothing(
        self, catalogue: Storage, clock: FixedClock
    ) -> None:
        sent(catalogue, 5)
        heard(catalogue, retired=1)
        clock.time += timedelta(days=1000)
        prune(catalogue)
        assert kept(catalogue) == []

    def test_what_is_not_sent_stays(self, catalogue: Storage, clock: FixedClock) -> None:
        sent(catalogue, 3)
        record(catalogue, cancelled("c4"), cancelled("c5"))
        heard(catalogue, **dict.fromkeys(readers_of("catalogue"), 5))
        clock.time += timedelta(days=1000)
        prune(catalogue)
        assert kept(catalogue) == [4, 5]

    def test_behind_a_younger_one_an_old_one_stays(self, catalogue: Storage, clock: FixedClock) -> None:
        """A clock that was put back: the log is pruned from its beginning only."""
        sent(catalogue, 2)
        clock.time += timedelta(days=20)
        record(catalogue, cancelled())
        clock.time -= timedelta(days=20)
        sent(catalogue, 1, **dict.fromkeys(readers_of("catalogue"), 4))
        clock.time += timedelta(days=LOG_DAYS, seconds=1)
        prune(catalogue)
        assert kept(catalogue) == [3, 4]

    def test_batch_by_batch(
        self, catalogue: Storage, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "BATCH", 10)
        sent(catalogue, 35)
        clock.time += timedelta(days=1000)
        assert prune(catalogue) == 4
        assert kept(catalogue) == []
        assert pruned_through(catalogue) == 35

    def test_afterwards_facts_are_numbered_on_and_the_invariants_hold(
        self, catalogue: Storage, clock: FixedClock
    ) -> None:
        sent(catalogue, 5)
        clock.time += timedelta(days=1000)
        prune(catalogue)
        assert _findings(catalogue) == []
        record(catalogue, cancelled(), cancelled())
        assert kept(catalogue) == [6, 7]
        assert _findings(catalogue) == []
        assert figures.figures(catalogue, "catalogue").published == 5
        with catalogue.unit() as unit:
            unit.execute(sa.delete(outbox).where(outbox.c.sequence == 6))
        assert _findings(catalogue) == ["the fact log of catalogue has a gap"]

    def test_a_reader_that_comes_back_from_an_old_backup_is_found(
        self, catalogue: Storage, clock: FixedClock
    ) -> None:
        sent(catalogue, 5)
        clock.time += timedelta(days=1000)
        prune(catalogue)
        heard(catalogue, billing=2)
        (finding,) = _findings(catalogue)
        assert finding.startswith("billing has the facts of catalogue through 2, and the fact log no longer")

    def test_a_log_behind_its_readers_is_found(self, catalogue: Storage) -> None:
        sent(catalogue, 5, billing=9)
        (finding,) = _findings(catalogue)
        assert finding.startswith(
            "billing has the facts of catalogue through 9, and the fact log ends before"
        )


def _findings(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return consistency.check(connection, "catalogue")


def handle(storage: Storage) -> None:
    at_work = Worker(
        "enrolment", storage, {CourseCancelled: lambda unit, fact: leave_mark(unit, fact.course_id)}
    )
    while at_work.run_once() == 0.0:
        pass


def remaining(storage: Storage) -> list[int]:
    with storage.reading() as connection:
        return list(connection.scalars(sa.select(inbox_table.c.sequence).order_by(inbox_table.c.sequence)))


class TestInbox:
    def test_what_was_handled_long_ago_leaves_and_is_still_told_apart(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        inbox.store(storage, messages("abc"))
        handle(storage)
        clock.time += timedelta(days=INBOX_DAYS, seconds=1)
        prune(storage)
        assert remaining(storage) == []
        assert pruned_through(storage, inbox_positions) == 3
        assert inbox.store(storage, messages("abcd")) == Received(stored=1, duplicates=3)
        handle(storage)
        assert marks(storage) == ["a", "b", "c", "d"]
        assert position(storage, "catalogue") == 4
        assert _findings(storage) == []
        counted = figures.figures(storage, "enrolment")
        assert (counted.received, counted.handled, counted.inbox_backlog) == (4, 4, 0)

    def test_what_was_handled_lately_stays(self, storage: Storage, clock: FixedClock) -> None:
        inbox.store(storage, messages("ab"))
        clock.time += timedelta(days=INBOX_DAYS * 2)  # a long wait; what counts is when it was handled
        handle(storage)
        clock.time += timedelta(days=INBOX_DAYS)
        prune(storage)
        assert remaining(storage) == [1, 2]

    def test_a_parked_fact_and_what_came_after_it_stay(self, storage: Storage, clock: FixedClock) -> None:
        inbox.store(storage, messages("abcd"))
        with storage.unit() as unit:
            _park(unit, "catalogue-3", clock.time)
        handle(storage)
        clock.time += timedelta(days=1000)
        prune(storage)
        assert remaining(storage) == [3, 4]
        assert inbox.store(storage, messages("abcd")).duplicates == 4

    def test_what_waits_beyond_a_gap_stays(self, storage: Storage, clock: FixedClock) -> None:
        inbox.store(storage, [*messages("ab"), *messages("de", first=4)])
        handle(storage)
        clock.time += timedelta(days=1000)
        prune(storage)
        assert remaining(storage) == [4, 5]
        inbox.store(storage, messages("c", first=3))
        handle(storage)
        assert marks(storage) == ["a", "b", "c", "d", "e"]

    def test_what_was_no_fact_leaves_once_it_was_set_aside(self, storage: Storage, clock: FixedClock) -> None:
        inbox.store(storage, [b"one", b"two"])
        with storage.unit() as unit:
            first = sa.select(sa.func.min(inbox_table.c.message_id)).scalar_subquery()
            unit.execute(
                sa.update(inbox_table).where(inbox_table.c.message_id == first).values(handled_at=unit.now)
            )
        clock.time += timedelta(days=1000)
        prune(storage)
        assert len(remaining(storage)) == 1

    def test_a_duplicate_that_arrives_while_rows_leave_has_no_effect(
        self, storage: Storage, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "BATCH", 7)
        subjects = [f"c{n:02}" for n in range(40)]
        inbox.store(storage, messages(subjects))
        handle(storage)
        clock.time += timedelta(days=1000)
        dice = random.Random(5)
        bodies = messages(subjects)

        def deliver() -> int:
            stored = 0
            for _ in range(6):
                stored += inbox.store(storage, dice.sample(bodies, 20)).stored
                eventlet.sleep(0.001)
            return stored

        threads = [eventlet.spawn(prune, storage), eventlet.spawn(deliver), eventlet.spawn(deliver)]
        assert [thread.wait() for thread in threads][1:] == [0, 0]
        handle(storage)
        assert marks(storage) == subjects
        assert remaining(storage) == []


def _park(unit: Any, message_id: str, at: datetime) -> None:
    unit.execute(
        sa.update(inbox_table).where(inbox_table.c.message_id == message_id).values(attempts=8, parked_at=at)
    )


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    steps=st.lists(
        st.sampled_from(["deliver", "deliver", "handle", "prune", "wait", "park"]), min_size=5, max_size=25
    ),
    seed=st.integers(0, 2**16),
)
def test_whatever_comes_in_whatever_order_every_effect_is_there_once(
    open_storage: OpenStorage, clock: FixedClock, steps: list[str], seed: int
) -> None:
    storage, dice = _fresh(open_storage), random.Random(seed)
    bodies = messages([f"c{n:02}" for n in range(12)])
    for step in [*steps, "deliver all", "handle", "prune"]:
        if step == "deliver":
            inbox.store(storage, dice.choices(bodies, k=5))
        elif step == "deliver all":
            inbox.store(storage, bodies)
        elif step == "handle":
            handle(storage)
        elif step == "wait":
            clock.time += timedelta(days=INBOX_DAYS / 2)
        elif step == "park":
            with storage.unit() as unit:
                waiting = inbox_table.c.handled_at.is_(None)
                unit.execute(sa.update(inbox_table).where(waiting).values(attempts=8, parked_at=unit.now))
        else:
            retention_of(storage).run_once()
    with storage.unit() as unit:
        unit.execute(sa.update(inbox_table).values(parked_at=None, attempts=0))
    handle(storage)
    assert marks(storage) == [f"c{n:02}" for n in range(12)]
    assert position(storage, "catalogue") == 12


def _fresh(open_storage: OpenStorage) -> Storage:
    storage = open_storage("enrolment")
    with storage.unit() as unit:
        for table in ("inbox", "inbox_positions", "parked_actions"):
            unit.execute(sa.text(f"DELETE FROM {table}"))
    return storage
