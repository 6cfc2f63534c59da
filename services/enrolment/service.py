"""nameko entrypoints of enrolment: facts and timers, nothing else."""

from __future__ import annotations

import time

from services.chassis.messaging.entrypoints import loop
from services.chassis.messaging.service import FactService

RELAY_LOOKS_AGAIN_SECONDS = 0.25


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

    @loop(wake_on="outbox")
    def relay(self) -> float:
        """Families who wait for an answer go before readers who wait for facts."""
        if self.parts.decider.relay_rests(time.monotonic()):
            return RELAY_LOOKS_AGAIN_SECONDS
        return float(self.parts.relay.run_once())
