"""Who sees a child's places: its guardians until it turns 18; and of whom nobody is written to any more."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "guardianships",
        sa.Column("pupil_id", sa.String(128), primary_key=True),
        sa.Column("guardian_id", sa.String(128), primary_key=True),
        sa.Column("sees", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_guardianships_guardian_id", "guardianships", ["guardian_id"])
    op.create_table(
        "protections",
        sa.Column("pupil_id", sa.String(128), primary_key=True),
        sa.Column("is_protected", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
    )
