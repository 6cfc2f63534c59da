"""Retention: what is old leaves the fact log and the inbox, and never what somebody still needs.

Both are pruned from their beginning only, and remember through where: so the log's readers and the inbox'
duplicates are judged by one number a stream, without the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis import telemetry
from services.chassis.storage.engine import Storage
from services.chassis.storage.inbox import UNREADABLE
from services.chassis.storage.tables import inbox, inbox_positions, outbox, outbox_readers, outbox_streams
from services.chassis.storage.unit import Unit
from services.contracts.registry import readers_of

BATCH = 2000  # a transaction's worth: short enough that nobody waits for it
PAUSE_SECONDS = 0.5
EVERY_SECONDS = 3600.0


class Retention:
    def __init__(
        self, service: str, storage: Storage, keep_fact_log: timedelta, keep_inbox: timedelta
    ) -> None:
        self.service = service
        self.storage = storage
        self._keep_fact_log = keep_fact_log
        self._keep_inbox = keep_inbox

    def run_once(self) -> float:
        """Prune a batch of every stream. Seconds to rest before the next."""
        with self.storage.exclusive("retention") as alone:
            if not alone:
                return EVERY_SECONDS
            now = self.storage.clock.now()
            with self.storage.reading() as connection:
                streams = connection.scalars(sa.select(outbox_streams.c.source)).all()
                sources = connection.scalars(sa.select(inbox_positions.c.source)).all()
            told = sum(self._prune_outbox(source, now - self._keep_fact_log) for source in streams)
            heard = sum(self._prune_inbox(source, now - self._keep_inbox) for source in sources)
            heard += self._prune_unreadable(now - self._keep_inbox)
        telemetry.FACTS_PRUNED.labels(self.service, "outbox").inc(told)
        telemetry.FACTS_PRUNED.labels(self.service, "inbox").inc(heard)
        return PAUSE_SECONDS if told or heard else EVERY_SECONDS

    def _prune_outbox(self, source: str, before: datetime) -> int:
        """Only what every reader has received. A reader that has never announced itself has nothing yet."""
        with self.storage.unit() as unit:
            # Not locked: a command numbers its facts by this row, and should not wait for us.
            stream = unit.connection.execute(
                sa.select(outbox_streams).where(outbox_streams.c.source == source)
            ).one()
            limit = min([stream.sent_through, *_received(unit, source)])
            rows = unit.connection.execute(
                sa.select(outbox.c.sequence, outbox.c.recorded_at)
                .where(
                    outbox.c.source == source,
                    outbox.c.sequence > stream.pruned_through,
                    outbox.c.sequence <= limit,
                )
                .order_by(outbox.c.sequence)
                .limit(BATCH)
            )
            through = _last(rows, stream.pruned_through, lambda row: row.recorded_at < before)
            return _prune(unit, outbox, outbox_streams, source, through)

    def _prune_inbox(self, source: str, before: datetime) -> int:
        """Only what was handled, and nothing behind what was not: a parked fact keeps all that came later."""
        with self.storage.unit() as unit:
            # Locked: what arrives meanwhile must see the rows, or that they are gone, and nothing between.
            position = unit.connection.execute(
                sa.select(inbox_positions).where(inbox_positions.c.source == source).with_for_update()
            ).one()
            rows = unit.connection.execute(
                sa.select(inbox.c.sequence, inbox.c.handled_at)
                .where(
                    inbox.c.source == source,
                    inbox.c.sequence > position.pruned_through,
                    inbox.c.sequence <= position.received_through,
                )
                .order_by(inbox.c.sequence)
                .limit(BATCH)
            )
            through = _last(
                rows,
                position.pruned_through,
                lambda row: row.handled_at is not None and row.handled_at < before,
            )
            return _prune(unit, inbox, inbox_positions, source, through, inbox.c.handled_at < before)

    def _prune_unreadable(self, before: datetime) -> int:
        """What was no fact, and was set aside."""
        with self.storage.unit() as unit:
            return unit.execute(
                sa.delete(inbox).where(inbox.c.source == UNREADABLE, inbox.c.handled_at < before)
            ).rowcount


def _received(unit: Unit, source: str) -> Iterable[int]:
    said = {
        row.reader: row.received_through
        for row in unit.rows(sa.select(outbox_readers).where(outbox_readers.c.source == source))
    }
    return [said.get(reader, 0) for reader in readers_of(source)]


def _last(rows: Iterable[Any], through: int, is_old: Callable[[Any], bool]) -> int:
    """The last of the rows from the first on that are all old."""
    for row in rows:
        if not is_old(row):
            break
        through = row.sequence
    return through


def _prune(
    unit: Unit, log: sa.Table, positions: sa.Table, source: str, through: int, *also: sa.ColumnElement[bool]
) -> int:
    pruned = unit.execute(sa.delete(log).where(log.c.source == source, log.c.sequence <= through, *also))
    if pruned.rowcount:
        unit.execute(sa.update(positions).where(positions.c.source == source).values(pruned_through=through))
    return pruned.rowcount
