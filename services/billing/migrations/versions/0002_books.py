"""Terms, budgets, instalments, invoices and the ledger, which the database itself keeps balanced.

Added beside what the previous release knows: it runs on, and its runs keep their bytes.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("populations", sa.Column("published_on", sa.Date))
    op.add_column("share_runs", sa.Column("terms", sa.Text))
    op.add_column("share_runs", sa.Column("budget_version", sa.Integer))
    _basis()
    _runs()
    _budgets()
    _ledger()
    _costs()
    _invoices()
    (_guards_on_sqlite if op.get_bind().dialect.name == "sqlite" else _guards_on_postgresql)()


def _recorded() -> tuple[sa.Column[str], sa.Column[object]]:
    return (
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
    )


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _id_of(name: str, other: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String(36), sa.ForeignKey(other), **options)


def _basis() -> None:
    op.create_table(
        "agreement_terms",
        sa.Column(
            "version",
            sa.Integer,
            sa.ForeignKey("agreements.version"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("terms", sa.Text, nullable=False),
        *_recorded(),
    )
    op.create_table(
        "ceilings",
        sa.Column("municipality_code", sa.String(4), primary_key=True),
        _number("year"),
        _number("version"),
        sa.Column("ceiling_ore", sa.BigInteger, nullable=False),
        sa.Column("decided_by", sa.String(200), nullable=False),
        *_recorded(),
        sa.CheckConstraint("ceiling_ore >= 0", name="ck_ceilings_ore"),
    )
    op.create_table(
        "payers",
        sa.Column("payer_code", sa.String(4), primary_key=True),
        _number("revision"),
        sa.Column("legal_name", sa.String(200), nullable=False),
        sa.Column("organisation_number", sa.String(11), nullable=False),
        sa.Column("order_reference", sa.String(100), nullable=False),
        sa.Column("street", sa.String(200), nullable=False),
        sa.Column("postal_code", sa.String(10), nullable=False),
        sa.Column("town", sa.String(100), nullable=False),
        *_recorded(),
    )


def _runs() -> None:
    op.create_table(
        "share_run_memberships",
        _id_of("run_id", "share_runs.run_id", primary_key=True),
        sa.Column("municipality_code", sa.String(4), primary_key=True),
        sa.Column("joined_on", sa.Date, primary_key=True),
        sa.Column("left_on", sa.Date),
        sa.Column("name", sa.String(100), nullable=False),
    )
    op.create_table(
        "share_run_instalments",
        _id_of("run_id", "share_runs.run_id", primary_key=True),
        _number("number"),
        sa.Column("payer_code", sa.String(4), primary_key=True),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount_ore >= 0", name="ck_share_run_instalments_amount"),
    )


def _budgets() -> None:
    op.create_table(
        "budgets",
        _number("year"),
        _number("version"),
        sa.Column("budget_id", sa.String(36), nullable=False, unique=True),
        sa.Column("decided_by", sa.String(200), nullable=False),
        sa.Column("decided_on", sa.Date, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        *_recorded(),
    )
    op.create_table(
        "budget_lines",
        _id_of("budget_id", "budgets.budget_id", primary_key=True),
        _number("line"),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount_ore > 0", name="ck_budget_lines_amount"),
    )


def _ledger() -> None:
    op.create_table(
        "number_series",
        sa.Column("series", sa.String(40), primary_key=True),
        sa.Column("last_number", sa.Integer, nullable=False),
    )
    op.create_table(
        "period_closings",
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("closed_by", sa.String(200), nullable=False),
        sa.Column("closed_at", TIME, nullable=False),
    )
    op.create_table(
        "vouchers",
        sa.Column("voucher_id", sa.String(36), primary_key=True),
        sa.Column("series", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("booked_on", sa.Date, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("text", sa.String(300), nullable=False),
        _id_of("corrects_id", "vouchers.voucher_id", unique=True),
        sa.Column("booked_by", sa.String(200), nullable=False),
        sa.Column("booked_at", TIME, nullable=False),
        sa.UniqueConstraint("series", "number", name="uq_vouchers_number"),
    )
    op.create_table(
        "postings",
        sa.Column(
            "voucher_id",
            sa.String(36),
            sa.ForeignKey("vouchers.voucher_id", deferrable=True, initially="DEFERRED"),
            primary_key=True,
        ),
        _number("line"),
        sa.Column("account", sa.String(8), nullable=False),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.Column("payer_code", sa.String(4)),
        sa.Column("invoice_id", sa.String(36)),
        sa.CheckConstraint("amount_ore <> 0", name="ck_postings_amount"),
    )
    op.create_index("ix_postings_account", "postings", ["account", "payer_code"])
    op.create_index("ix_postings_invoice", "postings", ["invoice_id"])


def _costs() -> None:
    op.create_table(
        "costs",
        sa.Column("cost_id", sa.String(36), primary_key=True),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("host_code", sa.String(4), nullable=False),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.Column("spent_on", sa.Date, nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("reported_by", sa.String(200), nullable=False),
        sa.Column("reported_at", TIME, nullable=False),
        sa.CheckConstraint("amount_ore > 0", name="ck_costs_amount"),
    )
    op.create_table(
        "cost_decisions",
        _id_of("cost_id", "costs.cost_id", primary_key=True),
        sa.Column("approved", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        _id_of("voucher_id", "vouchers.voucher_id"),
        sa.Column("decided_by", sa.String(200), nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
    )


def _invoices() -> None:
    op.create_table(
        "corrections",
        sa.Column("correction_id", sa.String(36), primary_key=True),
        sa.Column("year", sa.Integer, sa.ForeignKey("budget_years.year"), nullable=False),
        _id_of("run_id", "share_runs.run_id", nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("issued_by", sa.String(200), nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
    )
    op.create_table(
        "invoices",
        sa.Column("invoice_id", sa.String(36), primary_key=True),
        sa.Column("series", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("year", sa.Integer, sa.ForeignKey("budget_years.year"), nullable=False),
        sa.Column("instalment", sa.Integer, nullable=False),
        _id_of("run_id", "share_runs.run_id", nullable=False),
        sa.Column("payer_code", sa.String(4), nullable=False),
        sa.Column("payer_name", sa.String(200), nullable=False),
        sa.Column("payer_revision", sa.Integer),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.Column("issued_on", sa.Date, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("period_first", sa.Date, nullable=False),
        sa.Column("period_last", sa.Date, nullable=False),
        sa.Column("reference", sa.String(25), nullable=False, unique=True),
        sa.Column("order_reference", sa.String(100), nullable=False),
        _id_of("credits_id", "invoices.invoice_id", unique=True),
        _id_of("replaces_id", "invoices.invoice_id", unique=True),
        _id_of("correction_id", "corrections.correction_id"),
        _id_of("voucher_id", "vouchers.voucher_id", nullable=False),
        sa.Column("issued_by", sa.String(200), nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.UniqueConstraint("series", "number", name="uq_invoices_number"),
        sa.CheckConstraint(
            "(kind = 'invoice' AND amount_ore > 0 AND credits_id IS NULL) OR "
            "(kind = 'credit_note' AND amount_ore < 0 AND credits_id IS NOT NULL AND replaces_id IS NULL)",
            name="ck_invoices_kind",
        ),
    )
    op.create_index("ix_invoices_year", "invoices", ["year", "payer_code", "instalment"])
    # One original a payer and instalment: two who issue at once cannot ask twice.
    op.create_index(
        "uq_invoices_original",
        "invoices",
        ["year", "instalment", "payer_code"],
        unique=True,
        sqlite_where=sa.text("kind = 'invoice' AND correction_id IS NULL"),
        postgresql_where=sa.text("kind = 'invoice' AND correction_id IS NULL"),
    )
    op.create_table(
        "invoice_lines",
        _id_of("invoice_id", "invoices.invoice_id", primary_key=True),
        _number("line"),
        sa.Column("text_sv", sa.String(500), nullable=False),
        sa.Column("text_en", sa.String(500), nullable=False),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
    )


KEPT = ("vouchers", "postings", "invoices", "invoice_lines", "period_closings")


def _guards_on_sqlite() -> None:
    """SQLite has no trigger at commit. A voucher is written after its postings, so its own insert is when
    they are weighed; the deferred foreign key refuses postings whose voucher never comes.
    """
    for table in KEPT:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_kept_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added to'); END"
            )
    op.execute(
        "CREATE TRIGGER vouchers_balance BEFORE INSERT ON vouchers "
        "WHEN (SELECT count(*) < 2 OR sum(amount_ore) <> 0 FROM postings "
        "WHERE voucher_id = NEW.voucher_id) "
        "BEGIN SELECT RAISE(ABORT, 'the voucher does not balance'); END"
    )
    op.execute(
        "CREATE TRIGGER vouchers_month BEFORE INSERT ON vouchers "
        "WHEN EXISTS (SELECT 1 FROM period_closings WHERE month = date(NEW.booked_on, 'start of month')) "
        "BEGIN SELECT RAISE(ABORT, 'the month is closed'); END"
    )
    op.execute(
        "CREATE TRIGGER postings_sealed BEFORE INSERT ON postings "
        "WHEN EXISTS (SELECT 1 FROM vouchers WHERE voucher_id = NEW.voucher_id) "
        "BEGIN SELECT RAISE(ABORT, 'the voucher is sealed'); END"
    )


def _guards_on_postgresql() -> None:
    """The balance is weighed at commit, whoever wrote the rows and in which order."""
    _function("billing_kept", "RAISE EXCEPTION '% are only ever added to', TG_TABLE_NAME;")
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION billing_kept()"
        )
    _function(
        "billing_balance",
        "IF (SELECT count(*) < 2 OR sum(amount_ore) <> 0 FROM postings "
        "WHERE voucher_id = NEW.voucher_id) THEN "
        "RAISE EXCEPTION 'the voucher does not balance' USING ERRCODE = 'check_violation'; "
        "END IF; RETURN NULL;",
    )
    for table in ("vouchers", "postings"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_balance AFTER INSERT ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_balance()"
        )
    _function(
        "billing_month",
        "IF EXISTS (SELECT 1 FROM period_closings "
        "WHERE month = date_trunc('month', NEW.booked_on)::date) THEN "
        "RAISE EXCEPTION 'the month is closed' USING ERRCODE = 'check_violation'; "
        "END IF; RETURN NEW;",
    )
    op.execute(
        "CREATE TRIGGER vouchers_month BEFORE INSERT ON vouchers "
        "FOR EACH ROW EXECUTE FUNCTION billing_month()"
    )
    _function(
        "billing_sealed",
        "IF EXISTS (SELECT 1 FROM vouchers WHERE voucher_id = NEW.voucher_id) THEN "
        "RAISE EXCEPTION 'the voucher is sealed' USING ERRCODE = 'check_violation'; "
        "END IF; RETURN NEW;",
    )
    op.execute(
        "CREATE TRIGGER postings_sealed BEFORE INSERT ON postings "
        "FOR EACH ROW EXECUTE FUNCTION billing_sealed()"
    )


def _function(name: str, body: str) -> None:
    text = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
    op.execute(sa.text(text.replace(":", "\\:")))
