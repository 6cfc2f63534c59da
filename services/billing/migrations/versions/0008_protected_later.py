"""A pupil's identity may come under protection after its places were told."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "pupil_protections",
        sa.Column("pupil_id", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("is_protected", sa.Boolean(), nullable=False),
    )
