"""Facts come three times, in any order and late; some are poison. Each has its effect once, or is parked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import pytest
import sqlalchemy as sa

from services.chassis.clock import SystemClock
from services.chassis.messaging import parked
from services.chassis.messaging.broker import Broker, Letter
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.chassis.storage.tables import inbox, inbox_positions, outbox
from services.contracts.catalogue import MunicipalityRegistered
from services.contracts.enrolment import CourseSeatsChanged
from services.contracts.envelope import parse_envelope
from services.contracts.fact import Fact
from services.contracts.registry import SUBSCRIPTIONS, publisher_of, queue_of, readers_of
from tests.faults import truth
from tests.faults.world import World, until

WAIT_SECONDS = 60
COPIES = 3


# ---------------------------------------------------------------- three times, shuffled, one late


@contextmanager
def new_reader(world: World) -> Iterator[Storage]:
    """Notifications with an empty database, as if it were new; afterwards the one it had."""
    running, old = world.services["notifications"], world.storages["notifications"]
    running.kill()
    world.postgres.create_database("notifications_anew")
    storage = Storage(world.postgres.url("notifications_anew"), SystemClock(), pool_size=3)
    migrate(storage, "notifications")
    world.storages["notifications"] = storage
    try:
        yield storage
    finally:
        running.kill()
        storage.close()
        world.storages["notifications"] = old
        world.postgres.drop_database("notifications_anew")
        running.start()
        running.wait_live()


def send(world: World, reader: str, bodies: list[str]) -> None:
    """Straight into the reader's queue."""
    publisher = Broker(world.rabbit.amqp_uri).publisher()
    for first in range(0, len(bodies), 1000):
        letters = [Letter("", queue_of(reader), body, "") for body in bodies[first : first + 1000]]
        assert publisher.publish(letters) == len(letters)
        assert not publisher.returned
    publisher.close()


def position(storage: Storage, source: str) -> int:
    with storage.reading() as connection:
        through = connection.scalar(
            sa.select(inbox_positions.c.received_through).where(inbox_positions.c.source == source)
        )
    return through or 0


def test_three_times_in_any_order_and_one_late(world: World) -> None:
    """What comes before the late one's turn is held back; other streams go on; then all is as it must be."""
    world.stir()
    world.settle()
    with new_reader(world) as storage:
        logs = {
            source: truth.log_of(world.storages[publisher_of(source)], source)
            for source in SUBSCRIPTIONS["notifications"]
        }
        late_id = list(logs["catalogue"])[9]
        late = parse_envelope(logs["catalogue"][late_id])
        world.services["catalogue"].kill()  # or it would hear of the gap and close it
        bodies = [
            body
            for log in logs.values()
            for id_, body in log.items()
            if id_ != late_id
            for _ in range(COPIES)
        ]
        random.Random(7).shuffle(bodies)
        send(world, "notifications", bodies)
        world.services["notifications"].start(
            DATABASE_URL=world.postgres.url("notifications_anew"),
        )
        expected = {source: len(log) for source, log in logs.items()}
        expected["catalogue"] = late.sequence - 1
        until(lambda: has_come_to(storage, expected), WAIT_SECONDS)
        send(world, "notifications", [logs["catalogue"][late_id]] * COPIES)
        world.services["catalogue"].start()
        world.settle(WAIT_SECONDS)
        send(world, "notifications", [logs["catalogue"][late_id]])  # and once more when all is long over
        world.stir()
        world.settle(WAIT_SECONDS)
        assert world.lost() == []
    world.settle(WAIT_SECONDS)
    assert world.lost() == []  # the old database has been caught up with what went to the new one


def has_come_to(storage: Storage, expected: dict[str, int]) -> bool:
    """Whether each stream is there up to its position, and what waits is only what comes after a gap."""
    if any(position(storage, source) != through for source, through in expected.items()):
        return False
    with storage.reading() as connection:
        waiting = connection.execute(
            sa.select(inbox.c.source, inbox.c.sequence).where(inbox.c.handled_at.is_(None))
        ).all()
    return bool(waiting) and all(row.sequence > expected[row.source] for row in waiting)


