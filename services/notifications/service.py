"""nameko entrypoints of notifications: facts and timers, nothing else."""

from __future__ import annotations

from services.chassis.messaging.entrypoints import loop
from services.chassis.messaging.service import FactService


class NotificationsService(FactService):
    name = "notifications"

    @loop(wake_on="messages")
    def send(self) -> float:
        return float(self.parts.sender.run_once())
