"""Billing's tables: the basis and results of cost shares, and the books; beside them see copy_tables.py.

Rows are only ever added, except in `number_series`: a correction is a new vintage, version,
invoice or voucher. The database itself refuses to change a voucher, a posting or an invoice, and to keep a
voucher that does not balance or whose month is closed; see the second migration.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.billing import compensation_tables, copy_tables, fee_tables, payment_tables, reminder_tables
from services.billing.metadata import metadata
from services.chassis.storage.types import UtcDateTime

# The other modules' tables are among what the migrations make.
__all__ = [
    "compensation_tables",
    "copy_tables",
    "fee_tables",
    "metadata",
    "payment_tables",
    "reminder_tables",
]

populations = sa.Table(
    "populations",
    metadata,
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("reference_date", sa.Date, primary_key=True),
    # 1 for the first figure of the date; the highest one counts.
    sa.Column("vintage", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("population", sa.Integer, nullable=False),
    sa.Column("source", sa.String(300), nullable=False),
    # The day the figure was published; None: not said, and it counts as published when it was recorded.
    sa.Column("published_on", sa.Date),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("population > 0", name="ck_populations_positive"),
    sa.CheckConstraint("vintage > 0", name="ck_populations_vintage"),
)

agreements = sa.Table(
    "agreements",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_to", sa.Date),
    sa.Column("region_code", sa.String(2), nullable=False),
    sa.Column("region_name", sa.String(100), nullable=False),
    sa.Column("region_percent", sa.Integer, nullable=False),
    sa.Column("text_sv", sa.Text, nullable=False),
    sa.Column("text_en", sa.Text, nullable=False),
    sa.Column("source", sa.String(300), nullable=False),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("region_percent BETWEEN 0 AND 100", name="ck_agreements_percent"),
)

# What a version says of members, instalments and rounding, as JSON; see domain/agreements.py.
agreement_terms = sa.Table(
    "agreement_terms",
    metadata,
    sa.Column(
        "version", sa.Integer, sa.ForeignKey("agreements.version"), primary_key=True, autoincrement=False
    ),
    sa.Column("terms", sa.Text, nullable=False),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)

# What a home municipality pays at most for places elsewhere; the highest version of a year counts.
ceilings = sa.Table(
    "ceilings",
    metadata,
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ceiling_ore", sa.BigInteger, nullable=False),
    sa.Column("decided_by", sa.String(200), nullable=False),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("ceiling_ore >= 0", name="ck_ceilings_ore"),
)

# One row a year that was opened: what runs of the same year lock, so that they are numbered in turn.
budget_years = sa.Table(
    "budget_years",
    metadata,
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
)

# A computation of a year's shares with its frozen basis. The highest version of a year holds.
share_runs = sa.Table(
    "share_runs",
    metadata,
    sa.Column("run_id", sa.String(36), primary_key=True),
    sa.Column("year", sa.Integer, sa.ForeignKey("budget_years.year"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("budget_ore", sa.BigInteger, nullable=False),
    sa.Column("population_date", sa.Date, nullable=False),
    # The agreement's terms as they were; its dates and source can be read in `agreements`.
    sa.Column("agreement_version", sa.Integer, sa.ForeignKey("agreements.version"), nullable=False),
    sa.Column("agreement_sv", sa.Text, nullable=False),
    sa.Column("agreement_en", sa.Text, nullable=False),
    sa.Column("region_code", sa.String(2), nullable=False),
    sa.Column("region_name", sa.String(100), nullable=False),
    sa.Column("region_percent", sa.Integer, nullable=False),
    # The agreement's terms as they were, as JSON; None: a run from before agreements had terms.
    sa.Column("terms", sa.Text),
    sa.Column("budget_version", sa.Integer),  # None: only the sum was given
    # SHA-256 of the derivation; see domain/basis.py.
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("opened_by", sa.String(200), nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("year", "version", name="uq_share_runs_version"),
    sa.CheckConstraint("budget_ore > 0", name="ck_share_runs_budget"),
)

share_run_members = sa.Table(
    "share_run_members",
    metadata,
    sa.Column("run_id", sa.String(36), sa.ForeignKey("share_runs.run_id"), primary_key=True),
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("population", sa.Integer, nullable=False),
    sa.Column("vintage", sa.Integer, nullable=False),
    sa.Column("source", sa.String(300), nullable=False),
    sa.CheckConstraint("population > 0", name="ck_share_run_members_population"),
)

share_run_parts = sa.Table(
    "share_run_parts",
    metadata,
    sa.Column("run_id", sa.String(36), sa.ForeignKey("share_runs.run_id"), primary_key=True),
    sa.Column("payer_code", sa.String(4), primary_key=True),  # a municipality's code, or the county's
    sa.Column("share_ore", sa.BigInteger, nullable=False),
    sa.CheckConstraint("share_ore >= 0", name="ck_share_run_parts_share"),
)

# Who was a member when, as the run froze it.
share_run_memberships = sa.Table(
    "share_run_memberships",
    metadata,
    sa.Column("run_id", sa.String(36), sa.ForeignKey("share_runs.run_id"), primary_key=True),
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("joined_on", sa.Date, primary_key=True),
    sa.Column("left_on", sa.Date),
    sa.Column("name", sa.String(100), nullable=False),
)

share_run_instalments = sa.Table(
    "share_run_instalments",
    metadata,
    sa.Column("run_id", sa.String(36), sa.ForeignKey("share_runs.run_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("payer_code", sa.String(4), primary_key=True),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_ore >= 0", name="ck_share_run_instalments_amount"),
)

# A year's budget as somebody decided it; the highest version holds.
budgets = sa.Table(
    "budgets",
    metadata,
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("budget_id", sa.String(36), nullable=False, unique=True),
    sa.Column("decided_by", sa.String(200), nullable=False),
    sa.Column("decided_on", sa.Date, nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)

budget_lines = sa.Table(
    "budget_lines",
    metadata,
    sa.Column("budget_id", sa.String(36), sa.ForeignKey("budgets.budget_id"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("text", sa.String(200), nullable=False),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_ore > 0", name="ck_budget_lines_amount"),
)

# What a host spent on a line of the budget, and what was decided about it.
costs = sa.Table(
    "costs",
    metadata,
    sa.Column("cost_id", sa.String(36), primary_key=True),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("host_code", sa.String(4), nullable=False),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
    sa.Column("spent_on", sa.Date, nullable=False),
    sa.Column("text", sa.String(200), nullable=False),
    sa.Column("reported_by", sa.String(200), nullable=False),
    sa.Column("reported_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("amount_ore > 0", name="ck_costs_amount"),
)

cost_decisions = sa.Table(
    "cost_decisions",
    metadata,
    sa.Column("cost_id", sa.String(36), sa.ForeignKey("costs.cost_id"), primary_key=True),
    sa.Column("approved", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("voucher_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id")),
    sa.Column("decided_by", sa.String(200), nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=False),
)

# How a payer wants its invoices; the highest revision counts.
payers = sa.Table(
    "payers",
    metadata,
    sa.Column("payer_code", sa.String(4), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("legal_name", sa.String(200), nullable=False),
    sa.Column("organisation_number", sa.String(11), nullable=False),
    sa.Column("order_reference", sa.String(100), nullable=False),
    sa.Column("street", sa.String(200), nullable=False),
    sa.Column("postal_code", sa.String(10), nullable=False),
    sa.Column("town", sa.String(100), nullable=False),
    # Where its e-invoices go, as scheme:address; empty: its organisation number.
    sa.Column("peppol_id", sa.String(60), nullable=False, server_default=""),
    sa.Column("contact", sa.String(200), nullable=False, server_default=""),  # a function's mail or name
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)

# The last number given in each series: locked while a number is taken, in the transaction that uses it.
number_series = sa.Table(
    "number_series",
    metadata,
    sa.Column("series", sa.String(40), primary_key=True),
    sa.Column("last_number", sa.Integer, nullable=False),
)

# A change of a year's basis after invoices went out: what was credited and issued anew for it.
corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("correction_id", sa.String(36), primary_key=True),
    sa.Column("year", sa.Integer, sa.ForeignKey("budget_years.year"), nullable=False),
    sa.Column("run_id", sa.String(36), sa.ForeignKey("share_runs.run_id"), nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("issued_by", sa.String(200), nullable=False),
    sa.Column("issued_at", UtcDateTime, nullable=False),
)

# Invoices above zero, credit notes below. Who is asked, and why, is kept as it was when it was issued.
invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("invoice_id", sa.String(36), primary_key=True),
    sa.Column("series", sa.String(40), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("year", sa.Integer, sa.ForeignKey("budget_years.year"), nullable=False),
    sa.Column("instalment", sa.Integer, nullable=False),  # from 1; 0 for compensation
    # What it asks for: a part of a year's shares, or compensation for the places of a term. One of the two.
    sa.Column("run_id", sa.String(36), sa.ForeignKey("share_runs.run_id")),
    sa.Column("compensation_id", sa.String(36), sa.ForeignKey("compensation_runs.run_id")),
    sa.Column("payer_code", sa.String(4), nullable=False),
    sa.Column("payer_name", sa.String(200), nullable=False),
    sa.Column("payer_revision", sa.Integer),  # None: nothing was known of how it wants its invoices
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("period_first", sa.Date, nullable=False),
    sa.Column("period_last", sa.Date, nullable=False),
    sa.Column("reference", sa.String(25), nullable=False, unique=True),
    sa.Column("order_reference", sa.String(100), nullable=False),
    # A credit note's invoice, credited whole and once; a replacement's credited invoice.
    sa.Column("credits_id", sa.String(36), sa.ForeignKey("invoices.invoice_id"), unique=True),
    sa.Column("replaces_id", sa.String(36), sa.ForeignKey("invoices.invoice_id"), unique=True),
    sa.Column("correction_id", sa.String(36), sa.ForeignKey("corrections.correction_id")),
    sa.Column("voucher_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id"), nullable=False),
    sa.Column("issued_by", sa.String(200), nullable=False),
    sa.Column("issued_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("series", "number", name="uq_invoices_number"),
    sa.CheckConstraint(
        "(kind = 'invoice' AND amount_ore > 0 AND credits_id IS NULL) OR "
        "(kind = 'credit_note' AND amount_ore < 0 AND credits_id IS NOT NULL AND replaces_id IS NULL)",
        name="ck_invoices_kind",
    ),
)
sa.Index("ix_invoices_year", invoices.c.year, invoices.c.payer_code, invoices.c.instalment)
_ORIGINAL = sa.text("kind = 'invoice' AND correction_id IS NULL AND compensation_id IS NULL")
# One original a payer and instalment: two who issue at once cannot ask twice.
sa.Index(
    "uq_invoices_original",
    invoices.c.year,
    invoices.c.instalment,
    invoices.c.payer_code,
    unique=True,
    postgresql_where=_ORIGINAL,
    sqlite_where=_ORIGINAL,
)

_INVOICE = sa.text("kind = 'invoice'")
sa.Index(
    "uq_invoices_compensation",
    invoices.c.compensation_id,
    invoices.c.payer_code,
    unique=True,
    postgresql_where=_INVOICE,
    sqlite_where=_INVOICE,
)

invoice_lines = sa.Table(
    "invoice_lines",
    metadata,
    sa.Column("invoice_id", sa.String(36), sa.ForeignKey("invoices.invoice_id"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text_sv", sa.String(500), nullable=False),
    sa.Column("text_en", sa.String(500), nullable=False),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
)

# Months that are closed; a month is its first day.
period_closings = sa.Table(
    "period_closings",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("closed_by", sa.String(200), nullable=False),
    sa.Column("closed_at", UtcDateTime, nullable=False),
)

# A voucher is written after its postings and seals them.
vouchers = sa.Table(
    "vouchers",
    metadata,
    sa.Column("voucher_id", sa.String(36), primary_key=True),
    sa.Column("series", sa.String(40), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("booked_on", sa.Date, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("year", sa.Integer, nullable=False),  # the budget year it belongs to
    sa.Column("text", sa.String(300), nullable=False),
    sa.Column("corrects_id", sa.String(36), sa.ForeignKey("vouchers.voucher_id"), unique=True),
    sa.Column("booked_by", sa.String(200), nullable=False),
    sa.Column("booked_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("series", "number", name="uq_vouchers_number"),
)

# Debit above zero, credit below.
postings = sa.Table(
    "postings",
    metadata,
    sa.Column(
        "voucher_id",
        sa.String(36),
        sa.ForeignKey("vouchers.voucher_id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", sa.String(8), nullable=False),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
    sa.Column("payer_code", sa.String(4)),
    sa.Column(
        "invoice_id", sa.String(36)
    ),  # written before its invoice: `samklang check` sees that it is there
    sa.CheckConstraint("amount_ore <> 0", name="ck_postings_amount"),
)
sa.Index("ix_postings_account", postings.c.account, postings.c.payer_code)
sa.Index("ix_postings_invoice", postings.c.invoice_id)
