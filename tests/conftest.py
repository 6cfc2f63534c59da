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
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def needed(variable: str) -> str:
    """The address of a test server; without one a test fails rather than being skipped unseen."""
    address = os.environ.get(variable)
    if not address:
        pytest.fail(f"{variable} is not set: run the tests with `make test`, which starts the servers")
    return address


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def unmade_postgres_url() -> Iterator[str]:
    """Where a PostgreSQL database of the test's own may be made."""
    template = needed(POSTGRES)
    name = f"t_{uuid.uuid4().hex[:12]}"
    yield template.replace("{database}", name)
    on_postgres(template, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_url(unmade_postgres_url: str) -> str:
    """A fresh, empty PostgreSQL database."""
    on_postgres(needed(POSTGRES), f'CREATE DATABASE "{name_in(unmade_postgres_url)}"')
    return unmade_postgres_url


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
    """The same test on either database, which `make_storage` makes."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    url: str = request.getfixturevalue("unmade_postgres_url")
    return url


Fill = Callable[[Storage], None]
MakeStorage = Callable[..., Storage]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str, Fill | None], str]]:
    """The URL of a migrated database that tests copy: quicker than to migrate and fill one for every test."""
    folder = tmp_path_factory.mktemp("models")
    urls: dict[tuple[str, str, Fill | None], str] = {}

    def url_for(service: str, backend: str, fill: Fill | None) -> str:
        key = (service, backend, fill)
        if key not in urls:
            url = f"sqlite:///{folder}/{service}{len(urls)}.db"
            if backend == "postgresql":
                url = needed(POSTGRES).replace("{database}", f"model_{uuid.uuid4().hex[:12]}")
                on_postgres(needed(POSTGRES), f'CREATE DATABASE "{name_in(url)}"')
            storage = Storage(url, FixedClock(NOW))
            migrate(storage, service)
            if fill is not None:
                fill(storage)
            storage.close()
            urls[key] = url
        return urls[key]

    yield url_for
    for (_, backend, _), url in urls.items():
        if backend == "postgresql":
            on_postgres(needed(POSTGRES), f'DROP DATABASE "{name_in(url)}" WITH (FORCE)')


def name_in(url: str) -> str:
    """The database's name, or the file's path."""
    return url.removeprefix("sqlite:///") if url.startswith("sqlite") else url.rpartition("/")[2]


def _copy(model: str, url: str) -> None:
    if url.startswith("sqlite"):
        shutil.copy(name_in(model), name_in(url))
    else:
        on_postgres(needed(POSTGRES), f'CREATE DATABASE "{name_in(url)}" TEMPLATE "{name_in(model)}"')


@pytest.fixture
def make_storage(
    database_url: str, clock: FixedClock, models: Callable[[str, str, Fill | None], str]
) -> Iterator[MakeStorage]:
    """Storage of a service on `database_url`, migrated, the first one filled by `fill` too."""
    opened: list[Storage] = []

    def make(service: str, fill: Fill | None = None) -> Storage:
        is_first = not opened
        if is_first:
            _copy(models(service, database_url.partition("+")[0].partition(":")[0], fill), database_url)
        opened.append(Storage(database_url, clock))
        if not is_first:
            migrate(opened[-1], service)
        return opened[-1]

    yield make
    for storage in opened:
        storage.close()
