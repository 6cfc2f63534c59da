"""`samklang check` sees from both ends whether every fact has reached its readers and been handled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.messaging.catch_up import Position, note_position
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.chassis.storage.retention import EVERY_SECONDS, Retention
from services.chassis.storage.tables import inbox as inbox_table
from services.chassis.storage.tables import outbox, outbox_streams
from services.command_line.delivery import undelivered
from services.contracts.registry import SERVICES, readers_of
from tests.chassis.facts import cancelled, record

Storages = Mapping[str, Storage]


@pytest.fixture
def storages(tmp_path: object, clock: FixedClock) -> Iterator[Storages]:
    made = {service: Storage(f"sqlite:///{tmp_path}/{service}.db", clock) for service in SERVICES}
    for service, storage in made.items():
        migrate(storage, service)
    yield made
    for storage in made.values():
        storage.close()


def publish(storages: Storages, count: int) -> None:
    record(storages["catalogue"], *[cancelled(f"c{n}") for n in range(count)])


def logged(storages: Storages) -> list[bytes]:
    with storages["catalogue"].reading() as connection:
        texts = connection.scalars(sa.select(outbox.c.envelope).order_by(outbox.c.sequence)).all()
    return [text.encode() for text in texts]


def deliver(storages: Storages, *readers: str, which: Callable[[int], bool] = lambda _: True) -> None:
    bodies = [body for sequence, body in enumerate(logged(storages), 1) if which(sequence)]
    for reader in readers or readers_of("catalogue"):
        inbox.store(storages[reader], bodies)


def handle(storages: Storages) -> None:
    for storage in storages.values():
        with storage.unit() as unit:
            unit.execute(sa.update(inbox_table).values(handled_at=unit.now))


def look(storages: Storages) -> list[str]:
    return undelivered(storages, patience_seconds=0)


def test_nothing_told_is_nothing_missing(storages: Storages) -> None:
    assert look(storages) == []


def test_all_told_received_and_handled(storages: Storages) -> None:
    publish(storages, 5)
    deliver(storages)
    handle(storages)
    assert look(storages) == []


def test_what_was_committed_and_never_sent_is_missing(storages: Storages) -> None:
    publish(storages, 5)
    assert look(storages) == [
        f"{reader} has 0 of the 5 facts of catalogue" for reader in readers_of("catalogue")
    ]


def test_what_one_reader_lacks(storages: Storages) -> None:
    publish(storages, 5)
    deliver(storages, "enrolment", "notifications")
    deliver(storages, "billing", which=lambda sequence: sequence != 4)
    handle(storages)
    assert look(storages) == ["billing has 3 of the 5 facts of catalogue"]


def test_what_waits_to_be_handled(storages: Storages) -> None:
    publish(storages, 5)
    deliver(storages)
    handle(storages)
    publish(storages, 2)
    deliver(storages)
    assert look(storages)[0] == "enrolment has not handled 2 facts of catalogue"


def test_what_is_on_its_way_is_given_time(storages: Storages) -> None:
    publish(storages, 5)

    def later() -> None:
        deliver(storages)
        handle(storages)

    eventlet.spawn_after(0.4, later)
    began = time.monotonic()
    assert undelivered(storages, patience_seconds=20) == []
    assert 0.3 < time.monotonic() - began < 15


def test_other_messages_under_the_same_numbers_are_found(storages: Storages) -> None:
    """As after the publisher's database was restored from a backup and went on with the same numbers."""
    publish(storages, 3)
    deliver(storages)
    handle(storages)
    with storages["catalogue"].unit() as unit:
        unit.execute(sa.delete(outbox).where(outbox.c.sequence > 1))
        unit.execute(
            sa.update(outbox_streams).where(outbox_streams.c.source == "catalogue").values(last_sequence=1)
        )
    publish(storages, 2)
    assert look(storages) == [
        f"2 facts of catalogue are others at {reader} than in the log" for reader in readers_of("catalogue")
    ]


def test_pruned_logs_are_compared_as_far_as_both_are_kept(storages: Storages, clock: FixedClock) -> None:
    publish(storages, 3)
    deliver(storages)
    handle(storages)
    with storages["catalogue"].unit() as unit:
        unit.execute(sa.update(outbox_streams).values(sent_through=outbox_streams.c.last_sequence))
        for reader in readers_of("catalogue"):
            note_position(unit.connection, Position(reader, "catalogue", 3), unit.now)
    clock.time += timedelta(days=100)
    for service, days in (("catalogue", 200), ("billing", 50), ("enrolment", 50)):
        _prune(storages[service], service, days)
    publish(storages, 2)
    deliver(storages)
    handle(storages)
    assert look(storages) == []
    _prune(storages["catalogue"], "catalogue", 50)
    assert len(logged(storages)) == 2
    assert look(storages) == []


def _prune(storage: Storage, service: str, days: int) -> None:
    retention = Retention(service, storage, timedelta(days=days), timedelta(days=days))
    while retention.run_once() != EVERY_SECONDS:
        pass
