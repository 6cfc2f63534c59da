"""The small county, loaded on either database, and the service over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from services.catalogue import county
from services.catalogue.wiring import compose
from services.chassis.clock import FixedClock
from services.chassis.process import Composition
from services.chassis.settings import read_settings
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.chassis.web.session import LANGUAGE_COOKIE
from tests.catalogue.small_county import write_county
from tests.web import client_of

Published = Callable[[], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def empty(make_storage: Callable[[str], Storage]) -> Storage:
    """Migrated, nothing loaded."""
    return make_storage("catalogue")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_county(tmp_path / "county")


@pytest.fixture
def storage(empty: Storage, folder: Path) -> Storage:
    county.load(empty, folder)
    return empty


@pytest.fixture
def published(empty: Storage) -> Published:
    """The facts recorded since it was last asked: their names and data."""
    seen = 0

    def since() -> list[tuple[str, dict[str, Any]]]:
        nonlocal seen
        with empty.reading() as connection:
            rows = connection.execute(
                sa.select(outbox.c.sequence, outbox.c.type, outbox.c.envelope)
                .where(outbox.c.sequence > seen)
                .order_by(outbox.c.sequence)
            ).all()
        seen = rows[-1].sequence if rows else seen
        return [(row.type.split(".")[3], json.loads(row.envelope)["data"]) for row in rows]

    return since


@pytest.fixture
def composition(
    storage: Storage, database_url: str, clock: FixedClock, tmp_path: Path
) -> Iterator[Composition]:
    environment = {
        "DATABASE_URL": database_url,
        "SAMKLANG_VAR": str(tmp_path),
        "SECRET_KEY": "a secret of the tests that is long enough",
    }
    composed = compose(read_settings("catalogue", environment), clock)
    yield composed
    composed.parts.close()


@pytest.fixture
def client(composition: Composition) -> Client:
    client = client_of(composition)
    client.set_cookie(LANGUAGE_COOKIE, "en")
    return client
