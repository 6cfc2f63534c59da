"""Compensation for places: its runs, and invoices that rest on one instead of on a year's shares."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TIME = sa.DateTime(timezone=True)
RUNS = ("compensation_runs", "compensation_prices", "compensation_parts", "compensation_ceilings")
RESULTS = ("compensation_lines", "compensation_cuts", "compensation_issues")


def upgrade() -> None:
    _runs()
    _results()
    _invoices()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in (*RUNS, *RESULTS):
        if not sqlite:
            op.execute(
                f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION billing_kept()"
            )
            continue
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_kept_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added to'); END"
            )


def _of_run() -> sa.Column[str]:
    return sa.Column("run_id", sa.String(36), sa.ForeignKey("compensation_runs.run_id"), primary_key=True)


def _home(*, primary_key: bool = True) -> sa.Column[str]:
    return sa.Column("home_municipality", sa.String(4), primary_key=primary_key, nullable=False)


def _host(*, primary_key: bool = True) -> sa.Column[str]:
    return sa.Column("host_municipality", sa.String(4), primary_key=primary_key, nullable=False)


def _runs() -> None:
    op.create_table(
        "compensation_runs",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("term_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name_sv", sa.String(100), nullable=False),
        sa.Column("name_en", sa.String(100), nullable=False),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
        sa.Column("year", sa.Integer, sa.ForeignKey("budget_years.year"), nullable=False),
        sa.Column("agreement_version", sa.Integer, sa.ForeignKey("agreements.version"), nullable=False),
        sa.Column("payment_days", sa.Integer, nullable=False),
        sa.Column("not_shown", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("computed_by", sa.String(200), nullable=False),
        sa.Column("computed_at", TIME, nullable=False),
        sa.UniqueConstraint("term_id", "version", name="uq_compensation_runs_version"),
    )
    op.create_index("ix_compensation_runs_year", "compensation_runs", ["year"])
    op.create_table(
        "compensation_prices",
        _of_run(),
        sa.Column("kind", sa.String(64), primary_key=True),
        sa.Column("price_ore", sa.BigInteger, nullable=False),
        sa.CheckConstraint("price_ore >= 0", name="ck_compensation_prices_price"),
    )
    op.create_table(
        "compensation_parts",
        _of_run(),
        sa.Column("application_id", sa.String(64), primary_key=True),
        sa.Column("first_on", sa.Date, primary_key=True),
        sa.Column("last_on", sa.Date, nullable=False),
        _home(primary_key=False),
        _host(primary_key=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("thousandths", sa.Integer, nullable=False),
        sa.CheckConstraint("home_municipality <> host_municipality", name="ck_compensation_parts_elsewhere"),
        sa.CheckConstraint("thousandths BETWEEN 0 AND 1000", name="ck_compensation_parts_thousandths"),
    )
    op.create_table(
        "compensation_ceilings",
        _of_run(),
        _home(),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("ceiling_ore", sa.BigInteger, nullable=False),
        sa.Column("used_ore", sa.BigInteger, nullable=False),
        sa.Column("decided_by", sa.String(200), nullable=False),
        sa.CheckConstraint("ceiling_ore >= 0 AND used_ore >= 0", name="ck_compensation_ceilings_ore"),
    )


def _results() -> None:
    op.create_table(
        "compensation_lines",
        _of_run(),
        _home(),
        _host(),
        sa.Column("kind", sa.String(64), primary_key=True),
        sa.Column("thousandths", sa.Integer, nullable=False),
        sa.Column("price_ore", sa.BigInteger, nullable=False),
        sa.Column("amount_ore", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount_ore >= 0", name="ck_compensation_lines_amount"),
    )
    op.create_table(
        "compensation_cuts",
        _of_run(),
        _home(),
        _host(),
        sa.Column("cut_ore", sa.BigInteger, nullable=False),
        sa.CheckConstraint("cut_ore > 0", name="ck_compensation_cuts_cut"),
    )
    op.create_table(
        "compensation_issues",
        _of_run(),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("issued_by", sa.String(200), nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
    )


def _invoices() -> None:
    """An invoice rests on a run of shares or on one of compensation."""
    run = sa.Column("compensation_id", sa.String(36), sa.ForeignKey("compensation_runs.run_id"))
    if op.get_bind().dialect.name == "sqlite":
        # The constraint by its name: SQLite adds a column with its reference in one statement only.
        op.execute(
            "ALTER TABLE invoices ADD COLUMN compensation_id VARCHAR(36) "
            "REFERENCES compensation_runs (run_id)"
        )
    else:
        op.add_column("invoices", run)
    op.drop_index("uq_invoices_original", "invoices")
    shares = "kind = 'invoice' AND correction_id IS NULL AND compensation_id IS NULL"
    _unique("uq_invoices_original", ["year", "instalment", "payer_code"], shares)
    _unique("uq_invoices_compensation", ["compensation_id", "payer_code"], "kind = 'invoice'")
    _run_may_be_missing()


def _unique(name: str, columns: list[str], where: str) -> None:
    text = sa.text(where)
    op.create_index(name, "invoices", columns, unique=True, sqlite_where=text, postgresql_where=text)


def _run_may_be_missing() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.alter_column("invoices", "run_id", existing_type=sa.String(36), nullable=True)
        return
    # SQLite cannot alter a column, and the table cannot be made anew while others point at it. Its own
    # documentation has this way for taking away a NOT NULL (lang_altertable, "other kinds of changes").
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, 'run_id VARCHAR(36) NOT NULL', 'run_id VARCHAR(36)') "
        "WHERE type = 'table' AND name = 'invoices' AND sql LIKE '%run_id VARCHAR(36) NOT NULL%'"
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {int(version or 0) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    if changed.rowcount != 1:
        raise LookupError("invoices.run_id is not as the migrations before this one made it")
