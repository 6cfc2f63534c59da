"""Invariants of outbox and inbox, the same in every service's database."""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.storage.tables import inbox, inbox_positions, outbox, outbox_streams


def check(connection: sa.Connection, service: str) -> list[str]:
    """What does not hold, in words; empty when all is well."""
    return _outbox_gaps(connection) + _inbox_gaps(connection) + _parked(connection)


def _outbox_gaps(connection: sa.Connection) -> list[str]:
    findings = []
    for stream in connection.execute(sa.select(outbox_streams)):
        first, last, count = connection.execute(
            sa.select(sa.func.min(outbox.c.sequence), sa.func.max(outbox.c.sequence), sa.func.count()).where(
                outbox.c.source == stream.source
            )
        ).one()
        known = stream.last_sequence
        if (first, last, count) != ((1, known, known) if known else (None, None, 0)):
            findings.append(f"the fact log of {stream.source} has a gap")
    return findings


def _inbox_gaps(connection: sa.Connection) -> list[str]:
    """A fact beyond the position that nobody has filled is one that was lost on the way."""
    beyond = connection.execute(
        sa.select(inbox.c.source, sa.func.count())
        .join(inbox_positions, inbox_positions.c.source == inbox.c.source)
        .where(inbox.c.sequence > inbox_positions.c.received_through)
        .group_by(inbox.c.source)
    )
    return [f"{count} facts of {source} wait for an earlier one" for source, count in beyond]


def _parked(connection: sa.Connection) -> list[str]:
    count = connection.scalar(
        sa.select(sa.func.count()).where(inbox.c.handled_at.is_(None), inbox.c.parked_at.is_not(None))
    )
    return [f"{count} facts are parked"] if count else []
