"""What places cost families, and what it cost to leave one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("places", sa.Column("outcome", sa.String(32)))
    op.add_column("places", sa.Column("left_ore", sa.BigInteger))
    op.create_table(
        "place_fees",
        sa.Column("application_id", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("guardian_id", sa.String(64)),
        sa.Column("rule_book_id", sa.String(64), nullable=False),
        sa.Column("total_ore", sa.BigInteger, nullable=False),
        sa.Column("child_number", sa.Integer, nullable=False),
        sa.Column("course_number", sa.Integer, nullable=False),
        sa.Column("rents", sa.String(64)),
        sa.Column("rental_ore", sa.BigInteger, nullable=False),
        sa.Column("voucher_ore", sa.BigInteger, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("priced_at", sa.DateTime(timezone=True), nullable=False),
    )
    # Ends that were handled before anybody asked what they cost are taken up once more.
    inbox = sa.table("inbox", sa.column("type"), sa.column("handled_at"), sa.column("parked_at"))
    ends = inbox.c.type == "se.samklang.enrolment.application_ended.v1"
    op.execute(sa.update(inbox).where(ends, inbox.c.parked_at.is_(None)).values(handled_at=None))
