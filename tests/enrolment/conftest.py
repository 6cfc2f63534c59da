"""An enrolment database with the small county in it, made once for either database and copied for a test."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import eventlet
import pytest
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.messaging.entrypoints import Bell
from services.chassis.process import Composition
from services.chassis.settings import read_settings
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.chassis.web.session import LANGUAGE_COOKIE
from services.enrolment.wiring import compose
from tests.conftest import POSTGRES, needed, on_postgres
from tests.enrolment.story import CATALOGUE, NOW, settle_families, tell
from tests.web import client_of

SignedIn = Callable[..., tuple[Client, str]]


def make_model(url: str) -> None:
    """Migrated, with what the catalogue said and the families."""
    storage = Storage(url, FixedClock(NOW))
    migrate(storage, "enrolment")
    tell(storage, *CATALOGUE)
    settle_families(storage)
    storage.close()


@pytest.fixture(scope="session")
def sqlite_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("enrolment") / "model.db"
    make_model(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_model() -> Iterator[str]:
    template = needed(POSTGRES)
    name = f"m_{uuid.uuid4().hex[:12]}"
    on_postgres(template, f'CREATE DATABASE "{name}"')
    make_model(template.replace("{database}", name))
    yield name
    on_postgres(template, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def kind() -> str:
    """SQLite for most; tests of what only the database can guarantee say `@both`."""
    return "sqlite"


both = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture
def database_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A copy of the model."""
    if kind == "sqlite":
        file = tmp_path / "enrolment.db"
        shutil.copy(request.getfixturevalue("sqlite_model"), file)
        yield f"sqlite:///{file}"
        return
    template, model = needed(POSTGRES), request.getfixturevalue("postgres_model")
    name = f"t_{uuid.uuid4().hex[:12]}"
    on_postgres(template, f'CREATE DATABASE "{name}" TEMPLATE "{model}"')
    yield template.replace("{database}", name)
    on_postgres(template, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def storage(database_url: str, clock: FixedClock) -> Iterator[Storage]:
    """The families are known, and nobody has applied."""
    storage = Storage(database_url, clock)
    yield storage
    storage.close()


@pytest.fixture
def composition(
    storage: Storage, database_url: str, clock: FixedClock, tmp_path: Path
) -> Iterator[Composition]:
    """The service on the database of `storage`, with its decider at work."""
    environment = {
        "DATABASE_URL": database_url,
        "SAMKLANG_VAR": str(tmp_path / "var"),
        "SECRET_KEY": "a secret of the tests that is long enough",
    }
    composed = compose(read_settings("enrolment", environment), clock)
    decider = composed.parts.decider  # type: ignore[attr-defined]  # enrolment's own parts
    bell = Bell()
    composed.parts.bells.hang("applications", bell)

    def work() -> None:
        while True:
            bell.clear()
            rest = decider.run_once()
            if rest:
                bell.wait(rest)

    worker = eventlet.spawn(work)
    yield composed
    worker.kill()
    composed.parts.close()


@pytest.fixture
def client(composition: Composition) -> Client:
    """Nobody is signed in; English."""
    client = client_of(composition)
    client.set_cookie(LANGUAGE_COOKIE, "en")
    return client
