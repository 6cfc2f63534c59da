"""How a service's facts are doing: for the operations page, the metrics and the readiness check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from services.chassis import telemetry
from services.chassis.messaging.broker import Broker
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox, inbox_positions, outbox, outbox_readers, outbox_streams
from services.contracts.registry import readers_of

_WAITING = sa.and_(inbox.c.handled_at.is_(None), inbox.c.parked_at.is_(None))
_PARKED = sa.and_(inbox.c.handled_at.is_(None), inbox.c.parked_at.is_not(None))


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts since the database was made; `oldest_waiting_at` over outbox and inbox."""

    service: str
    published: int
    received: int
    handled: int
    outbox_backlog: int
    inbox_backlog: int
    parked: int
    oldest_waiting_at: datetime | None

    def oldest_waiting_seconds(self, now: datetime) -> float:
        if self.oldest_waiting_at is None:
            return 0.0
        return max(0.0, (now - self.oldest_waiting_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader of one of this service's streams, as it last announced itself."""

    reader: str
    source: str
    received_through: int
    announced_at: datetime
    lag: int  # sent facts that it has not received
    behind_log: bool  # it lacks facts that the fact log no longer has
    ahead_of_log: bool  # it has facts that the fact log never had: was our database restored?

    @property
    def strayed(self) -> bool:
        """No fact sent now could mend it: a person must."""
        return self.behind_log or self.ahead_of_log


def readers(connection: sa.Connection) -> tuple[Reader, ...]:
    """Who reads this service's streams, and how far each has come."""
    rows = connection.execute(
        sa.select(outbox_readers, outbox_streams)
        .join(outbox_streams, outbox_streams.c.source == outbox_readers.c.source)
        .order_by(outbox_readers.c.source, outbox_readers.c.reader)
    )
    return tuple(
        Reader(
            reader=row.reader,
            source=row.source,
            received_through=row.received_through,
            announced_at=row.announced_at,
            lag=max(0, row.sent_through - row.received_through),
            behind_log=row.received_through < row.pruned_through,
            ahead_of_log=row.received_through > row.last_sequence,
        )
        for row in rows
        if row.reader in readers_of(row.source)
    )


def figures(storage: Storage, service: str) -> Figures:
    """Counted from counters and the small partial indexes, never over the whole log."""
    with storage.reading() as connection:
        published, backlog = connection.execute(
            sa.select(
                sa.func.coalesce(sa.func.sum(outbox_streams.c.sent_through), 0),
                sa.func.coalesce(
                    sa.func.sum(outbox_streams.c.last_sequence - outbox_streams.c.sent_through), 0
                ),
            )
        ).one()
        through = connection.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(inbox_positions.c.received_through), 0))
        )
        beyond = connection.scalar(
            sa.select(sa.func.count())
            .select_from(inbox.join(inbox_positions, inbox_positions.c.source == inbox.c.source))
            .where(inbox.c.sequence > inbox_positions.c.received_through)
        )
        waiting, oldest_in = connection.execute(
            sa.select(sa.func.count(), sa.func.min(inbox.c.received_at)).where(_WAITING)
        ).one()
        parked = connection.scalar(sa.select(sa.func.count()).where(_PARKED)) or 0
        parked_unreadable = (
            connection.scalar(sa.select(sa.func.count()).where(_PARKED, inbox.c.sequence.is_(None))) or 0
        )
        oldest_out = connection.scalar(
            sa.select(sa.func.min(outbox.c.recorded_at))
            .select_from(outbox.join(outbox_streams, outbox_streams.c.source == outbox.c.source))
            .where(outbox.c.sequence > outbox_streams.c.sent_through)
        )
    received = int(through or 0) + int(beyond or 0)
    ages = [time for time in (oldest_in, oldest_out) if time is not None]
    return Figures(
        service=service,
        published=int(published),
        received=received + parked_unreadable,
        handled=received - waiting - (parked - parked_unreadable),
        outbox_backlog=int(backlog),
        inbox_backlog=waiting,
        parked=parked,
        oldest_waiting_at=min(ages) if ages else None,
    )


def export(storage: Storage, broker: Broker, service: str) -> None:
    """Set the gauges; the counters count by themselves."""
    now_figures, now = figures(storage, service), storage.clock.now()
    telemetry.OUTBOX_BACKLOG.labels(service).set(now_figures.outbox_backlog)
    telemetry.INBOX_BACKLOG.labels(service).set(now_figures.inbox_backlog)
    telemetry.INBOX_PARKED.labels(service).set(now_figures.parked)
    telemetry.OLDEST_WAITING.labels(service).set(now_figures.oldest_waiting_seconds(now))
    telemetry.BROKER_AWAY.labels(service).set(broker.away_seconds)
    telemetry.TOPOLOGY_DIFFERS.labels(service).set(broker.topology_differs)
    with storage.reading() as connection:
        known = readers(connection)
    for reader in known:
        telemetry.READER_LAG.labels(service, reader.source, reader.reader).set(reader.lag)
        telemetry.READER_STRAYED.labels(service, reader.source, reader.reader).set(reader.strayed)
