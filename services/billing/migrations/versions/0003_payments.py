"""Bank files, payments and where they went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)
KEPT = (
    "statement_files",
    "statements",
    "payments",
    "payment_values",
    "payment_bookings",
    "payment_allocations",
    "payment_returns",
)


def upgrade() -> None:
    _files()
    _payments()
    _bookings()
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


def _files() -> None:
    op.create_table(
        "statement_files",
        sa.Column("file_id", sa.String(36), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("imported_by", sa.String(200), nullable=False),
        sa.Column("imported_at", TIME, nullable=False),
    )
    op.create_table(
        "statements",
        sa.Column("statement_id", sa.String(36), primary_key=True),
        sa.Column("file_id", sa.String(36), sa.ForeignKey("statement_files.file_id"), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("version", sa.String(20), nullable=False),
        sa.Column("bank_id", sa.String(200), nullable=False),
        sa.Column("account", sa.String(40), nullable=False),
        sa.Column("opening_ore", sa.BigInteger),
        sa.Column("closing_ore", sa.BigInteger),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("pending", sa.Integer, nullable=False),
        sa.UniqueConstraint("kind", "account", "bank_id", name="uq_statements_bank_id"),
    )


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("payment_id", sa.String(36), primary_key=True),
        sa.Column("key", sa.String(36), nullable=False, unique=True),
        sa.Column("entry_key", sa.String(36), nullable=False),
        sa.Column("statement_id", sa.String(36), sa.ForeignKey("statements.statement_id")),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("is_credit", sa.Boolean, nullable=False),
        sa.Column("is_reversal", sa.Boolean, nullable=False),
        sa.Column("booked_on", sa.Date, nullable=False),
        sa.Column("references", sa.Text, nullable=False),
        sa.Column("message", sa.String(500), nullable=False),
        sa.Column("payer_name", sa.String(140), nullable=False),
        sa.Column("payer_account", sa.String(40), nullable=False),
        sa.Column("payer_organisation_number", sa.String(10), nullable=False),
        sa.Column("end_to_end", sa.String(40), nullable=False),
        sa.Column("original_amount", sa.String(20), nullable=False),
        sa.Column("original_currency", sa.String(3), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("payer_code", sa.String(4)),
        sa.Column("voucher_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id")),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("amount_ore > 0", name="ck_payments_amount"),
    )
    op.create_index("ix_payments_entry_key", "payments", ["entry_key"])
    op.create_index("ix_payments_booked_on", "payments", ["booked_on"])
    op.create_table(
        "payment_values",
        sa.Column("payment_id", sa.String(36), sa.ForeignKey("payments.payment_id"), primary_key=True),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("voucher_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id"), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("amount_ore > 0", name="ck_payment_values_amount"),
    )


def _bookings() -> None:
    op.create_table(
        "payment_bookings",
        sa.Column("booking_id", sa.String(36), primary_key=True),
        sa.Column("payment_id", sa.String(36), sa.ForeignKey("payments.payment_id"), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.Column("undoes_id", sa.String(36), sa.ForeignKey("payment_bookings.booking_id"), unique=True),
        sa.Column("booked_by", sa.String(200), nullable=False),
        sa.Column("booked_at", TIME, nullable=False),
        sa.CheckConstraint("amount_ore <> 0", name="ck_payment_bookings_amount"),
    )
    op.create_index("ix_payment_bookings_payment", "payment_bookings", ["payment_id"])
    op.create_table(
        "payment_allocations",
        sa.Column(
            "booking_id", sa.String(36), sa.ForeignKey("payment_bookings.booking_id"), primary_key=True
        ),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("invoice_id", sa.String(36), sa.ForeignKey("invoices.invoice_id")),
        sa.Column("account", sa.String(8), nullable=False),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.Column("voucher_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id"), nullable=False),
        sa.CheckConstraint("amount_ore <> 0", name="ck_payment_allocations_amount"),
    )
    op.create_index("ix_payment_allocations_invoice", "payment_allocations", ["invoice_id"])
    op.create_table(
        "payment_returns",
        sa.Column("payment_id", sa.String(36), sa.ForeignKey("payments.payment_id"), primary_key=True),
        sa.Column("returns_id", sa.String(36), sa.ForeignKey("payments.payment_id"), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("payment_id <> returns_id", name="ck_payment_returns_other"),
    )
    op.create_index("ix_payment_returns_of", "payment_returns", ["returns_id"])
