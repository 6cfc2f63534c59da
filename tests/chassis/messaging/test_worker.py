"""From the inbox to the reactions: each effect once, in order a subject, and no fact in another one's way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa
from eventlet.event import Event
from sqlalchemy.exc import DBAPIError, IntegrityError
from structlog.testing import capture_logs

from services.chassis.clock import FixedClock
from services.chassis.messaging import parked, worker
from services.chassis.messaging.worker import MOST_ATTEMPTS, MOST_BACK_OFF_SECONDS, Worker
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import parked_actions
from services.chassis.storage.unit import Unit
from services.contracts import registry
from services.contracts.catalogue import CourseCancelled
from services.contracts.enrolment import CourseSeatsChanged
from tests.chassis.conftest import OpenStorage
from tests.chassis.facts import (
    NOW,
    cancelled,
    enveloped,
    inbox_row,
    inbox_rows,
    leave_mark,
    log_of,
    marks,
    message,
    messages,
)
from tests.contracts.test_samples import V1, V2, V3, CourseCancelledV2, CourseCancelledV3

React = Callable[[Unit, CourseCancelled], None]


def mark(unit: Unit, fact: CourseCancelled) -> None:
    leave_mark(unit, fact.course_id)


def worker_of(storage: Storage, react: React = mark) -> Worker:
    return Worker("enrolment", storage, {CourseCancelled: react})


def raising_for(subject: str, error: Exception) -> React:
    def react(unit: Unit, fact: CourseCancelled) -> None:
        leave_mark(unit, fact.course_id)
        if fact.course_id == subject:
            raise error

    return react


def states(storage: Storage) -> dict[str, str]:
    return {
        row.subject if row.sequence else "unreadable": "parked"
        if row.parked_at
        else "handled"
        if row.handled_at
        else f"tried {row.attempts}"
        for row in inbox_rows(storage)
    }


class TestHandling:
    def test_effect_mark_and_own_facts_come_together(self, storage: Storage) -> None:
        def react(unit: Unit, fact: CourseCancelled) -> None:
            mark(unit, fact)
            unit.record(CourseSeatsChanged(fact.course_id, 10, 0, 0))

        inbox.store(storage, messages("ab"))
        assert worker_of(storage, react).run_once() == 0.0
        assert marks(storage) == ["a", "b"]
        assert states(storage) == {"a": "handled", "b": "handled"}
        own = log_of(storage, "enrolment")
        assert [(each.subject, each.causationid) for each in own] == [
            ("a", "catalogue-1"),
            ("b", "catalogue-2"),
        ]

    def test_when_nothing_waits_it_rests(self, storage: Storage) -> None:
        assert worker_of(storage).run_once() > 0

    def test_a_fact_nobody_reacts_to_is_handled(self, storage: Storage) -> None:
        inbox.store(storage, messages("a"))
        Worker("enrolment", storage, {}).run_once()
        assert states(storage) == {"a": "handled"}

    def test_many_facts_take_one_transaction_a_batch(
        self, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker, "BATCH", 20)
        inbox.store(storage, messages([f"c{n:02}" for n in range(50)]))
        commits = Counter[str]()
        sa.event.listen(storage.engine, "commit", lambda _connection: commits.update(["commit"]))
        at_work = worker_of(storage)
        at_work._began = True
        rests = [at_work.run_once() for _ in range(4)]
        assert rests[:3] == [0.0, 0.0, 0.0]
        assert rests[3] > 0
        assert marks(storage) == [f"c{n:02}" for n in range(50)]
        # PostgreSQL's lock is a transaction of its own that writes nothing.
        assert commits["commit"] <= 3 + (4 if storage.engine.name == "postgresql" else 0)

    def test_handling_the_same_deliveries_again_changes_nothing(self, storage: Storage) -> None:
        for _ in range(3):
            inbox.store(storage, messages("abc"))
            worker_of(storage).run_once()
        assert marks(storage) == ["a", "b", "c"]


class TestFailing:
    def test_one_that_fails_takes_nothing_with_it(self, storage: Storage) -> None:
        inbox.store(storage, messages("abc"))
        worker_of(storage, raising_for("b", ValueError("no such course"))).run_once()
        assert marks(storage) == ["a", "c"]
        assert states(storage) == {"a": "handled", "b": "tried 1", "c": "handled"}
        row = inbox_row(storage, "catalogue-2")
        assert row.last_error == "ValueError: no such course"
        assert NOW + timedelta(seconds=0.5) <= row.next_attempt_at <= NOW + timedelta(seconds=1)

    def test_later_facts_of_its_subject_wait_and_follow_in_order(
        self, storage: Storage, clock: FixedClock
    ) -> None:
        seen: list[tuple[str, int]] = []
        broken = True

        def react(unit: Unit, fact: CourseCancelled) -> None:
            if fact.course_id == "a" and broken:
                raise ValueError
            seen.append((fact.course_id, unit.cause.sequence if unit.cause else 0))

        inbox.store(storage, messages("abab"))
        at_work = worker_of(storage, react)
        at_work.run_once()
        at_work.run_once()
        assert {each for each in seen} == {("b", 2), ("b", 4)}
        broken = False
        clock.time += timedelta(minutes=5)
        at_work.run_once()
        assert seen[-2:] == [("a", 1), ("a", 3)]

    def test_attempts_grow_apart_and_end_in_parking(self, storage: Storage, clock: FixedClock) -> None:
        random.seed(1)
        inbox.store(storage, messages("aab"))
        at_work = worker_of(storage, raising_for("a", ValueError("broken")))
        waits = []
        for attempt in range(1, MOST_ATTEMPTS + 1):
            at_work.run_once()
            row = inbox_row(storage, "catalogue-1")
            assert row.attempts == attempt
            if attempt < MOST_ATTEMPTS:
                waits.append((row.next_attempt_at - clock.time).total_seconds())
                clock.time = row.next_attempt_at
        longest = [min(0.5 * 2**n, MOST_BACK_OFF_SECONDS) for n in range(1, MOST_ATTEMPTS)]
        assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))
        assert (row.parked_at, row.next_attempt_at, row.last_error) == (
            clock.time,
            None,
            "ValueError: broken",
        )
        clock.time += timedelta(days=30)
        at_work.run_once()
        assert states(storage) == {"a": "tried 0", "b": "handled"}  # the later fact of a waits behind it
        assert inbox_row(storage, "catalogue-1").attempts == MOST_ATTEMPTS

    def test_poison_among_many_stops_nobody(self, storage: Storage) -> None:
        subjects = [f"c{n}" for n in range(60)]
        bodies = messages(subjects)
        bodies[7] = enveloped(cancelled("c7"), 8, data={"course_id": "c7"}).to_json().encode()
        bodies[20] = enveloped(cancelled("c20"), 21, type=V2).to_json().encode()
        inbox.store(storage, [*bodies, b"not even JSON"])
        with capture_logs() as logs:
            worker_of(storage, raising_for("c40", ValueError("x"))).run_once()
        wrong = {"c7": "parked", "c20": "parked", "c40": "tried 1", "unreadable": "parked"}
        assert {subject: state for subject, state in states(storage).items() if state != "handled"} == wrong
        assert len(marks(storage)) == 57
        assert inbox_row(storage, "catalogue-8").last_error.startswith("ValidationError: {'reason'")
        assert inbox_row(storage, "catalogue-21").last_error == f"UnknownFact: {V2}"
        loud = [each["message_id"] for each in logs if each["event"] == "fact_parked"]
        assert sorted(loud) == ["catalogue-21", "catalogue-8"]
        assert {each["log_level"] for each in logs if each["event"] == "fact_parked"} == {"error"}

    def test_what_is_kept_of_an_error_names_nobody(self, storage: Storage) -> None:
        """A database's error tells the row it was about: it would stand on the operations page."""

        def react(unit: Unit, fact: CourseCancelled) -> None:
            row = {"id": "same", "action": "", "by": "Maria Exempel", "reason": "", "at": unit.now}
            unit.execute(sa.insert(parked_actions), [{**row, "message_id": "1"}, {**row, "message_id": "2"}])

        inbox.store(storage, messages("a"))
        worker_of(storage, react).run_once()
        error = inbox_row(storage, "catalogue-1").last_error
        assert error.startswith(IntegrityError.__name__)
        assert "Maria" not in error
        assert "\n" not in error

    def test_when_the_database_is_away_no_attempt_is_counted(
        self, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inbox.store(storage, messages("ab"))
        at_work = worker_of(storage)
        with monkeypatch.context() as patch:
            patch.setattr(storage, "unit", _gone)
            with pytest.raises(DBAPIError):
                at_work.run_once()
        assert states(storage) == {"a": "tried 0", "b": "tried 0"}
        at_work.run_once()
        assert states(storage) == {"a": "handled", "b": "handled"}


def _gone(**_rest: Any) -> Any:
    raise DBAPIError("SELECT 1", {}, Exception("server closed the connection"))


class TestSideBySide:
    """Two workers of one service never have one subject in hand at the same time."""

    def test_two_workers_share_a_long_inbox(self, backend: str, open_storage: OpenStorage) -> None:
        storages = [open_storage("enrolment") for _ in range(2)]
        if backend == "sqlite":
            storages[1] = storages[0]  # one process: one storage
        in_hand: Counter[str] = Counter()
        order: dict[str, list[int]] = {}

        def react(unit: Unit, fact: CourseCancelled) -> None:
            in_hand[fact.course_id] += 1
            assert in_hand[fact.course_id] == 1
            eventlet.sleep(0.001)
            assert unit.cause is not None
            order.setdefault(fact.course_id, []).append(unit.cause.sequence)
            leave_mark(unit, f"{unit.cause.sequence:03}")
            in_hand[fact.course_id] -= 1

        inbox.store(storages[0], messages([f"c{n % 7}" for n in range(120)]))

        def work(storage: Storage) -> int:
            at_work, turns = worker_of(storage, react), 0
            while any(row.handled_at is None for row in inbox_rows(storage)):
                turns += at_work.run_once() == 0.0
                eventlet.sleep(0.001)
            return turns

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worker, "BATCH", 10)
            threads = [eventlet.spawn(work, each) for each in storages]
            turns = [thread.wait() for thread in threads]
        assert sum(turns) >= 12
        assert marks(storages[0]) == [f"{n:03}" for n in range(1, 121)]
        assert all(sequences == sorted(sequences) for sequences in order.values())
        assert all(row.attempts == 0 for row in inbox_rows(storages[0]))

    @pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
    def test_a_worker_whose_lock_broke_has_no_effect_beside_its_successor(
        self, open_storage: OpenStorage
    ) -> None:
        """The lock's connection is cut while the reaction runs: the other worker begins with the same facts,
        waits for the first one's rows, and finds them handled."""
        here, there = open_storage("enrolment"), open_storage("enrolment")
        inbox.store(here, messages("ab"))
        begun, go_on = Event(), Event()

        def slow(unit: Unit, fact: CourseCancelled) -> None:
            if not begun.ready():
                begun.send()
                go_on.wait()
            mark(unit, fact)

        first = eventlet.spawn(_run_quietly, worker_of(here, slow))
        begun.wait()
        with there.reading() as connection:
            cut = sa.text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks "
                "WHERE locktype = 'advisory' AND granted "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            assert connection.execute(cut).scalars().all() == [True]
        second = eventlet.spawn(worker_of(there).run_once)
        eventlet.sleep(0.3)
        assert not second.dead  # it waits for the rows
        go_on.send()
        first.wait()
        assert second.wait() > 0
        assert marks(here) == ["a", "b"]
        assert {row.attempts for row in inbox_rows(here)} == {0}

    def test_facts_another_has_handled_meanwhile_are_left_alone(
        self, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As with two processes on one SQLite file, which know nothing of each other's lock."""
        inbox.store(storage, messages("ab"))
        with storage.reading() as connection:
            stale = inbox.ready(connection, NOW, 10)
        worker_of(storage).run_once()
        monkeypatch.setattr(inbox, "ready", lambda *_: stale)
        assert worker_of(storage).run_once() > 0
        assert marks(storage) == ["a", "b"]
        assert states(storage) == {"a": "handled", "b": "handled"}


def _run_quietly(at_work: Worker) -> None:
    """Its lock's connection is gone, which it notices at the end."""
    with pytest.raises(DBAPIError):
        at_work.run_once()


class TestVersions:
    """Old and new versions of a fact in flight together, before and after this service learns the new one."""

    @pytest.fixture
    def both(self, storage: Storage) -> Storage:
        newer = CourseCancelledV3("b", "Is på vägen.", "Ice on the road.", "adults")
        middle = CourseCancelledV2("d", cancelled().reason, "adults")
        bodies = [
            message(cancelled("a"), 1),
            message(newer, 2),
            message(cancelled("b"), 3),
            message(middle, 4),
            message(cancelled("c"), 5),
        ]
        inbox.store(storage, bodies)
        return storage

    @staticmethod
    def learn(monkeypatch: pytest.MonkeyPatch) -> None:
        newer = {name: fact for name, fact in registry.FACTS.items() if name != V1}
        monkeypatch.setattr(registry, "FACTS", {**newer, V3: CourseCancelledV3})

        def from_v2(data: dict[str, Any]) -> dict[str, Any]:
            reason = data.pop("reason")
            return {**data, "reason_sv": reason["sv"], "reason_en": reason["en"]}

        upcasters = {V1: (V2, lambda data: {**data, "pupils": "all"}), V2: (V3, from_v2)}
        monkeypatch.setattr(registry, "UPCASTERS", upcasters)

    @staticmethod
    def newer_worker(storage: Storage) -> Worker:
        def react(unit: Unit, fact: CourseCancelledV3) -> None:
            leave_mark(unit, f"{fact.course_id} {fact.pupils}")

        return Worker("enrolment", storage, {CourseCancelledV3: react})

    def test_a_service_that_knows_them_handles_all_as_the_newest(
        self, both: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.learn(monkeypatch)
        self.newer_worker(both).run_once()
        assert marks(both) == ["a all", "b adults", "b all", "c all", "d adults"]

    def test_one_that_does_not_parks_them_and_takes_them_up_once_it_has_learned(
        self, both: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        older = worker_of(both)
        older.run_once()
        older.run_once()
        assert marks(both) == ["a", "c"]
        assert [row.type for row in parked.listed(both)] == [V3, V2]
        worker_of(both).run_once()  # a restart of the same release changes nothing
        assert [row.type for row in parked.listed(both)] == [V3, V2]
        assert _replayed(both) == []
        self.learn(monkeypatch)
        self.newer_worker(both).run_once()
        assert marks(both) == ["a", "b adults", "b all", "c", "catalogue-2", "catalogue-4", "d adults"]
        assert parked.listed(both) == []
        assert _replayed(both) == [("catalogue-2", "release"), ("catalogue-4", "release")]


def _replayed(storage: Storage) -> list[tuple[str, str]]:
    return sorted((each.message_id, each.by) for each in parked.actions(storage) if each.action == "replay")