@pytest.mark.long
def test_a_reader_that_is_new_is_caught_up_from_the_logs(world: World) -> None:
    """Nobody asks for it: it says that it has nothing, and gets everything, while families go on."""
    with new_reader(world) as storage:
        broker = Broker(world.rabbit.amqp_uri)
        with broker.connection() as connection:
            connection.channel().queue_purge(queue_of("notifications"))
        world.services["notifications"].start(
            DATABASE_URL=world.postgres.url("notifications_anew"),
        )
        world.stir()
        world.settle(WAIT_SECONDS * (1 + truth.logged(world.storages) // 10_000))
        assert position(storage, "catalogue") > 0
        assert world.lost() == []


# ---------------------------------------------------------------- poison


@dataclass(frozen=True, slots=True)
class FromTheFuture(MunicipalityRegistered):
    """A version that no reader knows yet."""

    VERSION: ClassVar[int] = 99


@dataclass(frozen=True, slots=True)
class Broken(Fact):
    """Says it is a municipality, and lacks what one has."""

    NAME, VERSION, SOURCE, SUBJECT = "municipality_registered", 1, "catalogue", "municipality_code"

    municipality_code: str


NOT_JSON = '{"specversion": "1.0", "id": %d'  # another one each time: the same again is known already
TOO_MANY = 2**40  # a number of seats that JSON takes and the catalogue's column does not


def record(world: World, service: str, fact: Fact) -> str:
    """Committed like any other fact, and on its way from here on; its message id."""
    with world.storages[service].unit() as unit:
        unit.record(fact)
    with world.storages[service].reading() as connection:
        return str(
            connection.scalar(
                sa.select(outbox.c.message_id)
                .where(outbox.c.source == fact.SOURCE)
                .order_by(outbox.c.sequence.desc())
                .limit(1)
            )
        )


def inject(world: World) -> dict[str, set[str]]:
    """A poison of each kind; the readers' message ids of what must be parked."""
    expected: dict[str, set[str]] = {service: set() for service in world.storages}
    future = FromTheFuture("poison-1", "Framtida", None, None, None)
    for service, fact in (
        ("catalogue", future),
        ("catalogue", Broken("poison-2")),
        ("enrolment", CourseSeatsChanged("poison-3", TOO_MANY, TOO_MANY, 0)),
    ):
        id_ = record(world, service, fact)
        world.injected.message_ids.add(id_)
        readers = readers_of(fact.SOURCE) if service == "catalogue" else ("catalogue",)
        for reader in readers:
            expected[reader].add(id_)
    send(world, "billing", [NOT_JSON % len(world.injected.message_ids)])
    return expected


def parked_ids(world: World, service: str) -> set[str]:
    return {row.message_id for row in parked.listed(world.storages[service])}


def parks_exactly_the_poison(world: World, seconds: float = 2 * WAIT_SECONDS) -> None:
    expected = inject(world)
    world.stir()

    def all_parked() -> bool:
        counts = {service: len(parked_ids(world, service)) for service in expected}
        return counts == {s: len(ids) + (s == "billing") for s, ids in expected.items()}

    until(all_parked, seconds)
    world.stir()
    world.settle(WAIT_SECONDS)  # nothing else has stopped
    for service, ids in expected.items():
        found = parked_ids(world, service)
        assert ids <= found
        unreadable = found - ids
        assert all(id_.startswith("unreadable-") for id_ in unreadable)
        assert len(unreadable) == (service == "billing")
    code, checked = world.command("check")
    assert code == 1
    assert {line for line in checked.splitlines() if ":" in line and "check:" not in line} == {
        f"{s}: {len(ids) + (s == 'billing')} facts are parked"
        for s, ids in expected.items()
        if ids or s == "billing"
    }
    discard_all(world)
    assert world.command("check") == (0, "check: ok\n")
    assert world.lost() == []


def discard_all(world: World) -> None:
    """One by the command line, so that it is known to do it, the others by what it calls."""
    for service, storage in world.storages.items():
        for row in parked.listed(storage):
            if service == "billing":
                code, said = world.command(
                    "parked", "discard", service, row.message_id, "--reason", "a test's"
                )
                assert code == 0, said
            else:
                parked.discard(storage, row.message_id, "test", "a test's")


def test_poison_of_each_kind_is_parked_and_stops_nobody(world: World) -> None:
    """The catalogue gives up on a reaction after three attempts here, which takes seconds."""
    world.settle(WAIT_SECONDS)
    world.services["catalogue"].kill()
    world.services["catalogue"].start("--attempts", "3")
    world.services["catalogue"].wait_live()
    parks_exactly_the_poison(world)


@pytest.mark.long
def test_poison_is_parked_after_all_its_attempts(world: World) -> None:
    """As the product runs: the reaction that raises is tried eight times, over some two minutes."""
    world.settle(WAIT_SECONDS)
    world.services["catalogue"].restart()
    parks_exactly_the_poison(world, 5 * WAIT_SECONDS)
