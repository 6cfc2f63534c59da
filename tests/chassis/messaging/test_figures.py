"""The figures say how facts are doing; they count the same before and after anything is pruned or parked."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from prometheus_client import REGISTRY

from services.chassis.clock import FixedClock
from services.chassis.messaging import figures
from services.chassis.messaging.broker import Broker
from services.chassis.messaging.catch_up import Position, note_position
from services.chassis.messaging.figures import Figures
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox as inbox_table
from services.chassis.storage.tables import outbox_streams
from tests.chassis.facts import NOW, messages, record
from tests.chassis.storage.test_unit import seats


def busy(storage: Storage, clock: FixedClock) -> None:
    """Four recorded, three sent. Received: one handled, one waits, one parked, two early, one unreadable."""
    record(storage, *[seats(f"c{n}") for n in range(4)])
    with storage.unit() as unit:
        unit.execute(
            sa.update(outbox_streams).where(outbox_streams.c.last_sequence > 0).values(sent_through=3)
        )
    clock.time += timedelta(seconds=10)
    inbox.store(storage, [*messages("abc"), *messages("ef", first=5), b"no fact"])
    with storage.unit() as unit:
        for sequence, values in ((1, {"handled_at": unit.now}), (3, {"parked_at": unit.now, "attempts": 8})):
            unit.execute(sa.update(inbox_table).where(inbox_table.c.sequence == sequence).values(values))


def test_of_nothing(storage: Storage) -> None:
    assert figures.figures(storage, "enrolment") == Figures("enrolment", 0, 0, 0, 0, 0, 0, None)


def test_of_all_kinds(storage: Storage, clock: FixedClock) -> None:
    busy(storage, clock)
    now = figures.figures(storage, "enrolment")
    assert now == Figures(
        service="enrolment",
        published=3,
        received=6,
        handled=1,
        outbox_backlog=1,
        inbox_backlog=3,
        parked=2,
        oldest_waiting_at=NOW,
    )
    assert now.oldest_waiting_seconds(clock.now()) == 10
    assert now.received == now.handled + now.inbox_backlog + now.parked


def test_once_the_outbox_is_empty_the_inbox_has_the_oldest(storage: Storage, clock: FixedClock) -> None:
    busy(storage, clock)
    with storage.unit() as unit:
        unit.execute(sa.update(outbox_streams).values(sent_through=outbox_streams.c.last_sequence))
    assert figures.figures(storage, "enrolment").oldest_waiting_at == NOW + timedelta(seconds=10)


def test_readers_are_those_of_the_registry(storage: Storage) -> None:
    record(storage, *[seats(f"c{n}") for n in range(4)])
    with storage.unit() as unit:
        unit.execute(
            sa.update(outbox_streams).where(outbox_streams.c.last_sequence > 0).values(sent_through=3)
        )
        for reader, through in (("billing", 1), ("catalogue", 3), ("retired", 0)):
            note_position(unit.connection, Position(reader, "enrolment", through), unit.now)
    with storage.reading() as connection:
        known = figures.readers(connection)
    assert [(each.reader, each.lag, each.strayed) for each in known] == [
        ("billing", 2, False),
        ("catalogue", 0, False),
    ]


def test_they_are_exported(storage: Storage, clock: FixedClock) -> None:
    busy(storage, clock)
    with storage.unit() as unit:
        note_position(unit.connection, Position("billing", "enrolment", 9), unit.now)
        note_position(unit.connection, Position("catalogue", "enrolment", 2), unit.now)
    broker = Broker("memory://")
    broker.answered(False)
    broker.topology_differs = True
    figures.export(storage, broker, "enrolment")

    def gauge(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"samklang_{name}", {"service": "enrolment", **labels})

    assert gauge("outbox_backlog") == 1
    assert gauge("inbox_backlog") == 3
    assert gauge("inbox_parked") == 2
    assert gauge("oldest_waiting_seconds") == 10
    assert (gauge("broker_away_seconds") or 0) > 0
    assert gauge("topology_differs") == 1
    assert gauge("reader_lag", source="enrolment", reader="catalogue") == 1
    assert gauge("reader_strayed", source="enrolment", reader="catalogue") == 0
    assert gauge("reader_strayed", source="enrolment", reader="billing") == 1
    broker.answered(True)
    figures.export(storage, broker, "enrolment")
    assert gauge("broker_away_seconds") == 0


def test_cancelled_facts_of_others_do_not_count_as_published(storage: Storage) -> None:
    inbox.store(storage, messages("ab"))
    assert figures.figures(storage, "enrolment").published == 0
