"""The day from which a wish in a round stands: by it is judged whether it came in time."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("round_wishes", sa.Column("ranked_on", sa.Date()))
