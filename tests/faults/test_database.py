"""PostgreSQL is killed, its connections are cut at the worst moment, and its disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import SystemClock
from services.chassis.messaging.worker import Worker
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import CourseCancelled
from services.enrolment.admission import decide_applications
from services.enrolment.domain.requests import ApplicationRequest, Outcome
from tests.chassis.conftest import migrate_chassis
from tests.chassis.facts import inbox_rows, leave_mark, marks, messages
from tests.faults.crashing import AT_COMMIT
from tests.faults.disk import full
from tests.faults.proxy import Proxy, proxied
from tests.faults.world import World, until
from tests.servers.machine import free_port

CUT_SECONDS = 60
FULL_SECONDS = 60


def test_postgresql_killed_and_started_again(world: World) -> None:
    for _ in range(2):
        world.stir()
        world.postgres.kill()
        for _ in range(5):
            world.people.apply()  # nobody is answered, and nobody waits for ever
        world.postgres.start()
    for running in world.services.values():
        assert running.is_running, running.log_tail()
    until(lambda: _is_answered(world), CUT_SECONDS)
    world.settle()
    assert world.lost() == []


def _is_answered(world: World) -> bool:
    before = len(world.people.answered)
    world.people.apply()
    return len(world.people.answered) > before


@pytest.mark.parametrize("point", AT_COMMIT)
def test_a_connection_cut_between_statement_and_commit(world: World, point: str) -> None:
    """The process lives, and goes on by itself."""
    enrolment = world.enrolment
    enrolment.kill()
    enrolment.start("--cut", point, "--nth", "2")
    enrolment.wait_live()

    def is_cut() -> bool:
        world.stir()
        return enrolment.said(f"cut at {point}, time 2")

    until(is_cut, CUT_SECONDS)
    world.settle()
    assert enrolment.is_running, enrolment.log_tail()
    assert world.lost() == []


# ---------------------------------------------------------------- the answer to COMMIT is lost


@pytest.fixture(scope="module")
def database_line(running_world: World) -> Iterator[Proxy]:
    with proxied(free_port(), running_world.postgres.port) as proxy:
        yield proxy


@contextmanager
def answer_lost(storage: Storage, line: Proxy) -> Iterator[list[int]]:
    """The next COMMIT arrives, and its answer does not: what was committed looks as if it had failed."""
    committed: list[int] = []

    def on_commit(connection: sa.Connection) -> None:
        if not committed and connection.get_execution_options().get("samklang_writes"):
            committed.append(1)
            line.turn("mute")
            eventlet.spawn_after(0.5, line.turn, "reset")

    sa.event.listen(storage.engine, "commit", on_commit)
    try:
        yield committed
    finally:
        sa.event.remove(storage.engine, "commit", on_commit)


def test_a_reaction_that_was_committed_unheard_is_not_run_again(
    world: World, database_line: Proxy, request: pytest.FixtureRequest
) -> None:
    """Its effect here is a row that no constraint keeps from being there twice."""
    world.postgres.create_database("unheard")
    request.addfinalizer(lambda: world.postgres.drop_database("unheard"))
    url = world.postgres.url("unheard").replace(f":{world.postgres.port}/", f":{database_line.port}/")
    storage = Storage(url, SystemClock(), pool_size=3)
    migrate_chassis(storage)

    def react(unit: Unit, fact: CourseCancelled) -> None:
        leave_mark(unit, fact.course_id)

    worker = Worker("enrolment", storage, {CourseCancelled: react})
    subjects = [f"course-{n}" for n in range(20)]
    inbox.store(storage, messages(subjects))
    with answer_lost(storage, database_line) as committed:
        _whatever_comes(worker)
    assert committed
    for _ in range(5):
        _whatever_comes(worker)
    assert marks(storage) == sorted(subjects)
    assert all(row.handled_at is not None for row in inbox_rows(storage))
    storage.close()


def _whatever_comes(worker: Worker) -> None:
    try:
        worker.run_once()
    except sa.exc.DBAPIError:
        return  # as the loop does: it rests and goes on


def test_an_application_that_was_committed_unheard_is_there_once(world: World, database_line: Proxy) -> None:
    """The decider tries each of a failed batch alone; the application's own id tells that it is there."""
    url = world.postgres.url("enrolment").replace(f":{world.postgres.port}/", f":{database_line.port}/")
    storage = Storage(url, SystemClock(), pool_size=3)
    request = world.people.new_request()
    with answer_lost(storage, database_line) as committed, pytest.raises(sa.exc.DBAPIError):
        _decide(storage, request)
    assert committed
    again = _decide(storage, request)
    assert again.already
    assert again.application_id == request.application_id
    storage.close()
    world.settle()
    assert world.lost() == []


def _decide(storage: Storage, request: ApplicationRequest) -> Outcome:
    with storage.unit() as unit:
        [answer] = decide_applications(unit, [request])
    assert isinstance(answer, Outcome), answer
    return answer


# ---------------------------------------------------------------- the disk is full


def test_a_full_disk_refuses_and_forgets_nothing(world: World) -> None:
    """PostgreSQL may give up altogether when its log cannot be written; families see an error meanwhile.

    The quota is met at once; a tmpfs still has what PostgreSQL has set aside before, which may serve a few.
    """
    world.stir()
    with full(world.postgres):
        until(lambda: not _is_answered(world), FULL_SECONDS)
        for _ in range(3):
            world.people.apply()
    if not world.postgres.is_running:
        world.postgres.start()
    for running in world.services.values():
        assert running.is_running, running.log_tail()
    until(lambda: _is_answered(world), CUT_SECONDS)
    world.settle()
    assert world.lost() == []
