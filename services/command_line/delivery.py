"""Whether every fact has reached everybody who reads it: by the publisher's database and by the reader's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import eventlet
import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox, inbox_positions, outbox, outbox_streams
from services.contracts.registry import SERVICES, STREAMS, readers_of

PATIENCE_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.25
FETCH = 5000


@dataclass(frozen=True, slots=True)
class _Way:
    """From a publisher's log to a reader's inbox: the facts `after` to `through` must be in both."""

    source: str
    publisher: str
    reader: str
    after: int
    through: int


def undelivered(storages: Mapping[str, Storage], patience_seconds: float = PATIENCE_SECONDS) -> list[str]:
    """What of the facts committed by now has not reached a reader, or not been handled, in words.

    Facts are always on their way while the services run: they are given some time.
    """
    ways = list(_ways(storages))
    deadline = time.monotonic() + patience_seconds
    while True:
        lacking = [finding for way in ways for finding in _lacking(storages[way.reader], way)]
        if not lacking or time.monotonic() > deadline:
            break
        eventlet.sleep(LOOK_EVERY_SECONDS)
    return lacking + [finding for way in ways for finding in _different(storages, way)]


def _ways(storages: Mapping[str, Storage]) -> Iterator[_Way]:
    for publisher in SERVICES:
        with storages[publisher].reading() as connection:
            streams = {row.source: row for row in connection.execute(sa.select(outbox_streams))}
        for source in STREAMS[publisher]:
            for reader in readers_of(source):
                stream = streams[source]
                yield _Way(source, publisher, reader, stream.pruned_through, stream.last_sequence)


def _lacking(storage: Storage, way: _Way) -> list[str]:
    with storage.reading() as connection:
        received = connection.scalar(
            sa.select(inbox_positions.c.received_through).where(inbox_positions.c.source == way.source)
        )
        waiting = connection.scalar(
            sa.select(sa.func.count()).where(
                inbox.c.source == way.source,
                inbox.c.sequence <= way.through,
                inbox.c.handled_at.is_(None),
                inbox.c.parked_at.is_(None),  # these are told of by the reader's own checks
            )
        )
    if (received or 0) < way.through:
        return [f"{way.reader} has {received or 0} of the {way.through} facts of {way.source}"]
    return [f"{way.reader} has not handled {waiting} facts of {way.source}"] if waiting else []


def _different(storages: Mapping[str, Storage], way: _Way) -> list[str]:
    """As far as both keep them, the messages are the same ones."""
    with ExitStack() as stack:
        told = stack.enter_context(storages[way.publisher].reading())
        heard = stack.enter_context(storages[way.reader].reading())
        position = heard.execute(
            sa.select(inbox_positions).where(inbox_positions.c.source == way.source)
        ).first()
        if position is None:
            return []
        after = max(way.after, position.pruned_through)
        through = min(way.through, position.received_through)
        count = sum(
            one != other
            for one, other in zip(
                _messages(told, outbox, way.source, after, through),
                _messages(heard, inbox, way.source, after, through),
                strict=False,
            )
        )
    return [f"{count} facts of {way.source} are others at {way.reader} than in the log"] if count else []


def _messages(
    connection: sa.Connection, log: sa.Table, source: str, after: int, through: int
) -> Iterator[tuple[int, str]]:
    """Sequence and message id in order; what one log has and the other has not shifts all that follow."""
    while after < through:
        rows = connection.execute(
            sa.select(log.c.sequence, log.c.message_id)
            .where(log.c.source == source, log.c.sequence > after, log.c.sequence <= through)
            .order_by(log.c.sequence)
            .limit(FETCH)
        ).all()
        if not rows:
            return
        yield from ((row.sequence, row.message_id) for row in rows)
        after = rows[-1].sequence
