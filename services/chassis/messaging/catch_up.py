"""Catch-up: a reader says how far it has come; its publisher sends again what is missing, from the log.

This mends what no acknowledgement can see: a broker whose disk was wiped, an in-memory broker that died
with its process, a reader that is new. The reader announces its position every few seconds; a publisher
that hears it stand still, with sent facts beyond, sends the next ones straight to that reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

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
# At most this many facts a reader and announcement: live traffic goes on beside a long catch-up.
RESEND_BATCH = 2000
# Two announcements without a move, a little less for their jitter: facts wait longer than one where a reader
# is busy, and several processes of a reader announce the same position at almost the same time.
STANDS_STILL = timedelta(seconds=2 * ANNOUNCE_EVERY_SECONDS - 1)
# A batch that was sent and shows no effect is on its way to a busy reader far more often than lost as well:
# sending it again at once would only make the reader busier.
SAME_AGAIN_AFTER = timedelta(seconds=15)

log = structlog.get_logger("catch_up")


@dataclass(frozen=True, slots=True)
class Position:
    """`reader` has every fact of `source` up to and with `received_through`."""

    reader: str
    source: str
    received_through: int


class BehindTheLog(Exception):
    """The fact log no longer has what the reader lacks: it left for its age, see retention."""


class CatchUp:
    def __init__(self, service: str, storage: Storage, broker: Broker) -> None:
        self.service = service
        self.storage = storage
        self._broker = broker
        self._announcer: Publisher = broker.publisher()
        self._resender: Publisher = broker.publisher()
        self._batch_ended: dict[tuple[str, str], int] = {}  # reader, source: where our last batch to it did
        self._resent: dict[tuple[str, str], tuple[int, datetime]] = {}  # since where, and when
        self._strayed: set[tuple[str, str]] = set()  # said once, and on the operations page all the time

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
            if self._lacks_facts(position):
                self.resend(position.source, position.reader, position.received_through)
                about = (position.reader, position.source)
                self._resent[about] = (position.received_through, self.storage.clock.now())
        self._resender.beat()

    def resend(self, source: str, reader: str, since: int, most: int = RESEND_BATCH) -> int:
        """Send `reader` the sent facts of `source` after `since`; how many.

        Raises BehindTheLog where the log does not reach back to `since`, and BrokerUnavailable.
        """
        with self.storage.reading() as connection:
            stream = connection.execute(
                sa.select(outbox_streams).where(outbox_streams.c.source == source)
            ).one()
            if since < stream.pruned_through:
                raise BehindTheLog(f"the fact log of {source} begins after {stream.pruned_through}")
            rows = connection.execute(
                sa.select(outbox)
                .where(
                    outbox.c.source == source,
                    outbox.c.sequence > since,
                    outbox.c.sequence <= stream.sent_through,
                )
                .order_by(outbox.c.sequence)
                .limit(most)
            ).all()
        return self._send(source, reader, rows) if rows else 0

    def _send(self, source: str, reader: str, rows: Sequence[sa.Row[Any]]) -> int:
        sent = self._resender.publish([letter_of(row, queue_of(reader)) for row in rows])
        if self._resender.returned:
            self._broker.declare_topology()
            raise BrokerUnavailable(f"{reader} had no queue; it is declared anew and it is tried again")
        telemetry.FACTS_RESENT.labels(self.service, reader).inc(sent)
        first = rows[0].sequence
        log.info("facts_resent", service=self.service, source=source, reader=reader, first=first, facts=sent)
        if sent < len(rows):
            raise BrokerUnavailable(f"the queue of {reader} is full")
        self._batch_ended[(reader, source)] = rows[-1].sequence
        return sent

    def resend_all(self, source: str, reader: str, since: int | None = None) -> int:
        """All sent facts of `source` after `since`, or all the log has; how many. Raises as `resend` does."""
        if since is None:
            with self.storage.reading() as connection:
                since = connection.scalar(
                    sa.select(outbox_streams.c.pruned_through).where(outbox_streams.c.source == source)
                )
        self._broker.declare_topology()
        total, begin = 0, since or 0
        while sent := self.resend(source, reader, begin + total):
            total += sent
        return total

    def _lacks_facts(self, position: Position) -> bool:
        """Notes the position. Whether there are sent facts beyond it and it stands still, or stands exactly
        where our last batch ended, so that a long catch-up goes on with every announcement."""
        about = (position.reader, position.source)
        with self.storage.unit() as unit:
            stream = unit.row(sa.select(outbox_streams).where(outbox_streams.c.source == position.source))
            if stream is None:
                return False
            moved_at = note_position(unit.connection, position, unit.now)
        if not stream.pruned_through <= position.received_through <= stream.last_sequence:
            self._say_strayed(position, stream)
            return False
        self._strayed.discard(about)
        if position.received_through >= stream.sent_through:
            return False
        if self._batch_ended.get(about) == position.received_through:
            return True
        since, at = self._resent.get(about, (None, unit.now))
        if since == position.received_through and unit.now - at < SAME_AGAIN_AFTER:
            return False
        return unit.now - moved_at >= STANDS_STILL

    def _say_strayed(self, position: Position, stream: sa.Row[Any]) -> None:
        """Behind what the log still has, or ahead of all it ever had: nothing sent now could mend that."""
        about = (position.reader, position.source)
        if about not in self._strayed:
            self._strayed.add(about)
            limits = {"log_begins_after": stream.pruned_through, "log_ends": stream.last_sequence}
            log.error("reader_outside_the_log", service=self.service, **asdict(position), **limits)

    def close(self) -> None:
        self._announcer.close()
        self._resender.close()


def note_position(connection: sa.Connection, position: Position, now: datetime) -> datetime:
    """Since when the reader has stood there."""
    where = sa.and_(outbox_readers.c.reader == position.reader, outbox_readers.c.source == position.source)
    new = {**asdict(position), "announced_at": now, "moved_at": now}
    connection.execute(insert_ignoring(connection, outbox_readers), new)
    before = connection.execute(sa.select(outbox_readers).where(where).with_for_update()).one()
    stays = before.received_through == position.received_through and before.moved_at is not None
    moved_at: datetime = before.moved_at if stays else now
    connection.execute(sa.update(outbox_readers).where(where).values({**new, "moved_at": moved_at}))
    return moved_at


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
