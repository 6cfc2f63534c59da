"""A rollover says where a place goes on without the instrument that was rented with it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column(
        "rollover_effects",
        sa.Column("rental_ends", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
