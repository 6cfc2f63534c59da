"""What every service is made of; a service's wiring adds its own."""

from __future__ import annotations

from datetime import timedelta

from services.chassis.clock import Clock
from services.chassis.consistency import Watch
from services.chassis.messaging.broker import Broker
from services.chassis.messaging.catch_up import CatchUp
from services.chassis.messaging.entrypoints import Bells
from services.chassis.messaging.relay import Relay
from services.chassis.messaging.worker import Reactions, Worker
from services.chassis.settings import Settings
from services.chassis.storage.engine import Storage
from services.chassis.storage.retention import Retention


class Parts:
    """The adapters of one running service."""

    def __init__(self, settings: Settings, reactions: Reactions, clock: Clock) -> None:
        self.settings = settings
        self.service = settings.service
        self.clock = clock
        self.bells = Bells()
        self.storage = Storage(settings.database_url, clock)
        self.storage.facts_recorded = lambda: self.bells.ring("outbox")
        self.broker = Broker(settings.amqp_uri)
        self.relay = Relay(self.service, self.storage, self.broker)
        self.worker = Worker(self.service, self.storage, reactions)
        self.catch_up = CatchUp(self.service, self.storage, self.broker)
        self.watch = Watch(self.service, self.storage)
        self.retention = Retention(
            self.service,
            self.storage,
            keep_fact_log=timedelta(days=settings.fact_log_days),
            keep_inbox=timedelta(days=settings.inbox_days),
        )

    def close(self) -> None:
        self.relay.close()
        self.catch_up.close()
        self.storage.close()
