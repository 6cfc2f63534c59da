"""What a pupil has and waits for is found without looking through everybody's applications."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_index("ix_applications_pupil", "applications", ["pupil_id"])
