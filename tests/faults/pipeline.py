"""The four services' storages and the product's own relay, inbox, worker and catch-up, moved step by step.

Nothing runs by itself here: a test says what happens next, and where a step dies. What dies is abandoned
and built anew from the database, as after a restart.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from kombu.transport.memory import Channel

from services.chassis.clock import FixedClock
from services.chassis.messaging.broker import Broker
from services.chassis.messaging.catch_up import CatchUp
from services.chassis.messaging.relay import Relay
from services.chassis.messaging.worker import Worker
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.chassis.storage.unit import Unit
from services.contracts.registry import SERVICES, STREAMS, positions_queue_of, queue_of
from services.enrolment.seat_news import say_seats
from tests.enrolment.story import NOW
from tests.faults import truth

PUBLISHERS = tuple(service for service in SERVICES if STREAMS[service])
TICK = timedelta(seconds=7)  # longer than a reader must stand still to be thought of as lacking facts
MOST_ROUNDS = 50


class Crash(BaseException):
    """The process is gone. No `except Exception` of the product may hold it up."""


def _die(*_args: Any, **_kwargs: Any) -> None:
    raise Crash


class Pipeline:
    def __init__(self, folder: Path, template: Path | None = None) -> None:
        self.clock = FixedClock(NOW)
        self._folder = folder
        for service in SERVICES:
            if template is not None:
                shutil.copy(template / f"{service}.db", folder / f"{service}.db")
        self.storages: dict[str, Storage] = {}
        self.broker = Broker("memory://")
        self._catch_ups: dict[str, CatchUp] = {}
        for service in SERVICES:
            self._build(service)
            if template is None:
                migrate(self.storages[service], service)
        self.lose_broker()

    def _build(self, service: str) -> None:
        storage = Storage(f"sqlite:///{self._folder}/{service}.db", self.clock)
        self.storages[service] = storage

    def restart(self, service: str) -> None:
        """The old objects are abandoned: nothing of what they knew is known."""
        self.storages[service].close()
        self._build(service)
        self._catch_ups.pop(service, None)

    @contextmanager
    def crashing(self, service: str, place: str | None) -> Iterator[None]:
        """What happens inside dies at `place` (`module:Class.name`), if it comes that far."""
        with pytest.MonkeyPatch.context() as patch:
            if place is not None:
                module, _, inside = place.partition(":")
                *owners, name = inside.split(".")
                owner: Any = import_module(module)
                for each in owners:
                    owner = getattr(owner, each)
                patch.setattr(owner, name, _die)
            try:
                yield
            except Crash:
                self.restart(service)

    # ------------------------------------------------------------ the steps of a fact

    def relay(self, service: str, dies_at: str | None = None) -> None:
        relay = Relay(service, self.storages[service], self.broker)
        with self.crashing(service, dies_at):
            relay.run_once()
        relay.close()

    def deliver(
        self, reader: str, most: int, dice: random.Random, dies_at: str | None = None, acked: bool = True
    ) -> None:
        """Up to `most` of what waits for the reader, any of it in any order, each up to three times.

        Unacknowledged, the broker has them still, and gives them again later.
        """
        waiting = self._taken(queue_of(reader), 10_000)
        dice.shuffle(waiting)
        bodies = waiting[:most]
        self._give_back(queue_of(reader), waiting[most:])
        arriving = [body for body in bodies for _ in range(dice.choice((1, 1, 2, 3)))]
        dice.shuffle(arriving)
        lives = False
        with self.crashing(reader, dies_at):
            if arriving:
                inbox.store(self.storages[reader], arriving)
            lives = True
        if not (lives and acked):
            self._give_back(queue_of(reader), bodies)

    def work(self, service: str, dies_after: int | None = None) -> None:
        """Handle a batch, or die after so many reactions in it."""
        reactions = import_module(f"services.{service}.reactions").REACTIONS
        if dies_after is not None:
            reactions = _counting(reactions, dies_after)
        worker = Worker(service, self.storages[service], reactions)
        with self.crashing(service, None):
            worker.run_once()

    def announce(self) -> None:
        """Time passes, every reader says where it is, and every publisher hears it."""
        self.clock.time += TICK
        for reader in SERVICES:
            catch_up = self._catch_ups.setdefault(reader, CatchUp(reader, self.storages[reader], self.broker))
            catch_up.announce()
        for publisher in PUBLISHERS:
            bodies = self._taken(positions_queue_of(publisher), 1000)
            self._catch_ups[publisher].hear(bodies)

    def lose_broker(self) -> None:
        """It comes back with nothing in it, and with no queue."""
        Channel.queues.clear()
        self.broker.declare_topology()

    def settle(self) -> None:
        """Everything goes well for a while. Fails where that is not enough."""
        dice = random.Random(0)
        for _ in range(MOST_ROUNDS):
            for publisher in PUBLISHERS:
                self.relay(publisher)
            for reader in SERVICES:
                self.deliver(reader, 10_000, dice)
                self.work(reader)
            with self.storages["enrolment"].unit() as unit:
                said = say_seats(unit, 10_000)
            if not said and truth.lag(self.storages) == 0:
                return
            self.announce()
        raise AssertionError(f"{truth.lag(self.storages)} facts are still on their way")

    def close(self) -> None:
        for storage in self.storages.values():
            storage.close()

    # ------------------------------------------------------------ the broker's side

    def _taken(self, queue: str, most: int) -> list[bytes]:
        bodies: list[bytes] = []
        with self.broker.connection() as connection:
            channel = connection.channel()
            while len(bodies) < most and (got := channel.basic_get(queue, no_ack=True)) is not None:
                bodies.append(got.body.encode() if isinstance(got.body, str) else bytes(got.body))
        return bodies

    def _give_back(self, queue: str, bodies: list[bytes]) -> None:
        with self.broker.connection() as connection:
            channel = connection.channel()
            for body in bodies:
                message = channel.prepare_message(body.decode(), content_encoding="utf-8")
                channel.basic_publish(message, exchange="", routing_key=queue)


def _counting(reactions: Any, most: int) -> dict[Any, Callable[[Unit, Any], None]]:
    """The reactions, of which the first `most` run, and then the process is gone."""
    ran = 0

    def counted(reaction: Callable[[Unit, Any], None]) -> Callable[[Unit, Any], None]:
        def run(unit: Unit, fact: Any) -> None:
            nonlocal ran
            if ran == most:
                raise Crash
            ran += 1
            reaction(unit, fact)

        return run

    return {kind: counted(reaction) for kind, reaction in reactions.items()}
