"""What every service does with facts; a service adds its own timers."""

from __future__ import annotations

from typing import Any, ClassVar

from nameko.timer import timer

from services.chassis import telemetry
from services.chassis.messaging.broker import BrokerUnavailable
from services.chassis.messaging.catch_up import ANNOUNCE_EVERY_SECONDS
from services.chassis.messaging.entrypoints import Parts, listen, loop
from services.chassis.storage import inbox


class FactService:
    """A nameko service that relays its outbox, keeps its inbox and reacts to what is in it."""

    name: ClassVar[str]
    parts: Any = Parts()

    # nameko ships no types, so its decorators hide those of the methods.
    @listen("inbox")
    def receive(self, bodies: list[bytes]) -> None:
        received = inbox.store(self.parts.storage, bodies)
        telemetry.FACTS_RECEIVED.labels(self.parts.service).inc(received.stored)
        telemetry.FACTS_DUPLICATE.labels(self.parts.service).inc(received.duplicates)
        self.parts.bells.ring("inbox")

    @loop(wake_on="inbox")
    def handle(self) -> float:
        return float(self.parts.worker.run_once())

    @loop(wake_on="outbox")
    def relay(self) -> float:
        return float(self.parts.relay.run_once())

    @timer(interval=ANNOUNCE_EVERY_SECONDS)
    def announce(self) -> None:
        self.parts.catch_up.announce()

    @loop()
    def prune(self) -> float:
        return float(self.parts.retention.run_once())

    @loop()
    def watch(self) -> float:
        return float(self.parts.watch.run_once())

    @listen("positions")
    def hear_positions(self, bodies: list[bytes]) -> None:
        try:
            self.parts.catch_up.hear(bodies)
        except BrokerUnavailable:
            # The readers say it again in a few seconds.
            return
