"""Reminders of late invoices, kept for a finance contact that becomes known after them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("reminder_id", sa.String(128), primary_key=True),
        sa.Column("cause_id", sa.String(64), nullable=False),
        sa.Column("payer_code", sa.String(4), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
