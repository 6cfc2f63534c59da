"""Tables of bank files, the payments in them and where they went. Rows are only ever added.

A payment's own voucher brings it from the bank to the account of unallocated payments; each booking moves a
part of it from there to claims on invoices, or to another account. So its rest is its amount less its
bookings, less what was paid back.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.metadata import metadata
from services.chassis.storage.types import UtcDateTime

statement_files = sa.Table(
    "statement_files",
    metadata,
    sa.Column("file_id", sa.String(36), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("imported_by", sa.String(200), nullable=False),
    sa.Column("imported_at", UtcDateTime, nullable=False),
)

statements = sa.Table(
    "statements",
    metadata,
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

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("payment_id", sa.String(36), primary_key=True),
    sa.Column("key", sa.String(36), nullable=False, unique=True),
    sa.Column("entry_key", sa.String(36), nullable=False),
    sa.Column("statement_id", sa.String(36), sa.ForeignKey("statements.statement_id")),  # None: by hand
    sa.Column("amount_ore", sa.BigInteger, nullable=False),  # hundredths of the currency
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("is_credit", sa.Boolean, nullable=False),
    sa.Column("is_reversal", sa.Boolean, nullable=False),
    sa.Column("booked_on", sa.Date, nullable=False),
    sa.Column("references", sa.Text, nullable=False),  # as JSON
    sa.Column("message", sa.String(500), nullable=False),
    sa.Column("payer_name", sa.String(140), nullable=False),
    sa.Column("payer_account", sa.String(40), nullable=False),
    sa.Column("payer_organisation_number", sa.String(10), nullable=False),
    sa.Column("end_to_end", sa.String(40), nullable=False),
    sa.Column("original_amount", sa.String(20), nullable=False),
    sa.Column("original_currency", sa.String(3), nullable=False),
    sa.Column("outcome", sa.String(20), nullable=False),  # what matching said when it came
    sa.Column("payer_code", sa.String(4)),
    sa.Column("voucher_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id")),  # None: another currency
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("amount_ore > 0", name="ck_payments_amount"),
)
sa.Index("ix_payments_entry_key", payments.c.entry_key)
sa.Index("ix_payments_booked_on", payments.c.booked_on)

# What a payment in another currency is worth in öre, as the bank exchanged it.
payment_values = sa.Table(
    "payment_values",
    metadata,
    sa.Column("payment_id", sa.String(36), sa.ForeignKey("payments.payment_id"), primary_key=True),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("voucher_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id"), nullable=False),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("amount_ore > 0", name="ck_payment_values_amount"),
)

payment_bookings = sa.Table(
    "payment_bookings",
    metadata,
    sa.Column("booking_id", sa.String(36), primary_key=True),
    sa.Column("payment_id", sa.String(36), sa.ForeignKey("payments.payment_id"), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),  # below zero where it undoes another
    sa.Column("undoes_id", sa.String(36), sa.ForeignKey("payment_bookings.booking_id"), unique=True),
    sa.Column("booked_by", sa.String(200), nullable=False),
    sa.Column("booked_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("amount_ore <> 0", name="ck_payment_bookings_amount"),
)
sa.Index("ix_payment_bookings_payment", payment_bookings.c.payment_id)

payment_allocations = sa.Table(
    "payment_allocations",
    metadata,
    sa.Column("booking_id", sa.String(36), sa.ForeignKey("payment_bookings.booking_id"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("invoice_id", sa.String(36), sa.ForeignKey("invoices.invoice_id")),
    sa.Column("account", sa.String(8), nullable=False),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
    sa.Column("voucher_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id"), nullable=False),
    sa.CheckConstraint("amount_ore <> 0", name="ck_payment_allocations_amount"),
)
sa.Index("ix_payment_allocations_invoice", payment_allocations.c.invoice_id)

# What went back to the payer: a payment out, and the payment in that it takes from.
payment_returns = sa.Table(
    "payment_returns",
    metadata,
    sa.Column("payment_id", sa.String(36), sa.ForeignKey("payments.payment_id"), primary_key=True),
    sa.Column("returns_id", sa.String(36), sa.ForeignKey("payments.payment_id"), nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("payment_id <> returns_id", name="ck_payment_returns_other"),
)
sa.Index("ix_payment_returns_of", payment_returns.c.returns_id)
