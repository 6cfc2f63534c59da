"""Looks that hold still, writers that take turns, and the lock that lets one worker work at a time."""

from __future__ import annotations

import contextlib
from pathlib import Path

import eventlet
import pytest
import sqlalchemy as sa
from eventlet.event import Event
from sqlalchemy.exc import OperationalError

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox_positions, outbox_streams
from tests.chassis.conftest import OpenStorage
from tests.chassis.facts import leave_mark, marks, position


def test_one_holder_of_a_name_at_a_time(storage: Storage) -> None:
    with storage.exclusive("worker") as first:
        with storage.exclusive("worker") as second, storage.exclusive("relay") as other:
            assert (first, second, other) == (True, False, True)
        with storage.exclusive("worker") as third:
            assert third is False  # the second one's leaving freed nothing
    with storage.exclusive("worker") as again:
        assert again is True


def test_an_exception_frees_the_name(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError), storage.exclusive("worker"):
        raise ZeroDivisionError
    with storage.exclusive("worker") as again:
        assert again is True


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_the_name_is_held_over_all_processes_of_the_service(open_storage: OpenStorage) -> None:
    here, there, elsewhere = open_storage("enrolment"), open_storage("enrolment"), open_storage("billing")
    with here.exclusive("relay"), there.exclusive("relay") as got, elsewhere.exclusive("relay") as others:
        assert got is False
        assert others is True
    with there.exclusive("relay") as got:
        assert got is True


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_killed_holder_frees_the_name(open_storage: OpenStorage) -> None:
    here, there = open_storage("enrolment"), open_storage("enrolment")
    holder = sa.text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with pytest.raises(OperationalError), here.exclusive("relay"):
        with there.reading() as connection:
            assert connection.execute(holder).scalars().all() == [True]
        with there.exclusive("relay") as got:
            assert got is True


def test_a_look_holds_still_while_others_write(storage: Storage) -> None:
    """Figures and invariants are read with several statements: they must be about one moment."""
    with storage.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(inbox_positions)) == 0
        with storage.unit() as unit:
            unit.execute(sa.insert(inbox_positions), {"source": "catalogue", "received_through": 4})
        assert connection.scalar(sa.select(sa.func.count()).select_from(inbox_positions)) == 0
    assert position(storage, "catalogue") == 4


def test_a_look_writes_nothing(storage: Storage) -> None:
    with contextlib.suppress(sa.exc.DBAPIError), storage.reading() as connection:
        connection.execute(sa.insert(inbox_positions), {"source": "catalogue", "received_through": 4})
    assert position(storage, "catalogue") is None


def test_after_a_look_units_write_as_before(storage: Storage) -> None:
    """The connection goes back to the pool as it was."""
    for _ in range(3):
        with storage.reading() as connection:
            connection.execute(sa.select(outbox_streams)).all()
        with storage.unit() as unit:
            leave_mark(unit, "m")
    assert marks(storage) == ["m", "m", "m"]


def test_writers_take_turns_without_error(storage: Storage) -> None:
    """Green threads that read, rest and write the same row: no update is lost, nobody is turned away."""
    with storage.unit() as unit:
        unit.execute(sa.insert(inbox_positions), {"source": "s", "received_through": 0})
    query = sa.select(inbox_positions.c.received_through).with_for_update()

    def add_one() -> None:
        with storage.unit() as unit:
            before = unit.connection.scalar(query) or 0
            eventlet.sleep(0.002)
            unit.execute(sa.update(inbox_positions).values(received_through=before + 1))

    for thread in [eventlet.spawn(add_one) for _ in range(15)]:
        thread.wait()
    assert position(storage, "s") == 15


def test_a_reader_does_not_wait_for_a_writer(storage: Storage) -> None:
    with storage.unit() as unit:
        leave_mark(unit, "unseen")
        with eventlet.Timeout(2):
            assert marks(storage) == []
    assert marks(storage) == ["unseen"]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_statement_that_waits_does_not_stop_the_process(storage: Storage) -> None:
    """psycopg2 gives way to the other green threads."""
    woken = Event()
    sleeping = eventlet.spawn(_run, storage, "SELECT pg_sleep(0.3)")
    eventlet.spawn_after(0.01, woken.send)
    woken.wait()
    assert not sleeping.dead
    sleeping.wait()


def _run(storage: Storage, statement: str) -> None:
    with storage.reading() as connection:
        connection.execute(sa.text(statement))


def test_a_database_comes_to_be_in_a_folder_that_was_not_there(tmp_path: Path, clock: FixedClock) -> None:
    storage = Storage(f"sqlite:///{tmp_path}/new/folder/s.db", clock)
    _run(storage, "SELECT 1")
    storage.close()
    assert (tmp_path / "new" / "folder" / "s.db").exists()


def test_sqlite_keeps_what_was_committed_and_checks_foreign_keys(tmp_path: Path, clock: FixedClock) -> None:
    storage = Storage(f"sqlite:///{tmp_path}/s.db", clock)
    with storage.reading() as connection:
        pragmas = [
            connection.scalar(sa.text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    storage.close()
    assert pragmas == ["wal", 2, 1]


def test_an_error_does_not_say_what_was_to_be_stored(storage: Storage) -> None:
    """Whoever logs it would otherwise log people's data."""
    with pytest.raises(sa.exc.StatementError) as raised, storage.unit() as unit:
        unit.execute(sa.insert(outbox_streams), {"source": "Alma Hellström", "last_sequence": None})
    assert "Alma" not in str(raised.value)
