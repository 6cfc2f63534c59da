"""Fixtures every test may use. Monkey-patching comes first: modules that touch nameko hang without it."""

import eventlet

eventlet.monkey_patch()

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg2
import pytest
from hypothesis import settings

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate

# How long an example takes says how busy the machine is, and nothing about the rule.
settings.register_profile("samklang", deadline=None)
settings.load_profile("samklang")

POSTGRES = "SAMKLANG_TEST_POSTGRES"
AMQP = "SAMKLANG_TEST_AMQP"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


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


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], str]]:
    """The URL of a migrated, empty database: copying it is quicker than migrating for every test."""
    folder = tmp_path_factory.mktemp("migrated")
    urls: dict[tuple[str, str], str] = {}

    def url_for(service: str, backend: str) -> str:
        if (service, backend) not in urls:
            url = f"sqlite:///{folder}/{service}.db"
            if backend == "postgresql":
                url = needed(POSTGRES).replace("{database}", f"migrated_{uuid.uuid4().hex[:12]}")
                on_postgres(needed(POSTGRES), f'CREATE DATABASE "{name_in(url)}"')
            storage = Storage(url, FixedClock(EPOCH))
            migrate(storage, service)
            storage.close()
            urls[service, backend] = url
        return urls[service, backend]

    yield url_for
    for (_, backend), url in urls.items():
        if backend == "postgresql":
            on_postgres(needed(POSTGRES), f'DROP DATABASE "{name_in(url)}" WITH (FORCE)')


def name_in(url: str) -> str:
    """The database's name, or the file's path."""
    return url.removeprefix("sqlite:///") if url.startswith("sqlite") else url.rpartition("/")[2]


def _copy(template: str, url: str) -> None:
    """Make the database at `url` a copy; it is empty, or not there yet."""
    if url.startswith("sqlite"):
        shutil.copy(name_in(template), name_in(url))
        return
    on_postgres(needed(POSTGRES), f'DROP DATABASE IF EXISTS "{name_in(url)}" WITH (FORCE)')
    on_postgres(needed(POSTGRES), f'CREATE DATABASE "{name_in(url)}" TEMPLATE "{name_in(template)}"')


@pytest.fixture
def make_storage(
    database_url: str, clock: FixedClock, migrated: Callable[[str, str], str]
) -> Iterator[Callable[[str], Storage]]:
    """Storage of a service on `database_url`, migrated. The first one asked for may begin as a copy."""
    opened: list[Storage] = []

    def make(service: str) -> Storage:
        if opened:
            opened.append(Storage(database_url, clock))
            migrate(opened[-1], service)
        else:
            _copy(migrated(service, database_url.partition("+")[0].partition(":")[0]), database_url)
            opened.append(Storage(database_url, clock))
        return opened[-1]

    yield make
    for storage in opened:
        storage.close()
