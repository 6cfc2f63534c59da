"""Which course of the term before a course goes on with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("courses", sa.Column("continues", sa.String(36)))
