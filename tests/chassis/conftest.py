"""Storage with the chassis' tables alone: quick to make, independent of every service's own migrations."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.messaging.broker import Broker
from services.chassis.storage import migrate as migrations
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import metadata, outbox_streams
from services.contracts.registry import SERVICES, positions_queue_of, queue_of
from tests.chassis.facts import NOW
from tests.conftest import AMQP, POSTGRES, needed, on_postgres

OpenStorage = Callable[..., Storage]
LIMIT_SECONDS = 15


@pytest.fixture(autouse=True)
def _limit() -> Iterator[None]:
    """A green thread that waits for what never comes fails its test and not the whole run."""
    with eventlet.Timeout(LIMIT_SECONDS, AssertionError(f"not done within {LIMIT_SECONDS} s")):
        yield


def migrate_chassis(storage: Storage) -> None:
    """The chassis' history only, with the streams of all services."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "histories", chassis_history)
        for service in SERVICES:
            migrations.migrate(storage, service)


def chassis_history(_service: str) -> dict[str, Path]:
    return {migrations.CHASSIS: migrations.SERVICES / "chassis" / "storage" / "migrations"}


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that tests copy."""
    file = tmp_path_factory.mktemp("chassis") / "migrated.db"
    storage = Storage(f"sqlite:///{file}", FixedClock(NOW))
    migrate_chassis(storage)
    storage.close()
    return file


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[Callable[[str], str]]:
    """A migrated PostgreSQL database a service, made when first asked for and kept for the session."""
    template = needed(POSTGRES)
    names: dict[str, str] = {}

    def url_for(service: str) -> str:
        if service not in names:
            names[service] = f"chassis_{uuid.uuid4().hex[:12]}"
            on_postgres(template, f'CREATE DATABASE "{names[service]}"')
            storage = Storage(template.replace("{database}", names[service]), FixedClock(NOW))
            migrate_chassis(storage)
            storage.close()
        return template.replace("{database}", names[service])

    yield url_for
    for name in names.values():
        on_postgres(template, f'DROP DATABASE "{name}" WITH (FORCE)')


def _emptied(url: str) -> str:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table is not outbox_streams:
                connection.execute(sa.delete(table))
        zero = dict.fromkeys(("last_sequence", "sent_through", "pruned_through"), 0)
        connection.execute(sa.update(outbox_streams).values(zero))
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def open_storage(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock
) -> Iterator[OpenStorage]:
    """Storage of a service on its own empty database; asked again, one more engine on the same one."""
    urls: dict[str, str] = {}
    opened: list[Storage] = []

    def url_for(service: str) -> str:
        if backend == "postgresql":
            return _emptied(request.getfixturevalue("postgres_database")(service))
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / f"{service}.db")
        return f"sqlite:///{tmp_path}/{service}.db"

    def open_one(service: str = "enrolment") -> Storage:
        if service not in urls:
            urls[service] = url_for(service)
        opened.append(Storage(urls[service], clock))
        return opened[-1]

    yield open_one
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(open_storage: OpenStorage) -> Storage:
    """Enrolment's, on either database."""
    return open_storage("enrolment")


QUEUES = tuple(name for service in SERVICES for name in (queue_of(service), positions_queue_of(service)))


def emptied_broker(uri: str) -> Broker:
    """All queues declared and nothing in them: their names are fixed, so tests share them in turn."""
    broker = Broker(uri)
    broker.declare_topology()
    with broker.connection() as connection:
        channel = connection.channel()
        for queue in QUEUES:
            channel.queue_purge(queue)
    return broker


@pytest.fixture(scope="session")
def _fresh_topology() -> str:
    """No queue is left from another test run with other arguments."""
    uri = needed(AMQP)
    with Broker(uri).connection() as connection:
        channel = connection.channel()
        for queue in QUEUES:
            channel.queue_delete(queue)
    return uri


@pytest.fixture
def rabbit(_fresh_topology: str) -> Broker:
    return emptied_broker(_fresh_topology)


@pytest.fixture
def memory() -> Broker:
    return emptied_broker("memory://")


@pytest.fixture(params=["rabbitmq", "memory"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Either transport, empty."""
    chosen: Broker = request.getfixturevalue("rabbit" if request.param == "rabbitmq" else "memory")
    return chosen


def taken(broker: Broker, queue: str) -> list[bytes]:
    """What waits in the queue, taken out of it."""
    bodies = []
    with broker.connection() as connection:
        channel = connection.channel()
        while (got := channel.basic_get(queue, no_ack=True)) is not None:
            bodies.append(got.body.encode() if isinstance(got.body, str) else bytes(got.body))
    return bodies


__all__ = ["OpenStorage", "taken"]
