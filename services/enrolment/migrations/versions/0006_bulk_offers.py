"""Offers that staff made after a preview."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "bulk_offers",
        sa.Column("bulk_id", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("offered", sa.Integer, nullable=False),
        sa.Column("offered_by", sa.String(200), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
    )
