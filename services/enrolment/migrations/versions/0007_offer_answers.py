"""How each guardian answered an offer, and the cases where two of them disagree."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    application = sa.ForeignKey("applications.application_id")
    op.create_table(
        "offer_answers",
        sa.Column("application_id", sa.String(64), application, primary_key=True),
        sa.Column("offered_at", TIME, primary_key=True),
        sa.Column("guardian_id", sa.String(64), sa.ForeignKey("guardians.guardian_id"), primary_key=True),
        sa.Column("answer", sa.String(8), nullable=False),
        sa.Column("answered_at", TIME, nullable=False),
        sa.Column("answer_by", sa.Date),
        sa.CheckConstraint("answer IN ('yes', 'no')", name="ck_offer_answers_answer"),
    )
    application = sa.ForeignKey("applications.application_id")
    op.create_table(
        "offer_cases",
        sa.Column("application_id", sa.String(64), application, primary_key=True),
        sa.Column("offered_at", TIME, primary_key=True),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("settled_at", TIME),
        sa.Column("settled_by", sa.String(200)),
        sa.Column("settled_as", sa.String(16)),
    )
