"""The inbox: what other services told this one, each fact once, in the publisher's order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.chassis.storage.gathered import insert_into
from services.chassis.storage.tables import inbox, inbox_positions
from services.contracts.envelope import Envelope, MalformedEnvelope, parse_envelope

UNREADABLE = "unreadable"
LOOK_AHEAD = 1000


@dataclass(frozen=True, slots=True)
class Received:
    """What was stored: how many of the messages were new."""

    stored: int
    duplicates: int


def insert_ignoring(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that passes over rows which are there already."""
    return insert_into(connection.dialect.name, table).on_conflict_do_nothing()


def store(storage: Storage, bodies: Iterable[bytes]) -> Received:
    """Store what the broker delivered in one transaction; only then may it be acknowledged.

    What cannot be read as an envelope is kept too, parked with the reason: acknowledging it away would
    lose it, and refusing it would have the broker deliver it for ever.
    """
    with storage.unit() as unit:
        arrived = [_row(body, unit.now) for body in bodies]
        rows = {row["message_id"]: row for row in arrived}
        sources = sorted({row["source"] for row in rows.values() if row["sequence"] is not None})
        positions = {source: _locked_position(unit.connection, source) for source in sources}
        known = set(
            unit.connection.scalars(sa.select(inbox.c.message_id).where(inbox.c.message_id.in_(list(rows))))
        )
        fresh = [
            row
            for message_id, row in rows.items()
            if message_id not in known and not _was_pruned(row, positions)
        ]
        _insert(unit.connection, fresh)
        for source, position in positions.items():
            _advance(unit.connection, source, position.received_through)
    return Received(stored=len(fresh), duplicates=len(arrived) - len(fresh))


def _row(body: bytes, now: datetime) -> dict[str, Any]:
    text = body.decode("utf-8", errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    row: dict[str, Any] = {"body": text, "received_at": now, "parked_at": None, "last_error": None}
    try:
        envelope = parse_envelope(body)
    except MalformedEnvelope as error:
        message_id = f"unreadable-{hashlib.sha256(body).hexdigest()[:48]}"
        parked = {"parked_at": now, "last_error": f"not an envelope: {error}"}
        unknown = {"source": UNREADABLE, "sequence": None, "type": UNREADABLE, "subject": message_id}
        return {**row, "message_id": message_id, **unknown, **parked}
    about = {name: getattr(envelope, name) for name in ("source", "sequence", "type", "subject")}
    return {**row, "message_id": envelope.id, **about}


def _insert(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Facts all at once: nobody else can add any while the positions are locked. What is no fact has no
    position, so two may come with the same at the same time."""
    facts = [row for row in rows if row["sequence"] is not None]
    others = [row for row in rows if row["sequence"] is None]
    if facts:
        connection.execute(sa.insert(inbox), facts)
    if others:
        connection.execute(insert_ignoring(connection, inbox), others)


def _was_pruned(row: dict[str, Any], positions: Mapping[str, sa.Row[Any]]) -> bool:
    """Whether the fact was handled so long ago that its row is gone."""
    return row["sequence"] is not None and row["sequence"] <= positions[row["source"]].pruned_through


def _locked_position(connection: sa.Connection, source: str) -> sa.Row[Any]:
    beginning = {"source": source, "received_through": 0}
    connection.execute(insert_ignoring(connection, inbox_positions), beginning)
    return connection.execute(
        sa.select(inbox_positions).where(inbox_positions.c.source == source).with_for_update()
    ).one()


def _advance(connection: sa.Connection, source: str, position: int) -> None:
    """Move the position to the last fact before the first gap."""
    through = _last_before_gap(connection, source, position)
    if through > position:
        connection.execute(
            sa.update(inbox_positions)
            .where(inbox_positions.c.source == source)
            .values(received_through=through)
        )


def _last_before_gap(connection: sa.Connection, source: str, position: int) -> int:
    """Looks a bounded number of facts ahead at a time: many may lie beyond a gap."""
    through = position
    while True:
        ahead = connection.scalars(
            sa.select(inbox.c.sequence)
            .where(inbox.c.source == source, inbox.c.sequence > through)
            .order_by(inbox.c.sequence)
            .limit(LOOK_AHEAD)
        ).all()
        for sequence in ahead:
            if sequence > through + 1:
                return through
            through = sequence
        if len(ahead) < LOOK_AHEAD:
            return through


def ready(connection: sa.Connection, now: datetime, most: int) -> Sequence[sa.Row[Any]]:
    """The next facts to handle, oldest first a stream.

    A fact waits for every earlier one of its stream to have arrived, and for every earlier one of its
    subject to be handled: behind a fact that backs off or is parked, its subject's later facts wait too,
    and nobody else's do.
    """
    # Stream by stream, along the index: with a long backlog sorting all of it would cost more than the work.
    found = [
        row
        for position in connection.execute(sa.select(inbox_positions)).all()
        for row in connection.execute(_ready_of(position, now).limit(most))
    ]
    return sorted(found, key=lambda row: (row.sequence, row.source))[:most]


def _ready_of(position: sa.Row[Any], now: datetime) -> sa.Select[Any]:
    earlier = inbox.alias("earlier")
    blocked = (
        sa.select(earlier.c.message_id)
        .where(
            earlier.c.source == inbox.c.source,
            earlier.c.subject == inbox.c.subject,
            earlier.c.handled_at.is_(None),
            earlier.c.attempts > 0,  # only these can stand in the way; they have an index of their own
            earlier.c.sequence < inbox.c.sequence,
            sa.or_(earlier.c.parked_at.is_not(None), earlier.c.next_attempt_at > now),
        )
        .exists()
    )
    return (
        sa.select(inbox)
        .where(
            inbox.c.source == position.source,
            inbox.c.handled_at.is_(None),
            inbox.c.parked_at.is_(None),
            inbox.c.sequence <= position.received_through,
            sa.or_(inbox.c.next_attempt_at.is_(None), inbox.c.next_attempt_at <= now),
            ~blocked,
        )
        .order_by(inbox.c.sequence)
    )


def mark_handled(connection: sa.Connection, message_ids: Sequence[str], now: datetime) -> int:
    """Mark those that are not yet; how many. Who marks holds the rows until its transaction ends."""
    marked: int = connection.execute(
        sa.update(inbox)
        .where(inbox.c.message_id.in_(message_ids), inbox.c.handled_at.is_(None))
        .values(handled_at=now, next_attempt_at=None, parked_at=None)
    ).rowcount
    return marked


def envelope_of(row: sa.Row[Any]) -> Envelope:
    return parse_envelope(row.body)
