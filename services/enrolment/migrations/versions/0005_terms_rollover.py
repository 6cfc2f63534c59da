"""Carry-over between terms: which course continues which, what families said of it, and what was done."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("courses", sa.Column("continues", sa.String(64)))
    op.add_column("courses", sa.Column("carried_over", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("applications", sa.Column("next_term", sa.String(16)))
    op.add_column("applications", sa.Column("renew_by", sa.Date))
    op.add_column("applications", sa.Column("carried", sa.String(64)))
    to_renew = sa.text("renew_by IS NOT NULL")
    op.create_index(
        "ix_applications_renew_by",
        "applications",
        ["renew_by"],
        postgresql_where=to_renew,
        sqlite_where=to_renew,
    )
    op.create_table(
        "rollovers",
        sa.Column("rollover_id", sa.String(64), primary_key=True),
        sa.Column("term_id", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(4), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("run_by", sa.String(200), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "rollover_effects",
        sa.Column("rollover_id", sa.String(64), sa.ForeignKey("rollovers.rollover_id"), primary_key=True),
        sa.Column("application_id", sa.String(64), primary_key=True),
        sa.Column("pupil_id", sa.String(64), nullable=False),
        sa.Column("from_course", sa.String(64), nullable=False),
        sa.Column("to_course", sa.String(64)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("answer_by", sa.Date),
    )
