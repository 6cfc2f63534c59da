"""The tables every service's database has: what it has to tell, and what it was told.

They have a migration history of their own (`chassis_version`), beside the service's.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.storage.types import UtcDateTime

metadata = sa.MetaData()

# A stream's counter and how far the relay has come. `last_sequence` is raised as the last statement before
# commit, so sequence order is commit order and there is never a gap.
outbox_streams = sa.Table(
    "outbox_streams",
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("last_sequence", sa.BigInteger, nullable=False),
    sa.Column("sent_through", sa.BigInteger, nullable=False),
    # Facts up to here have left the log for their age: see retention.
    sa.Column("pruned_through", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("sent_through <= last_sequence", name="ck_outbox_streams_sent"),
)

# The fact log: kept after sending, so that a reader can be caught up from it.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("message_id", sa.String(64), nullable=False, unique=True),
    sa.Column("type", sa.String(128), nullable=False),
    sa.Column("envelope", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)

# How far each reader of a stream said it has come.
outbox_readers = sa.Table(
    "outbox_readers",
    metadata,
    sa.Column("reader", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("received_through", sa.BigInteger, nullable=False),
    sa.Column("announced_at", UtcDateTime, nullable=False),
    # When it last said something else than the time before.
    sa.Column("moved_at", UtcDateTime),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("message_id", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), nullable=False),
    # None for what could not be read as an envelope: such a message is parked as it is.
    sa.Column("sequence", sa.BigInteger),
    sa.Column("type", sa.String(128), nullable=False),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("handled_at", UtcDateTime),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_attempt_at", UtcDateTime),
    sa.Column("parked_at", UtcDateTime),
    sa.Column("last_error", sa.Text),
)
sa.Index("ix_inbox_source_sequence", inbox.c.source, inbox.c.sequence)
sa.Index(
    "ix_inbox_waiting",
    inbox.c.source,
    inbox.c.sequence,
    postgresql_where=inbox.c.handled_at.is_(None),
    sqlite_where=inbox.c.handled_at.is_(None),
)
_TROUBLED = sa.and_(inbox.c.handled_at.is_(None), inbox.c.attempts > 0)
sa.Index(
    "ix_inbox_troubled",
    inbox.c.source,
    inbox.c.subject,
    postgresql_where=_TROUBLED,
    sqlite_where=_TROUBLED,
)

# Up to where a reader has every fact of a stream, without a gap.
inbox_positions = sa.Table(
    "inbox_positions",
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("received_through", sa.BigInteger, nullable=False),
    # Facts up to here were handled and have left the inbox for their age; one that comes again is told apart
    # by this alone.
    sa.Column("pruned_through", sa.BigInteger, nullable=False, server_default="0"),
)

# Who replayed or discarded a parked fact, when and why.
parked_actions = sa.Table(
    "parked_actions",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("message_id", sa.String(64), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("by", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
