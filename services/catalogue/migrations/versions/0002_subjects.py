"""What a course's queue date is for: a pupil has one a subject in the county."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("courses", sa.Column("queue_subject", sa.String(64)))
