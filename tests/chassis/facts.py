"""Facts and messages to send about, and short looks into the tables of the chassis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.ids import new_id
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox, inbox_positions, outbox, outbox_streams, parked_actions
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import CourseCancelled
from services.contracts.envelope import Envelope, envelop, parse_envelope
from services.contracts.fact import Fact, LocalText

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def cancelled(course_id: str = "course-1") -> CourseCancelled:
    return CourseCancelled(course_id, LocalText("Läraren är sjuk.", "The teacher is ill."))


def enveloped(fact: Fact, sequence: int, **changes: Any) -> Envelope:
    """The fact as its publisher would send it; the message id follows from stream and sequence."""
    envelope = envelop(
        fact,
        message_id=f"{fact.SOURCE}-{sequence}",
        sequence=sequence,
        now=NOW,
        correlation_id=f"story-{sequence}",
        causation_id=None,
        traceparent=None,
    )
    return replace(envelope, **changes)


def message(fact: Fact, sequence: int, **changes: Any) -> bytes:
    return enveloped(fact, sequence, **changes).to_json().encode()


def messages(subjects: Iterable[str], first: int = 1) -> list[bytes]:
    """One cancelled course a subject, in sequence."""
    return [message(cancelled(subject), first + n) for n, subject in enumerate(subjects)]


def record(storage: Storage, *facts: Fact) -> None:
    with storage.unit() as unit:
        for fact in facts:
            unit.record(fact)


def log_of(storage: Storage, source: str) -> list[Envelope]:
    """The stream's fact log."""
    with storage.reading() as connection:
        rows = connection.scalars(
            sa.select(outbox.c.envelope).where(outbox.c.source == source).order_by(outbox.c.sequence)
        )
        return [parse_envelope(text) for text in rows]


def stream(storage: Storage, source: str) -> tuple[int, int]:
    """Last sequence, sent through."""
    with storage.reading() as connection:
        row = connection.execute(sa.select(outbox_streams).where(outbox_streams.c.source == source)).one()
        return row.last_sequence, row.sent_through


def position(storage: Storage, source: str) -> int | None:
    with storage.reading() as connection:
        through: int | None = connection.scalar(
            sa.select(inbox_positions.c.received_through).where(inbox_positions.c.source == source)
        )
        return through


def inbox_row(storage: Storage, message_id: str) -> sa.Row[Any]:
    with storage.reading() as connection:
        return connection.execute(sa.select(inbox).where(inbox.c.message_id == message_id)).one()


def inbox_rows(storage: Storage) -> list[sa.Row[Any]]:
    with storage.reading() as connection:
        return list(connection.execute(sa.select(inbox).order_by(inbox.c.source, inbox.c.sequence)))


def leave_mark(unit: Unit, text: str) -> None:
    """State of a service, as far as these tests go: a row in a table that every service's database has."""
    row = {"id": new_id(), "message_id": text, "action": "mark", "by": "test", "reason": "", "at": unit.now}
    unit.execute(sa.insert(parked_actions), row)


def marks(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        found = connection.scalars(sa.select(parked_actions.c.message_id))
        return sorted(found)
