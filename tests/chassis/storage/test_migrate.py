"""Migrations may be run again, and by several processes at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage import migrate as migrations
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate, pending_migrations
from services.chassis.storage.tables import outbox_streams
from tests.chassis.conftest import chassis_history
from tests.chassis.facts import record, stream
from tests.chassis.storage.test_unit import seats


@pytest.fixture(autouse=True)
def _chassis_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "histories", chassis_history)


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> Iterator[Storage]:
    """On an empty database."""
    sqlite = f"sqlite:///{tmp_path}/empty.db"
    opened = Storage(sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url"), clock)
    yield opened
    opened.close()


def test_an_empty_database_is_behind_until_it_is_migrated(storage: Storage) -> None:
    assert pending_migrations(storage, "enrolment") == ["chassis"]
    migrate(storage, "enrolment")
    assert pending_migrations(storage, "enrolment") == []


def test_migrating_again_makes_missing_streams_and_keeps_the_others(storage: Storage) -> None:
    migrate(storage, "enrolment")
    record(storage, seats("c1"))
    with storage.unit() as unit:
        unit.execute(sa.delete(outbox_streams).where(outbox_streams.c.source == "enrolment.contacts"))
    migrate(storage, "enrolment")
    assert (stream(storage, "enrolment"), stream(storage, "enrolment.contacts")) == ((1, 0), (0, 0))


def test_two_processes_migrate_in_turn(postgres_url: str, clock: FixedClock) -> None:
    storages = [Storage(postgres_url, clock) for _ in range(3)]
    for thread in [eventlet.spawn(migrate, storage, "enrolment") for storage in storages]:
        thread.wait()
    assert pending_migrations(storages[0], "enrolment") == []
    for storage in storages:
        storage.close()
