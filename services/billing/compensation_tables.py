"""Tables of compensation for places: runs with their frozen basis, what they gave, that they were issued."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.metadata import metadata
from services.chassis.storage.types import UtcDateTime

# A computation of what homes owe hosts for a term. The highest version of a term holds.
compensation_runs = sa.Table(
    "compensation_runs",
    metadata,
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
    # SHA-256 of the derivation; see domain/compensation.py.
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("computed_by", sa.String(200), nullable=False),
    sa.Column("computed_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("term_id", "version", name="uq_compensation_runs_version"),
)
sa.Index("ix_compensation_runs_year", compensation_runs.c.year)


def _of_run() -> sa.Column[str]:
    return sa.Column("run_id", sa.String(36), sa.ForeignKey("compensation_runs.run_id"), primary_key=True)


compensation_prices = sa.Table(
    "compensation_prices",
    metadata,
    _of_run(),
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("price_ore", sa.BigInteger, nullable=False),
    sa.CheckConstraint("price_ore >= 0", name="ck_compensation_prices_price"),
)

# The places as they were, and the parts of those whose pupils moved. No pupil.
compensation_parts = sa.Table(
    "compensation_parts",
    metadata,
    _of_run(),
    sa.Column("application_id", sa.String(64), primary_key=True),
    sa.Column("first_on", sa.Date, primary_key=True),
    sa.Column("last_on", sa.Date, nullable=False),
    sa.Column("home_municipality", sa.String(4), nullable=False),
    sa.Column("host_municipality", sa.String(4), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("thousandths", sa.Integer, nullable=False),
    sa.CheckConstraint("home_municipality <> host_municipality", name="ck_compensation_parts_elsewhere"),
    sa.CheckConstraint("thousandths BETWEEN 0 AND 1000", name="ck_compensation_parts_thousandths"),
)

compensation_ceilings = sa.Table(
    "compensation_ceilings",
    metadata,
    _of_run(),
    sa.Column("home_municipality", sa.String(4), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("ceiling_ore", sa.BigInteger, nullable=False),
    sa.Column("used_ore", sa.BigInteger, nullable=False),
    sa.Column("decided_by", sa.String(200), nullable=False),
    sa.CheckConstraint("ceiling_ore >= 0 AND used_ore >= 0", name="ck_compensation_ceilings_ore"),
)

compensation_lines = sa.Table(
    "compensation_lines",
    metadata,
    _of_run(),
    sa.Column("home_municipality", sa.String(4), primary_key=True),
    sa.Column("host_municipality", sa.String(4), primary_key=True),
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("thousandths", sa.Integer, nullable=False),
    sa.Column("price_ore", sa.BigInteger, nullable=False),
    sa.Column("amount_ore", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_ore >= 0", name="ck_compensation_lines_amount"),
)

compensation_cuts = sa.Table(
    "compensation_cuts",
    metadata,
    _of_run(),
    sa.Column("home_municipality", sa.String(4), primary_key=True),
    sa.Column("host_municipality", sa.String(4), primary_key=True),
    sa.Column("cut_ore", sa.BigInteger, nullable=False),
    sa.CheckConstraint("cut_ore > 0", name="ck_compensation_cuts_cut"),
)

# That a run's invoices, credit notes and replacements went out, and why where earlier ones had.
compensation_issues = sa.Table(
    "compensation_issues",
    metadata,
    _of_run(),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("issued_by", sa.String(200), nullable=False),
    sa.Column("issued_at", UtcDateTime, nullable=False),
)
