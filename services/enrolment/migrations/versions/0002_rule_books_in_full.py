"""What full rule books go by: facts of pupils, offers with a last day, queue dates by subject, ceilings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("courses", sa.Column("subject", sa.String(64), nullable=False, server_default=""))
    _pupils()
    _applications()
    op.create_table(
        "queue_dates",
        sa.Column("pupil_id", sa.String(64), sa.ForeignKey("pupils.pupil_id"), primary_key=True),
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("queued_at", TIME, nullable=False),
    )
    op.create_table(
        "ceilings",
        sa.Column("municipality_code", sa.String(4), primary_key=True),
        sa.Column("term_id", sa.String(64), primary_key=True),
        sa.Column("most_places", sa.Integer),
        sa.Column("most_ore", sa.BigInteger),
        sa.Column("set_by", sa.String(200), nullable=False),
        sa.Column("set_at", TIME, nullable=False),
    )
    op.create_table(
        "pupil_events",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("pupil_id", sa.String(64), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("ix_pupil_events_pupil_id", "pupil_events", ["pupil_id"])


def _pupils() -> None:
    op.add_column("pupils", sa.Column("school_municipality", sa.String(4)))
    op.add_column("pupils", sa.Column("leaves_upper_secondary", sa.Integer))
    op.add_column("pupils", sa.Column("moved_on", sa.Date))
    op.add_column("pupils", sa.Column("merged_into", sa.String(64)))
    for name in ("later_limit", "is_teacher", "has_relief", "played_before"):
        op.add_column("pupils", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))


def _applications() -> None:
    op.add_column("applications", sa.Column("offered_at", TIME))
    op.add_column("applications", sa.Column("answer_by", sa.Date))
    op.add_column("applications", sa.Column("declines", sa.Integer, nullable=False, server_default="0"))
    op.add_column("applications", sa.Column("passed", sa.Boolean, nullable=False, server_default=sa.false()))
    offered = sa.text("state = 'offered'")
    op.create_index(
        "ix_applications_answer_by",
        "applications",
        ["answer_by"],
        postgresql_where=offered,
        sqlite_where=offered,
    )
