"""Fixtures every test may use. Monkey-patching comes first: modules that touch nameko hang without it."""

import eventlet

eventlet.monkey_patch()

import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg2
import pytest

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate

POSTGRES = "SAMKLANG_TEST_POSTGRES"
AMQP = "SAMKLANG_TEST_AMQP"


def needed(variable: str) -> str:
    """The address of a test server; without one a test fails rather than being skipped unseen."""
    address = os.environ.get(variable)
    if not address:
        pytest.fail(f"{variable} is not set: run the tests with `make test`, which starts the servers")
    return address


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    template = needed(POSTGRES)
    name = f"t_{uuid.uuid4().hex[:12]}"
    on_postgres(template, f'CREATE DATABASE "{name}"')
    yield template.replace("{database}", name)
    on_postgres(template, f'DROP DATABASE "{name}" WITH (FORCE)')


def on_postgres(template: str, statement: str) -> None:
    """Run a statement that no transaction may hold, in the maintenance database of the test server."""
    address = template.replace("{database}", "postgres").replace("postgresql+psycopg2", "postgresql")
    connection = psycopg2.connect(address)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: object) -> str:
    """The same test on either database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def make_storage(database_url: str, clock: FixedClock) -> Iterator[Callable[[str], Storage]]:
    """Migrated storage of a service on `database_url`."""
    opened: list[Storage] = []

    def make(service: str) -> Storage:
        storage = Storage(database_url, clock)
        opened.append(storage)
        migrate(storage, service)
        return storage

    yield make
    for storage in opened:
        storage.close()
