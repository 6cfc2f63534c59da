"""A place that goes on from term to term keeps the moment at which the pupil got it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("applications", sa.Column("held_since", sa.DateTime(timezone=True)))
