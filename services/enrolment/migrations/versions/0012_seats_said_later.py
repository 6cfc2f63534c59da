"""How full a course is, is said a moment after it has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column(
        "courses", sa.Column("seats_changed", sa.Boolean(), nullable=False, server_default=sa.false())
    )
