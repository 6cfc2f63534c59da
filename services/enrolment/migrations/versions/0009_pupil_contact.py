"""When notifications was told how to reach a pupil itself. Who has no guardian was registered with it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("pupils", sa.Column("contact_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE pupils SET contact_at = registered_at WHERE NOT EXISTS "
        "(SELECT 1 FROM guardianships WHERE guardianships.pupil_id = pupils.pupil_id)"
    )
