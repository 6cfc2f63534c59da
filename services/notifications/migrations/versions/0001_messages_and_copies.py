"""Messages, preferences, and the copies of what other services said."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)
ID = sa.String(128)


def upgrade() -> None:
    _catalogue_copy()
    _people()
    _places_and_runs()
    _messages()


def _catalogue_copy() -> None:
    op.create_table(
        "municipalities",
        sa.Column("code", sa.String(4), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "terms",
        sa.Column("term_id", ID, primary_key=True),
        sa.Column("name_sv", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "courses",
        sa.Column("course_id", ID, primary_key=True),
        sa.Column("term_id", ID, nullable=False),
        sa.Column("school_name", sa.Text, nullable=False),
        sa.Column("title_sv", sa.Text, nullable=False),
        sa.Column("title_en", sa.Text, nullable=False),
        sa.Column("weekday", sa.Integer, nullable=False),
        sa.Column("starts_at", sa.String(5), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("first_lesson_on", sa.Date, nullable=False),
        sa.Column("last_lesson_on", sa.Date, nullable=False),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "course_cancellations",
        sa.Column("course_id", ID, primary_key=True),
        sa.Column("reason_sv", sa.Text, nullable=False),
        sa.Column("reason_en", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )


def _people() -> None:
    op.create_table(
        "contacts",
        sa.Column("person_id", ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("municipality_code", sa.String(4), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_contacts_role", "contacts", ["role"])
    op.create_table(
        "pupils",
        sa.Column("pupil_id", ID, primary_key=True),
        sa.Column("given_name", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "preferences",
        sa.Column("person_id", ID, primary_key=True),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
    )


def _places_and_runs() -> None:
    op.create_table(
        "places",
        sa.Column("application_id", ID, primary_key=True),
        sa.Column("course_id", ID, nullable=False),
        sa.Column("pupil_id", ID, nullable=False),
        sa.Column("guardian_id", ID),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_places_guardian_id", "places", ["guardian_id"])
    op.create_index("ix_places_pupil_id", "places", ["pupil_id"])
    op.create_table(
        "cost_runs",
        sa.Column("run_id", ID, primary_key=True),
        sa.Column("cause_id", sa.String(64), nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("budget_ore", sa.BigInteger, nullable=False),
        sa.Column("population_date", sa.Date, nullable=False),
        sa.Column("shares", sa.Text, nullable=False),
        sa.Column("computed_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("message_id", sa.String(36), primary_key=True),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("cause_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("course_id", ID),
        sa.Column("pupil_id", ID),
        sa.Column("municipality_code", sa.String(4)),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", TIME),
        sa.Column("claimed_until", TIME),
        sa.Column("composed_at", TIME),
        sa.Column("language", sa.String(16)),
        sa.Column("address", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("body_text", sa.Text),
        sa.Column("body_html", sa.Text),
        sa.Column("finished_at", TIME),
        sa.Column("failure", sa.Text),
        sa.UniqueConstraint("person_id", "cause_id", name="uq_messages_person_cause"),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed', 'no_address')", name="ck_messages_state"),
        sa.CheckConstraint(
            "state NOT IN ('sent', 'no_address') OR subject IS NOT NULL", name="ck_messages_composed"
        ),
        sa.CheckConstraint("(state = 'waiting') = (finished_at IS NULL)", name="ck_messages_finished"),
    )
    op.create_index("ix_messages_person", "messages", ["person_id", "recorded_at"])
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_messages_waiting",
        "messages",
        ["recorded_at", "sequence"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
