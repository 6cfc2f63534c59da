"""The decider: every caller gets its own answer, whatever happens to the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.messaging.entrypoints import Bell, Bells
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.enrolment import decider as room
from services.enrolment.checks import check
from services.enrolment.decider import Decider
from services.enrolment.domain.requests import ApplicationRequest, Outcome
from services.enrolment.tables import applications, courses
from tests.enrolment.conftest import both
from tests.enrolment.story import children, count, request, seats


class Callers:
    """Green threads that wait for the decider, as requests do."""

    def __init__(self, decider: Decider) -> None:
        self.decider = decider
        self.threads: list[Any] = []

    def ask(self, *requests: ApplicationRequest) -> None:
        self.threads += [eventlet.spawn(self._answer, each) for each in requests]
        eventlet.sleep(0)  # all of them stand in line now

    def _answer(self, asked: ApplicationRequest) -> Outcome | str:
        """The outcome, the refusal's name, or what else was raised."""
        try:
            return self.decider.decide(asked)
        except Refused as refused:
            return refused.refusal.name
        except Exception as error:
            return type(error).__name__

    def answers(self) -> list[Outcome | str]:
        with eventlet.Timeout(30):
            return [thread.wait() for thread in self.threads]

    def states(self) -> list[str]:
        return [each if isinstance(each, str) else each.state for each in self.answers()]


@pytest.fixture
def decider(storage: Storage) -> Decider:
    return Decider(storage, Bells())


@pytest.fixture
def callers(decider: Decider) -> Callers:
    return Callers(decider)


@pytest.fixture
def commits(storage: Storage) -> Iterator[list[None]]:
    """Grows by one for every transaction that is committed."""
    seen: list[None] = []

    def on_commit(_connection: sa.Connection) -> None:
        seen.append(None)

    sa.event.listen(storage.engine, "commit", on_commit)
    yield seen
    sa.event.remove(storage.engine, "commit", on_commit)


def test_with_nobody_waiting_it_rests(decider: Decider, commits: list[None]) -> None:
    assert decider.run_once() == 1.0
    assert commits == []


