"""nameko entrypoints of enrolment: facts and timers, nothing else."""

from __future__ import annotations

import time

from services.chassis.messaging.entrypoints import loop
from services.chassis.messaging.service import FactService

# A thousand facts take a tenth of a second to send, in which no family would be answered.
RELAYED_IN_A_RUSH = 50


class EnrolmentService(FactService):
    name = "enrolment"

    @loop(wake_on="applications")
    def decide(self) -> float:
        """Answers the families who wait."""
        return float(self.parts.decider.run_once())

    @loop()
    def expire_offers(self) -> float:
        """Passes on the offers that nobody answered in time."""
        return float(self.parts.expiry.run_once())

    @loop()
    def price_places(self) -> float:
        """Says what places cost that were given, or whose price has changed."""
        return float(self.parts.pricer.run_once())

    @loop()
    def say_seats(self) -> float:
        """Says how full the courses are that somebody was given a seat on, or waits for, or left."""
        return float(self.parts.seat_news.run_once())

    @loop(wake_on="outbox")
    def relay(self) -> float:
        """In a rush a few facts at a time, between the answers that families wait for."""
        relay, in_a_rush = self.parts.relay, self.parts.decider.is_rush(time.monotonic())
        return float(relay.run_once(RELAYED_IN_A_RUSH) if in_a_rush else relay.run_once())
