"""Catch-up: a reader says how far it has come; its publisher sends again what is missing, from the log.

This mends what no acknowledgement can see: a broker whose disk was wiped, an in-memory broker that died
with its process, a reader that is new. The reader announces its position every few seconds; a publisher
that hears the same position twice, with a fact beyond it that has been there for a while, sends the next
ones straight to that reader. A while, since a reader that is only slow has them in its queue already, and
sending everything again to one who is slow is how a busy minute becomes a bad hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from services.chassis import telemetry
from services.chassis.ids import new_id
from services.chassis.messaging.broker import (
    POSITIONS_EXCHANGE,
    Broker,
    BrokerUnavailable,
    Letter,
    Publisher,
)
from services.chassis.messaging.relay import letter_of
from services.chassis.storage.engine import Storage
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.tables import inbox_positions, outbox, outbox_readers, outbox_streams
from services.contracts.registry import SUBSCRIPTIONS, queue_of, readers_of

ANNOUNCE_EVERY_SECONDS = 3
LOST_AFTER = timedelta(seconds=10)
# At most this many facts a reader and announcement: live traffic goes on beside a long catch-up.
RESEND_BATCH = 2000

log = structlog.get_logger("catch_up")


@dataclass(frozen=True, slots=True)
class Position:
    """`reader` has every fact of `source` up to and with `received_through`."""

    reader: str
    source: str
    received_through: int


class CatchUp:
    def __init__(self, service: str, storage: Storage, broker: Broker) -> None:
        self.service = service
        self.storage = storage
        self._broker = broker
        self._announcer: Publisher = broker.publisher()
        self._resender: Publisher = broker.publisher()

    def announce(self) -> None:
        """Tell every publisher this service reads how far it has come. A silent broker is no error here."""
        with self.storage.reading() as connection:
            known = {
                row.source: row.received_through for row in connection.execute(sa.select(inbox_positions))
            }
        letters = []
        for source in SUBSCRIPTIONS[self.service]:
            position = Position(self.service, source, known.get(source, 0))
            letters.append(
                Letter(POSITIONS_EXCHANGE, source, json.dumps(asdict(position)), new_id(), must_route=False)
            )
        try:
            self._announcer.publish(letters)
        except BrokerUnavailable as error:
            log.info("position_not_announced", service=self.service, error=str(error))

    def hear(self, bodies: Iterable[bytes]) -> None:
        """Note the positions and send again what a reader seems to have lost.

        Raises BrokerUnavailable; the reader will announce itself again.
        """
        newest = {(position.reader, position.source): position for position in _positions(bodies)}
        for position in newest.values():
            if self._stands_still(position):
                self.resend(position.source, position.reader, position.received_through)

    def resend(self, source: str, reader: str, since: int, most: int = RESEND_BATCH) -> int:
        """Send `reader` the sent facts of `source` after `since`; how many. Raises BrokerUnavailable."""
        with self.storage.reading() as connection:
            rows = connection.execute(
                sa.select(outbox)
                .join(outbox_streams, outbox_streams.c.source == outbox.c.source)
                .where(
                    outbox.c.source == source,
                    outbox.c.sequence > since,
                    outbox.c.sequence <= outbox_streams.c.sent_through,
                )
                .order_by(outbox.c.sequence)
                .limit(most)
            ).all()
        if not rows:
            return 0
        sent = self._resender.publish([letter_of(row, queue_of(reader)) for row in rows])
        telemetry.FACTS_RESENT.labels(self.service, reader).inc(sent)
        log.info("facts_resent", service=self.service, source=source, reader=reader, since=since, facts=sent)
        return sent

    def resend_all(self, source: str, reader: str, since: int) -> int:
        """All sent facts of `source` after `since`, batch by batch; how many. Raises BrokerUnavailable."""
        total = 0
        while sent := self.resend(source, reader, since + total):
            total += sent
        return total

    def _stands_still(self, position: Position) -> bool:
        """Notes the position; whether it has not moved although the next fact was sent long ago."""
        with self.storage.unit() as unit:
            before = unit.row(
                sa.select(outbox_readers).where(
                    outbox_readers.c.reader == position.reader, outbox_readers.c.source == position.source
                )
            )
            note_position(unit.connection, position, unit.now)
            if before is None or before.received_through != position.received_through:
                return False
            recorded_at = unit.connection.scalar(
                sa.select(outbox.c.recorded_at)
                .join(outbox_streams, outbox_streams.c.source == outbox.c.source)
                .where(
                    outbox.c.source == position.source,
                    outbox.c.sequence == position.received_through + 1,
                    outbox.c.sequence <= outbox_streams.c.sent_through,
                )
            )
            return recorded_at is not None and recorded_at + LOST_AFTER <= unit.now

    def close(self) -> None:
        self._announcer.close()
        self._resender.close()


def note_position(connection: sa.Connection, position: Position, now: datetime) -> None:
    where = sa.and_(outbox_readers.c.reader == position.reader, outbox_readers.c.source == position.source)
    connection.execute(insert_ignoring(connection, outbox_readers), {**asdict(position), "announced_at": now})
    connection.execute(
        sa.update(outbox_readers)
        .where(where)
        .values(received_through=position.received_through, announced_at=now)
    )


def _positions(bodies: Iterable[bytes]) -> Iterable[Position]:
    """The positions in the messages; what is none is passed over: it will be said again, rightly."""
    for body in bodies:
        try:
            document = json.loads(body)
            position = Position(
                str(document["reader"]), str(document["source"]), int(document["received_through"])
            )
        except (ValueError, TypeError, KeyError):
            log.warning("position_unreadable", bytes=len(body))
            continue
        if position.reader in readers_of(position.source) and position.received_through >= 0:
            yield position
