"""Families, applications and the copy of what the catalogue said."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _catalogue_copy()
    _families()
    _applications()


def _catalogue_copy() -> None:
    op.create_table(
        "municipalities",
        sa.Column("code", sa.String(4), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("member_from", sa.Date),
        sa.Column("member_to", sa.Date),
    )
    op.create_table(
        "terms",
        sa.Column("term_id", sa.String(64), primary_key=True),
        sa.Column("name_sv", sa.String(100), nullable=False),
        sa.Column("name_en", sa.String(100), nullable=False),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
        sa.Column("apply_from", sa.Date),
        sa.Column("apply_until", sa.Date),
    )
    op.create_table(
        "rule_books",
        sa.Column("rule_book_id", sa.String(64), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "courses",
        sa.Column("course_id", sa.String(64), primary_key=True),
        sa.Column("term_id", sa.String(64), nullable=False),
        sa.Column("municipality_code", sa.String(4), nullable=False),
        sa.Column("school_name", sa.String(200), nullable=False),
        sa.Column("title_sv", sa.String(200), nullable=False),
        sa.Column("title_en", sa.String(200), nullable=False),
        sa.Column("fee_kind", sa.String(64), nullable=False),
        sa.Column("weekday", sa.Integer, nullable=False),
        sa.Column("starts_at", sa.String(5), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("first_lesson_on", sa.Date, nullable=False),
        sa.Column("last_lesson_on", sa.Date, nullable=False),
        sa.Column("room", sa.String(200), nullable=False),
        sa.Column("min_age", sa.Integer, nullable=False),
        sa.Column("max_age", sa.Integer, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("rule_book_id", sa.String(64), nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("published_capacity", sa.Integer, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("taken", sa.Integer, nullable=False, server_default="0"),
        sa.Column("waiting", sa.Integer, nullable=False, server_default="0"),
        sa.CheckConstraint("taken >= 0 AND taken <= capacity", name="ck_courses_seats"),
        sa.CheckConstraint("waiting >= 0", name="ck_courses_waiting"),
    )
    op.create_index("ix_courses_municipality_code", "courses", ["municipality_code"])


def _families() -> None:
    op.create_table(
        "guardians",
        sa.Column("guardian_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("municipality_code", sa.String(4), nullable=False),
    )
    op.create_table(
        "pupils",
        sa.Column("pupil_id", sa.String(64), primary_key=True),
        sa.Column("personal_identity", sa.String(12), unique=True),
        sa.Column("given_name", sa.String(100), nullable=False),
        sa.Column("family_name", sa.String(100), nullable=False),
        sa.Column("born_on", sa.Date, nullable=False),
        sa.Column("home_municipality", sa.String(4), nullable=False),
        sa.Column("protected", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("alias", sa.String(100)),
        sa.Column("registered_by", sa.String(200), nullable=False),
        sa.Column("registered_at", TIME, nullable=False),
        sa.CheckConstraint("NOT protected OR alias IS NOT NULL", name="ck_pupils_alias"),
    )
    op.create_index("ix_pupils_home_municipality", "pupils", ["home_municipality"])
    op.create_table(
        "guardianships",
        sa.Column("guardian_id", sa.String(64), sa.ForeignKey("guardians.guardian_id"), primary_key=True),
        sa.Column("pupil_id", sa.String(64), sa.ForeignKey("pupils.pupil_id"), primary_key=True),
    )
    op.create_index("ix_guardianships_pupil_id", "guardianships", ["pupil_id"])


def _applications() -> None:
    op.create_table(
        "applications",
        sa.Column("application_id", sa.String(64), primary_key=True),
        sa.Column("course_id", sa.String(64), sa.ForeignKey("courses.course_id"), nullable=False),
        sa.Column("pupil_id", sa.String(64), sa.ForeignKey("pupils.pupil_id"), nullable=False),
        sa.Column("guardian_id", sa.String(64)),
        sa.Column("home_municipality", sa.String(4), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(32)),
        sa.Column("queued_at", TIME, nullable=False),
        sa.Column("rule", sa.String(128), nullable=False),
        sa.Column("basis", sa.String(128), nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("applied_by", sa.String(200), nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('placed', 'queued', 'offered', 'ended')", name="ck_applications_state"),
        sa.CheckConstraint("(state = 'ended') = (outcome IS NOT NULL)", name="ck_applications_outcome"),
    )
    op.create_index("ix_applications_pupil_id", "applications", ["pupil_id"])
    op.create_table(
        "application_events",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("application_id", sa.String(64), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("ix_application_events_application_id", "application_events", ["application_id"])
    active = sa.text("state != 'ended'")
    op.create_index(
        "uq_applications_active",
        "applications",
        ["course_id", "pupil_id"],
        unique=True,
        postgresql_where=active,
        sqlite_where=active,
    )
    op.create_index("ix_applications_course", "applications", ["course_id", "state", "queued_at"])
