"""Two services with all their parts on one broker: what one says the other hears, also after losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from nameko.containers import ServiceContainer

from services.chassis.clock import SystemClock
from services.chassis.messaging.broker import Broker
from services.chassis.messaging.figures import figures
from services.chassis.messaging.service import FactService
from services.chassis.parts import Parts
from services.chassis.settings import read_settings
from services.chassis.storage.engine import Storage
from services.chassis.storage.retention import Retention
from services.chassis.storage.tables import outbox_readers
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import CourseCancelled
from tests.chassis.conftest import OpenStorage
from tests.chassis.facts import cancelled, leave_mark, marks, position, record
from tests.chassis.messaging.test_entrypoints import until

Run = Callable[[str], Parts]


class Catalogue(FactService):
    name = "catalogue"


class Billing(FactService):
    name = "billing"


def mark(unit: Unit, fact: CourseCancelled) -> None:
    leave_mark(unit, fact.course_id)


@pytest.fixture
def run(open_storage: OpenStorage, broker: Broker, tmp_path: Path) -> Iterator[Run]:
    running: list[ServiceContainer] = []

    def start(service: str) -> Parts:
        url = open_storage(service).url.render_as_string(hide_password=False)
        environment = {"SAMKLANG_VAR": str(tmp_path), "DATABASE_URL": url, "AMQP_URI": broker.uri}
        parts = Parts(read_settings(service, environment), {CourseCancelled: mark}, SystemClock())
        parts.watch.run_once = lambda: 60.0  # type: ignore[method-assign]  # only the chassis' tables are here
        kind = Catalogue if service == "catalogue" else Billing
        running.append(ServiceContainer(kind, {"parts": parts, "max_workers": 16}))
        running[-1].start()
        return parts

    yield start
    for container in running:
        container.stop()
        container.config["parts"].close()


def handled(storage: Storage, count: int) -> Callable[[], bool]:
    return lambda: len(marks(storage)) == count


def test_a_fact_arrives_a_lost_one_too_and_a_new_reader_gets_all(run: Run, broker: Broker) -> None:
    catalogue = run("catalogue")
    # Billing is not there yet: its queue loses everything, as a broker does whose disk is wiped.
    record(catalogue.storage, *[cancelled(f"c{n:02}") for n in range(40)])
    until(lambda: _backlog(catalogue) == 0)
    with broker.connection() as connection:
        connection.channel().queue_purge("billing.inbox")
    billing = run("billing")
    record(catalogue.storage, cancelled("c40"))
    until(lambda: position(billing.storage, "catalogue") is not None)
    until(handled(billing.storage, 41), seconds=14)
    assert marks(billing.storage) == [f"c{n:02}" for n in range(41)]
    assert position(billing.storage, "catalogue") == 41


def _backlog(parts: Parts) -> int:
    return figures(parts.storage, parts.service).outbox_backlog


def test_settings_say_how_long_facts_are_kept(run: Run, tmp_path: Path) -> None:
    catalogue = run("catalogue")
    assert isinstance(catalogue.retention, Retention)
    assert catalogue.retention._keep_fact_log == timedelta(days=730)
    assert catalogue.retention._keep_inbox == timedelta(days=90)


def test_readers_are_heard(run: Run) -> None:
    catalogue, _billing = run("catalogue"), run("billing")

    def heard() -> bool:
        with catalogue.storage.reading() as connection:
            return connection.scalar(sa.select(outbox_readers.c.reader)) == "billing"

    until(heard)
