"""The copy of what others said, populations, agreements, and the runs of cost shares."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _copies()
    _basis()
    _runs()


def _copies() -> None:
    op.create_table(
        "members",
        sa.Column("municipality_code", sa.String(4), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("member_from", sa.Date),
        sa.Column("member_to", sa.Date),
    )
    op.create_table(
        "terms",
        sa.Column("term_id", sa.String(64), primary_key=True),
        sa.Column("name_sv", sa.String(100), nullable=False),
        sa.Column("name_en", sa.String(100), nullable=False),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
    )
    op.create_table(
        "places",
        sa.Column("application_id", sa.String(64), primary_key=True),
        sa.Column("home_municipality", sa.String(4)),
        sa.Column("host_municipality", sa.String(4), nullable=False),
        sa.Column("term_id", sa.String(64), nullable=False),
        sa.Column("given_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
    )
    op.create_index("ix_places_term", "places", ["term_id", "home_municipality", "host_municipality"])


def _basis() -> None:
    op.create_table(
        "populations",
        sa.Column("municipality_code", sa.String(4), primary_key=True),
        sa.Column("reference_date", sa.Date, primary_key=True),
        sa.Column("vintage", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("population", sa.Integer, nullable=False),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("population > 0", name="ck_populations_positive"),
        sa.CheckConstraint("vintage > 0", name="ck_populations_vintage"),
    )
    op.create_table(
        "agreements",
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
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("region_percent BETWEEN 0 AND 100", name="ck_agreements_percent"),
    )


def _runs() -> None:
    op.create_table(
        "budget_years",
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("opened_at", TIME, nullable=False),
    )
    op.create_table(
        "share_runs",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("year", sa.Integer, sa.ForeignKey("budget_years.year"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("budget_ore", sa.BigInteger, nullable=False),
        sa.Column("population_date", sa.Date, nullable=False),
        sa.Column("agreement_version", sa.Integer, sa.ForeignKey("agreements.version"), nullable=False),
        sa.Column("agreement_sv", sa.Text, nullable=False),
        sa.Column("agreement_en", sa.Text, nullable=False),
        sa.Column("region_code", sa.String(2), nullable=False),
        sa.Column("region_name", sa.String(100), nullable=False),
        sa.Column("region_percent", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("opened_by", sa.String(200), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.UniqueConstraint("year", "version", name="uq_share_runs_version"),
        sa.CheckConstraint("budget_ore > 0", name="ck_share_runs_budget"),
    )
    op.create_table(
        "share_run_members",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("share_runs.run_id"), primary_key=True),
        sa.Column("municipality_code", sa.String(4), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("population", sa.Integer, nullable=False),
        sa.Column("vintage", sa.Integer, nullable=False),
        sa.Column("source", sa.String(300), nullable=False),
        sa.CheckConstraint("population > 0", name="ck_share_run_members_population"),
    )
    op.create_table(
        "share_run_parts",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("share_runs.run_id"), primary_key=True),
        sa.Column("payer_code", sa.String(4), primary_key=True),
        sa.Column("share_ore", sa.BigInteger, nullable=False),
        sa.CheckConstraint("share_ore >= 0", name="ck_share_run_parts_share"),
    )
