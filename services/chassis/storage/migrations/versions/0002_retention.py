"""How far the logs have been pruned, and since when a reader has stood where it stands."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("outbox_streams", "inbox_positions"):
        op.add_column(table, sa.Column("pruned_through", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("outbox_readers", sa.Column("moved_at", sa.DateTime(timezone=True)))
