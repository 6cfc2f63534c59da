"""Billing's tables: its copy of what others said, and the basis and results of cost shares.

Rows of populations, agreements and share_* are only ever added: a correction is a new vintage or version.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.storage.types import UtcDateTime

metadata = sa.MetaData()

# Every municipality of the county, and from when to when it is a member of the cooperation, if ever.
members = sa.Table(
    "members",
    metadata,
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("member_from", sa.Date),
    sa.Column("member_to", sa.Date),
)

terms = sa.Table(
    "terms",
    metadata,
    sa.Column("term_id", sa.String(64), primary_key=True),
    sa.Column("name_sv", sa.String(100), nullable=False),
    sa.Column("name_en", sa.String(100), nullable=False),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date, nullable=False),
)

# Flow beside share: who got a place where. No pupil: the application's id is enough to count it once.
places = sa.Table(
    "places",
    metadata,
    sa.Column("application_id", sa.String(64), primary_key=True),
    sa.Column("home_municipality", sa.String(4)),  # None: a protected identity, whose home is not told
    sa.Column("host_municipality", sa.String(4), nullable=False),
    sa.Column("term_id", sa.String(64), nullable=False),
    sa.Column("given_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
)
sa.Index("ix_places_term", places.c.term_id, places.c.home_municipality, places.c.host_municipality)

populations = sa.Table(
    "populations",
    metadata,
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("reference_date", sa.Date, primary_key=True),
    # 1 for the first figure of the date; the highest one counts.
    sa.Column("vintage", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("population", sa.Integer, nullable=False),
    sa.Column("source", sa.String(300), nullable=False),
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