def test_those_who_arrive_together_are_decided_together(
    storage: Storage, decider: Decider, callers: Callers, commits: list[None]
) -> None:
    ids = children(storage, 20)
    commits.clear()
    callers.ask(*(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    assert decider.run_once() == 0.0
    answers = callers.answers()
    assert len(commits) == 1
    assert [a.application_id for a in answers if isinstance(a, Outcome)] == [f"a{n}" for n in range(20)]
    assert [a.position for a in answers if isinstance(a, Outcome)] == [None, None, *range(1, 19)]
    assert decider.run_once() == 1.0


@pytest.mark.parametrize(("most", "transactions"), [(1, 7), (3, 3), (7, 1), (8, 1)])
def test_a_batch_is_bounded(storage: Storage, commits: list[None], most: int, transactions: int) -> None:
    ids = children(storage, 7)
    commits.clear()
    decider = Decider(storage, Bells(), most)
    callers = Callers(decider)
    callers.ask(*(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    while decider.run_once() == 0.0:
        pass
    assert callers.states() == ["placed"] * 2 + ["queued"] * 5
    assert len(commits) == transactions


def test_a_refusal_is_raised_to_its_caller_alone(decider: Decider, callers: Callers) -> None:
    callers.ask(request("a1", pupil_id="leo"), request("a2", pupil_id="alma"), request("a3", "nothing"))
    decider.run_once()
    assert callers.states() == ["pupil_too_old", "placed", "course_unknown"]


def test_the_bell_wakes_the_loop(storage: Storage) -> None:
    bells, bell = Bells(), Bell()
    bells.hang("applications", bell)
    decider = Decider(storage, bells)
    callers = Callers(decider)

    def work() -> None:
        while True:
            bell.clear()
            rest = decider.run_once()
            if rest:
                bell.wait(60 * rest)

    worker = eventlet.spawn(work)
    eventlet.sleep(0)
    callers.ask(request())
    assert callers.states() == ["placed"]
    worker.kill()


@both
def test_one_that_fails_takes_nobody_with_it(storage: Storage, decider: Decider, callers: Callers) -> None:
    """Half a character, which no database takes, in the middle of a batch."""
    ids = children(storage, 4)
    broken = replace(request("a9", pupil_id=ids[3]), by="half \ud800 of it")
    whole = [request(f"a{n}", pupil_id=each) for n, each in enumerate(ids[:3])]
    callers.ask(whole[0], broken, *whole[1:])
    assert decider.run_once() == 0.0
    assert callers.states() == ["placed", "UnicodeEncodeError", "placed", "queued"]
    assert (seats(storage), count(storage, applications)) == ((2, 2, 1), 3)
    with storage.reading() as connection:
        assert check(connection) == []


def test_a_database_that_is_away_is_told_to_everybody_and_comes_back(
    storage: Storage, decider: Decider, callers: Callers
) -> None:
    with storage.unit() as unit:
        unit.connection.exec_driver_sql("ALTER TABLE courses RENAME TO away")
    callers.ask(request("a1"), request("a2", pupil_id="noor"))
    decider.run_once()
    assert callers.states() == ["OperationalError"] * 2
    with storage.unit() as unit:
        unit.connection.exec_driver_sql("ALTER TABLE away RENAME TO courses")
    again = Callers(decider)
    again.ask(request("a1"), request("a2", pupil_id="noor"))
    decider.run_once()
    assert again.states() == ["placed"] * 2


def test_more_than_can_be_answered_in_time_are_told_at_once(
    storage: Storage, decider: Decider, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_WAITING", 3)
    ids = children(storage, 5)
    callers.ask(*(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    assert [thread.dead for thread in callers.threads] == [False, False, False, True, True]
    decider.run_once()
    assert callers.states() == ["placed", "placed", "queued", "too_busy", "too_busy"]
    with pytest.raises(Refused) as caught:
        monkeypatch.setattr(room, "MOST_WAITING", 0)
        decider.decide(request("b1"))
    assert caught.value.refusal.status == 503


def test_who_waited_too_long_may_ask_again_and_has_one_application(
    storage: Storage, decider: Decider, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ANSWER_SECONDS", 0.01)
    callers.ask(request("a1"))
    assert callers.states() == ["too_busy"]
    monkeypatch.undo()
    again = Callers(decider)
    again.ask(request("a1"), request("a2", pupil_id="noor"))
    decider.run_once()  # the first one too, whose caller has left
    first, second = again.answers()
    assert isinstance(first, Outcome)
    assert isinstance(second, Outcome)
    assert (first.state, first.already, second.state, second.already) == ("placed", True, "placed", False)
    assert (seats(storage), count(storage, applications)) == ((2, 2, 0), 2)


@both
def test_a_thousand_at_once_for_thirty_seats(storage: Storage, decider: Decider, callers: Callers) -> None:
    with storage.unit() as unit:
        thirty = sa.update(courses).where(courses.c.course_id == "fiddle")
        unit.execute(thirty.values(capacity=30, published_capacity=30))
    ids = children(storage, 1000)
    callers.ask(*(request(f"a{n:04d}", pupil_id=each) for n, each in enumerate(ids)))
    while decider.run_once() == 0.0:
        pass
    assert callers.states() == ["placed"] * 30 + ["queued"] * 970
    assert seats(storage) == (30, 30, 970)


@both
def test_many_at_once_are_a_rush_for_a_moment(storage: Storage, decider: Decider, callers: Callers) -> None:
    now = time.monotonic()
    assert not decider.is_rush(now)
    ids = children(storage, 3 + room.RUSH_BATCH)
    callers.ask(*(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids[:3])))
    decider.run_once()
    assert not decider.is_rush(time.monotonic())
    callers.ask(*(request(f"b{n}", pupil_id=each) for n, each in enumerate(ids[3:])))
    decider.run_once()
    now = time.monotonic()
    assert decider.is_rush(now)
    assert not decider.is_rush(now + room.RUSH_ENDS_SECONDS + 0.1)
