"""The admission round: its rankings, runs and results."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("courses", sa.Column("round_over", sa.Boolean, nullable=False, server_default=sa.false()))
    _round()
    _runs()


def _round() -> None:
    op.create_table(
        "rounds",
        sa.Column("round_id", sa.String(64), primary_key=True),
        sa.Column("term_id", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(4), nullable=False),
        sa.Column("most_wishes", sa.Integer, nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.Column("reserved", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_by", sa.String(200), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('open', 'run', 'published')", name="ck_rounds_state"),
    )
    op.create_table(
        "round_rankings",
        sa.Column("round_id", sa.String(64), sa.ForeignKey("rounds.round_id"), primary_key=True),
        sa.Column("pupil_id", sa.String(64), sa.ForeignKey("pupils.pupil_id"), primary_key=True),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("guardian_id", sa.String(64), nullable=False),
        sa.Column("ranked_by", sa.String(200), nullable=False),
        sa.Column("ranked_at", TIME, nullable=False),
    )
    op.create_table(
        "round_wishes",
        sa.Column("round_id", sa.String(64), primary_key=True),
        sa.Column("pupil_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("course_id", sa.String(64), sa.ForeignKey("courses.course_id"), nullable=False),
        sa.UniqueConstraint("round_id", "pupil_id", "course_id", name="uq_round_wishes_course"),
    )


def _runs() -> None:
    op.create_table(
        "round_runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("round_id", sa.String(64), sa.ForeignKey("rounds.round_id"), nullable=False, index=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("frozen", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("run_by", sa.String(200), nullable=False),
        sa.Column("run_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('rehearsal', 'final')", name="ck_round_runs_kind"),
    )
    op.create_table(
        "round_results",
        sa.Column("run_id", sa.String(64), sa.ForeignKey("round_runs.run_id"), primary_key=True),
        sa.Column("pupil_id", sa.String(64), primary_key=True),
        sa.Column("course_id", sa.String(64)),
        sa.Column("wish", sa.Integer),
        sa.Column("explanation", sa.Text, nullable=False),
    )
