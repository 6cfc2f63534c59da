"""Outbox, inbox and how far everybody has come."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "outbox_streams",
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("sent_through", sa.BigInteger, nullable=False),
        sa.CheckConstraint("sent_through <= last_sequence", name="ck_outbox_streams_sent"),
    )
    op.create_table(
        "outbox",
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.String(64), nullable=False, unique=True),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("envelope", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
    )
    op.create_table(
        "outbox_readers",
        sa.Column("reader", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("received_through", sa.BigInteger, nullable=False),
        sa.Column("announced_at", TIME, nullable=False),
    )
    op.create_table(
        "inbox",
        sa.Column("message_id", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("handled_at", TIME),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", TIME),
        sa.Column("parked_at", TIME),
        sa.Column("last_error", sa.Text),
    )
    op.create_index("ix_inbox_source_sequence", "inbox", ["source", "sequence"])
    _partial_index("ix_inbox_waiting", ["source", "sequence"], "handled_at IS NULL")
    _partial_index("ix_inbox_troubled", ["source", "subject"], "handled_at IS NULL AND attempts > 0")
    op.create_table(
        "inbox_positions",
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("received_through", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "parked_actions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("message_id", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("by", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
    )


def _partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "inbox", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
