"""nameko entrypoints of catalogue: facts and timers, nothing else."""

from __future__ import annotations

from services.chassis.messaging.entrypoints import loop
from services.chassis.messaging.service import FactService


class CatalogueService(FactService):
    name = "catalogue"

    @loop()
    def follow_successors(self) -> float:
        """Courses of a municipality that became a part of another one follow it, on the day."""
        return float(self.parts.successors.run_once())
