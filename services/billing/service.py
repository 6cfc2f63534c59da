"""nameko entrypoints of billing: facts and timers, nothing else."""

from __future__ import annotations

from services.chassis.messaging.service import FactService


class BillingService(FactService):
    name = "billing"
