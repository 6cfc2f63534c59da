"""Moves within a term: a place's parts, the pupil and the course of a place, and what was said of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Facts that were handled before anybody asked for what they say now: they are taken up once more, which
# changes nothing that is known already.
_AGAIN = (
    "catalogue.course_published",
    "enrolment.place_given",
    "enrolment.pupil_moved",
    "enrolment.pupils_merged",
)


def upgrade() -> None:
    op.add_column("places", sa.Column("moved", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_places_moved",
        "places",
        ["term_id"],
        postgresql_where=sa.text("moved"),
        sqlite_where=sa.text("moved IS 1"),
    )
    op.create_table(
        "place_subjects",
        sa.Column("application_id", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("pupil_id", sa.String(64)),
        sa.Column("course_id", sa.String(64), nullable=False),
    )
    op.create_index("ix_place_subjects_pupil", "place_subjects", ["pupil_id"])
    op.create_table(
        "place_stays",
        sa.Column("application_id", sa.String(64), sa.ForeignKey("places.application_id"), primary_key=True),
        sa.Column("first_on", sa.Date, primary_key=True),
        sa.Column("last_on", sa.Date, nullable=False),
        sa.Column("home_municipality", sa.String(4), nullable=False),
        sa.Column("thousandths", sa.Integer, nullable=False),
        sa.CheckConstraint("first_on <= last_on", name="ck_place_stays_days"),
        sa.CheckConstraint("thousandths BETWEEN 0 AND 1000", name="ck_place_stays_thousandths"),
    )
    op.create_table(
        "pupil_moves",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pupil_id", sa.String(64), nullable=False),
        sa.Column("from_municipality", sa.String(4), nullable=False),
        sa.Column("to_municipality", sa.String(4), nullable=False),
        sa.Column("moved_on", sa.Date, nullable=False),
    )
    op.create_index("ix_pupil_moves_pupil", "pupil_moves", ["pupil_id"])
    op.create_table(
        "pupil_merges",
        sa.Column("merged_id", sa.String(64), primary_key=True),
        sa.Column("pupil_id", sa.String(64), nullable=False),
    )
    op.create_table(
        "courses",
        sa.Column("course_id", sa.String(64), primary_key=True),
        sa.Column("fee_kind", sa.String(64), nullable=False),
    )
    inbox = sa.table("inbox", sa.column("type"), sa.column("handled_at"), sa.column("parked_at"))
    types = [f"se.samklang.{name}.v1" for name in _AGAIN]
    op.execute(
        sa.update(inbox).where(inbox.c.type.in_(types), inbox.c.parked_at.is_(None)).values(handled_at=None)
    )
