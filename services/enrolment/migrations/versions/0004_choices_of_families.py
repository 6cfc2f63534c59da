"""What families choose with an application: rank, siblings together, rental, Fritidskort; and its price."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("pupils", sa.Column("household", sa.String(36)))
    op.add_column("applications", sa.Column("party_id", sa.String(64)))
    op.add_column("applications", sa.Column("choice", sa.Integer))
    op.add_column("applications", sa.Column("rents", sa.String(64)))
    op.add_column("applications", sa.Column("voucher_ore", sa.Integer, nullable=False, server_default="0"))
    op.add_column("applications", sa.Column("priced", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("applications", sa.Column("price", sa.Text))
    unpriced = sa.text("state = 'placed' AND NOT priced")
    op.create_index(
        "ix_applications_unpriced",
        "applications",
        ["application_id"],
        postgresql_where=unpriced,
        sqlite_where=unpriced,
    )
