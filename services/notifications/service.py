"""nameko entrypoints of notifications: facts and timers, nothing else."""

from __future__ import annotations

import time

from services.chassis.messaging.entrypoints import loop
from services.chassis.messaging.service import FactService

MAIL_WAITS_AT_MOST_SECONDS = 2.0


class NotificationsService(FactService):
    name = "notifications"

    @loop(wake_on="messages")
    def send(self) -> float:
        """While many facts wait, letters go out a few at a time: a fact may be news for a letter too."""
        sender = self.parts.sender
        if self.parts.worker.is_behind and time.monotonic() < sender.ran_at + MAIL_WAITS_AT_MOST_SECONDS:
            return 0.25
        return float(sender.run_once())
