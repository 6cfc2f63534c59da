"""The product in both ways of running; started once each, since a start takes seconds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.conftest import AMQP, POSTGRES, needed, on_postgres
from tests.journeys.product import SERVICES, Product, embedded, on_servers


@pytest.fixture(scope="session", params=["embedded", "servers"])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        with embedded(folder) as running:
            yield running
        return
    template, amqp = needed(POSTGRES), needed(AMQP)
    prefix = f"journey_{uuid.uuid4().hex[:8]}_"
    for service in SERVICES:
        on_postgres(template, f'CREATE DATABASE "{prefix}{service}"')
    with on_servers(folder, template.replace("{database}", prefix + "{service}"), amqp) as running:
        yield running
    for service in SERVICES:
        on_postgres(template, f'DROP DATABASE "{prefix}{service}" WITH (FORCE)')
