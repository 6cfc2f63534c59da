"""nameko entrypoints of enrolment: facts and timers, nothing else."""

from __future__ import annotations

from services.chassis.messaging.entrypoints import loop
from services.chassis.messaging.service import FactService


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
