"""A municipality that becomes a part of another one, on a date."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("municipalities", sa.Column("succeeded_by", sa.String(4)))
    op.add_column("municipalities", sa.Column("succeeded_on", sa.Date))
