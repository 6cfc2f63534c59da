"""`samklang run` is killed in the middle of a rush and started again: nobody's answer was in vain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import eventlet
import pytest
import requests

from services.chassis.clock import SystemClock
from services.chassis.storage.engine import Storage
from services.contracts.registry import SERVICES
from tests.faults import truth
from tests.faults.nursery import Nursery, open_nursery
from tests.faults.people import People
from tests.faults.world import EXIT_KILLED, STOP_SECONDS, until
from tests.journeys.product import environment
from tests.servers.machine import free_port

LOAD_SECONDS = 120
RUSH = 24  # families at the same time
LOADED = b"Samklang is running"


class Embedded:
    """One process with everything in it, whose only disk is a folder."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self._nursery = nursery
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / "embedded.log"
        var = folder / "var"
        self._env = environment(SAMKLANG_VAR=str(var), PORT=str(port))
        self.storages = {s: Storage(f"sqlite:///{var}/{s}.db", SystemClock()) for s in SERVICES}

    def start(self, *crash: str) -> None:
        self.log.unlink(missing_ok=True)
        self.process = self._nursery.start([*crash, "run"], self._env, self.log)

    def wait_loaded(self) -> None:
        def loaded() -> bool:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            return self.log.exists() and LOADED in self.log.read_bytes()

        until(loaded, LOAD_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        until(lambda: self.process.poll() is not None, STOP_SECONDS)


@contextmanager
def rushing(people: People) -> Iterator[None]:
    """Families apply as fast as they are answered, while inside."""
    pool = eventlet.GreenPool(RUSH)
    over = False

    def keep_applying() -> None:
        while not over:
            people.apply()
            eventlet.sleep(0)

    for _ in range(RUSH):
        pool.spawn_n(keep_applying)
    try:
        yield
    finally:
        over = True
        pool.waitall()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    with open_nursery() as nursery:
        made = Embedded(tmp_path, nursery)
        yield made
        for storage in made.storages.values():
            storage.close()


def kill_in_a_rush(embedded: Embedded, people: People, after_seconds: float) -> None:
    answered = len(people.answered)
    with rushing(people):
        until(lambda: len(people.answered) > answered, STOP_SECONDS)
        time.sleep(after_seconds)
        embedded.kill()
    embedded.start()
    embedded.wait_loaded()


def nothing_is_lost(embedded: Embedded, people: People) -> None:
    until(lambda: truth.is_settled(embedded.storages), LOAD_SECONDS)
    assert truth.findings(embedded.storages) == []
    assert people.betrayed() == []


def in_a_loaded_county(embedded: Embedded) -> People:
    embedded.start()
    embedded.wait_loaded()
    people = People(embedded.storages, embedded.address)
    people.move_in()
    return people


def test_killed_in_the_middle_of_a_rush(embedded: Embedded) -> None:
    people = in_a_loaded_county(embedded)
    for _ in range(2):
        kill_in_a_rush(embedded, people, after_seconds=1)
    assert requests.get(embedded.address + "/courses", timeout=10).status_code == 200
    nothing_is_lost(embedded, people)


@pytest.mark.long
@pytest.mark.parametrize("again", range(5))
def test_killed_in_a_rush_again_and_again(embedded: Embedded, again: int) -> None:
    people = in_a_loaded_county(embedded)
    for n in range(4):
        kill_in_a_rush(embedded, people, after_seconds=0.3 + 0.7 * n + 0.1 * again)
    nothing_is_lost(embedded, people)


@pytest.mark.long
def test_killed_while_it_loads_the_county(embedded: Embedded) -> None:
    """A first start that is broken off is gone on with by the next."""
    for seconds in (1, 2, 3, 4, 5, 6):
        embedded.start()
        time.sleep(seconds)
        assert embedded.process.poll() is None, embedded.log.read_text()
        embedded.kill()
        assert embedded.process.returncode == EXIT_KILLED
    people = in_a_loaded_county(embedded)
    nothing_is_lost(embedded, people)
