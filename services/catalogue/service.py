"""nameko entrypoints of catalogue: facts and timers, nothing else."""

from __future__ import annotations

from services.chassis.messaging.service import FactService


class CatalogueService(FactService):
    name = "catalogue"
