"""Notifications is told of every guardianship, those too that were there before it could be."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("guardianships", sa.Column("told", sa.Boolean()))
