"""The relay: from the outbox to the broker, in order, and marked as sent only once confirmed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
import structlog

from services.chassis import telemetry
from services.chassis.messaging.broker import Broker, BrokerUnavailable, Letter, TopologyDiffers, must_route
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox, outbox_streams
from services.contracts.envelope import routing_key_of
from services.contracts.registry import STREAMS, exchange_of

BATCH = 1000
SMALLEST_BATCH = 10
MOST_BACK_OFF_SECONDS = 15.0

log = structlog.get_logger("relay")


class Relay:
    def __init__(self, service: str, storage: Storage, broker: Broker) -> None:
        self.service = service
        self.storage = storage
        self._broker = broker
        self._publisher = broker.publisher()
        self._failures = 0
        self._declared = False

    def run_once(self, most: int | None = None) -> float:
        """Publish a batch of every stream, of at most `most` facts. Seconds to rest before the next: 0 while
        there is more to send.

        One relay a service works at a time; the others stand by. Facts published twice (after a crash
        between the broker's confirm and our mark) are told apart by their message id.
        """
        try:
            with self.storage.exclusive("relay") as alone:
                sent = self._relay_all(most or BATCH) if alone else 0
        except BrokerUnavailable as error:
            return self._rest_after(error)
        self._failures = 0
        if not sent and not self._publisher.beat():
            self._declared = False
        return 0.0 if sent else 1.0

    def _rest_after(self, error: BrokerUnavailable) -> float:
        """Twice as long each time, with jitter, so that services do not all come back at once."""
        self._failures += 1
        self._declared = False  # the broker may have come back with an empty disk
        telemetry.RELAY_FAILURES.labels(self.service).inc()
        longest: float = min(0.5 * 2 ** min(self._failures, 10), MOST_BACK_OFF_SECONDS)
        rest: float = longest * random.uniform(0.5, 1)  # noqa: S311 (jitter, no secret)
        about = {"service": self.service, "error": str(error), "retry_in": round(rest, 1)}
        if isinstance(error, TopologyDiffers):
            log.error("topology_differs", **about)
        else:
            log.warning("broker_unavailable", **about)
        return rest

    def _relay_all(self, most: int) -> int:
        if not self._declared:
            self._broker.declare_topology()
            self._declared = True
        return sum(self._relay(source, most) for source in STREAMS[self.service])

    def _relay(self, source: str, most: int) -> int:
        with self.storage.reading() as connection:
            # Smaller after each failure: over a line that trickles, or to a queue that is nearly full, less
            # is sent in vain.
            rows = unsent(connection, source, max(SMALLEST_BATCH, most >> self._failures))
        if not rows:
            return 0
        try:
            confirmed = self._publisher.publish([letter_of(row) for row in rows])
        except BrokerUnavailable as error:
            if not self._publisher.returned:
                self._mark_sent(source, rows[: error.confirmed])
            raise
        if self._publisher.returned:
            self._see_returned(source)
            raise BrokerUnavailable(
                "facts were unroutable; the queues are declared anew and it is tried again"
            )
        self._mark_sent(source, rows[:confirmed])
        if confirmed < len(rows):
            raise BrokerUnavailable(f"{len(rows) - confirmed} facts were refused: a reader's queue is full")
        return confirmed

    def _see_returned(self, source: str) -> None:
        for message_id in self._publisher.returned:
            telemetry.FACTS_UNROUTABLE.labels(self.service).inc()
            log.error("fact_unroutable", service=self.service, source=source, message_id=message_id)

    def _mark_sent(self, source: str, rows: Sequence[sa.Row[Any]]) -> None:
        if not rows:
            return
        sequence = rows[-1].sequence
        with self.storage.unit() as unit:
            unit.execute(
                sa.update(outbox_streams)
                .where(outbox_streams.c.source == source, outbox_streams.c.sent_through < sequence)
                .values(sent_through=sequence)
            )
        telemetry.FACTS_PUBLISHED.labels(self.service).inc(len(rows))

    def close(self) -> None:
        self._publisher.close()


def unsent(connection: sa.Connection, source: str, most: int) -> Sequence[sa.Row[Any]]:
    sent_through = connection.scalar(
        sa.select(outbox_streams.c.sent_through).where(outbox_streams.c.source == source)
    )
    return connection.execute(
        sa.select(outbox)
        .where(outbox.c.source == source, outbox.c.sequence > (sent_through or 0))
        .order_by(outbox.c.sequence)
        .limit(most)
    ).all()


def letter_of(row: sa.Row[Any], queue: str | None = None) -> Letter:
    """The logged fact as a message: to all its readers, or to one reader's queue."""
    if queue is not None:
        return Letter("", queue, row.envelope, row.message_id)
    return Letter(
        exchange_of(row.source),
        routing_key_of(row.type),
        row.envelope,
        row.message_id,
        must_route(row.source),
    )
