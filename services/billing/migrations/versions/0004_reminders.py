"""Reminders of late invoices, disputes, and two more details of a payer.

Added beside what the previous release knows: it runs on, and writes payers without the new details.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TIME = sa.DateTime(timezone=True)
KEPT = ("reminders", "disputes")


def upgrade() -> None:
    op.add_column("payers", sa.Column("peppol_id", sa.String(60), nullable=False, server_default=""))
    op.add_column("payers", sa.Column("contact", sa.String(200), nullable=False, server_default=""))
    _tables()
    if op.get_bind().dialect.name == "postgresql":
        for table in KEPT:
            op.execute(
                f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION billing_kept()"
            )
        return
    for table in KEPT:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_kept_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added to'); END"
            )


def _tables() -> None:
    op.create_table(
        "reminders",
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
        sa.Column("sent_at", TIME, nullable=False),
        sa.UniqueConstraint("invoice_id", "level", name="uq_reminders_level"),
        sa.UniqueConstraint("series", "number", name="uq_reminders_number"),
        sa.CheckConstraint("open_ore > 0 AND level > 0", name="ck_reminders_open"),
    )
    op.create_index("ix_reminders_batch", "reminders", ["batch_id"])
    op.create_table(
        "disputes",
        sa.Column("invoice_id", sa.String(36), sa.ForeignKey("invoices.invoice_id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("dispute_id", sa.String(36), nullable=False, unique=True),
        sa.Column("disputed", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
    )
