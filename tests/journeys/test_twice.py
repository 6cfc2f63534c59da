"""Embedded, with a broker that delivers every fact twice: every effect is there once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import eventlet
import pytest
import sqlalchemy as sa
from kombu.transport.memory import Channel

from services.chassis import consistency
from services.chassis.clock import SystemClock
from services.chassis.messaging import figures
from services.chassis.messaging.broker import Letter, Publisher
from services.chassis.process import Composition, Process, listen_on
from services.chassis.settings import COUNTY_FOLDER, read_settings
from services.chassis.storage.migrate import migrate
from services.chassis.storage.tables import inbox
from services.command_line import running
from services.contracts.registry import SERVICES
from tests.journeys.product import free_port


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every letter of the relays goes out twice."""
    publish = Publisher.publish

    def publish_twice(self: Publisher, letters: Sequence[Letter]) -> int:
        return publish(self, [letter for letter in letters for _ in range(2)]) // 2

    monkeypatch.setattr(Publisher, "publish", publish_twice)


@pytest.fixture
def compositions(tmp_path: Path, twice: None) -> Iterator[list[Composition]]:
    Channel.queues.clear()
    environment = {"SAMKLANG_VAR": str(tmp_path), "PORT": str(free_port())}
    made: list[Composition] = []
    for service in SERVICES:
        settings = read_settings(service, environment)
        made.append(import_module(f"services.{service}.wiring").compose(settings, SystemClock()))
        migrate(made[-1].parts.storage, service)
    process = Process(made, listen_on("127.0.0.1", int(environment["PORT"])))
    process.start()
    yield made
    process.stop()
    Channel.queues.clear()


def test_every_effect_is_there_once(compositions: list[Composition]) -> None:
    storages = {c.parts.service: c.parts.storage for c in compositions}
    running.load_into(storages, COUNTY_FOLDER, demo=True)
    eventlet.sleep(0.5)  # the second copies of the last facts are still on their way
    for service, storage in storages.items():
        now = figures.figures(storage, service)
        assert now.received == now.handled
        assert now.parked == 0
        with storage.reading() as connection:
            assert consistency.check(connection, service) == []
            assert import_module(f"services.{service}.checks").check(connection) == []
            rows = connection.scalar(sa.select(sa.func.count()).select_from(inbox))
        assert rows == now.received
    published = figures.figures(storages["enrolment"], "enrolment").published
    assert published > 1000
