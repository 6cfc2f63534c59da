"""Tables of reminders and disputes. Rows are only ever added; the database refuses anything else."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.metadata import metadata
from services.chassis.storage.types import UtcDateTime

# What was said of an invoice when it was late, as it was then.
reminders = sa.Table(
    "reminders",
    metadata,
    sa.Column("reminder_id", sa.String(36), primary_key=True),
    sa.Column("batch_id", sa.String(36), nullable=False),
    sa.Column("series", sa.String(40), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("invoice_id", sa.String(36), sa.ForeignKey("invoices.invoice_id"), nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("open_ore", sa.BigInteger, nullable=False),
    sa.Column("reminded_on", sa.Date, nullable=False),
    sa.Column("pay_by", sa.Date, nullable=False),
    sa.Column("sent_by", sa.String(200), nullable=False),
    sa.Column("sent_at", UtcDateTime, nullable=False),
    # At most one a level: two who send at once cannot remind twice.
    sa.UniqueConstraint("invoice_id", "level", name="uq_reminders_level"),
    sa.UniqueConstraint("series", "number", name="uq_reminders_number"),
    sa.CheckConstraint("open_ore > 0 AND level > 0", name="ck_reminders_open"),
)
sa.Index("ix_reminders_batch", reminders.c.batch_id)

# Whether a payer contests an invoice; the highest version counts.
disputes = sa.Table(
    "disputes",
    metadata,
    sa.Column("invoice_id", sa.String(36), sa.ForeignKey("invoices.invoice_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("dispute_id", sa.String(36), nullable=False, unique=True),
    sa.Column("disputed", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)
