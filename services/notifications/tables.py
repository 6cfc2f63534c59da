"""Notifications' tables: messages, what people prefer, and the copies that texts are composed from.

Each copy keeps the `sequence` of the fact it came from in its stream: an older fact that comes once more
changes nothing.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.storage.types import UtcDateTime

metadata = sa.MetaData()

LONGEST_ID = 128


def _identity(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(LONGEST_ID), primary_key=primary_key, nullable=nullable)


def _sequence() -> sa.Column[int]:
    return sa.Column("sequence", sa.BigInteger, nullable=False)


municipalities = sa.Table(
    "municipalities",
    metadata,
    sa.Column("code", sa.String(4), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    _sequence(),
)

terms = sa.Table(
    "terms",
    metadata,
    _identity("term_id", primary_key=True),
    sa.Column("name_sv", sa.Text, nullable=False),
    sa.Column("name_en", sa.Text, nullable=False),
    _sequence(),
)

courses = sa.Table(
    "courses",
    metadata,
    _identity("course_id", primary_key=True),
    _identity("term_id"),
    sa.Column("school_name", sa.Text, nullable=False),
    sa.Column("title_sv", sa.Text, nullable=False),
    sa.Column("title_en", sa.Text, nullable=False),
    sa.Column("weekday", sa.Integer, nullable=False),
    sa.Column("starts_at", sa.String(5), nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("first_lesson_on", sa.Date, nullable=False),
    sa.Column("last_lesson_on", sa.Date, nullable=False),
    sa.Column("room", sa.Text, nullable=False),
    sa.Column("published_at", UtcDateTime, nullable=False),
    _sequence(),
)

course_cancellations = sa.Table(
    "course_cancellations",
    metadata,
    _identity("course_id", primary_key=True),
    sa.Column("reason_sv", sa.Text, nullable=False),
    sa.Column("reason_en", sa.Text, nullable=False),
    _sequence(),
)

# How to reach a person. `since` is when it first had this role and municipality.
contacts = sa.Table(
    "contacts",
    metadata,
    _identity("person_id", primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("municipality_code", sa.String(4), nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    _sequence(),
)
sa.Index("ix_contacts_role", contacts.c.role)

pupils = sa.Table(
    "pupils",
    metadata,
    _identity("pupil_id", primary_key=True),
    sa.Column("given_name", sa.Text, nullable=False),
    _sequence(),
)

# Whose identity is protected, or was: of a protected pupil nobody is written to, also about what was before.
protections = sa.Table(
    "protections",
    metadata,
    _identity("pupil_id", primary_key=True),
    sa.Column("is_protected", sa.Boolean, nullable=False),
    _sequence(),
)

# Whether a guardian sees where and when a child has lessons.
guardianships = sa.Table(
    "guardianships",
    metadata,
    _identity("pupil_id", primary_key=True),
    _identity("guardian_id", primary_key=True),
    sa.Column("sees", sa.Boolean, nullable=False),
    _sequence(),
)
sa.Index("ix_guardianships_guardian_id", guardianships.c.guardian_id)

# Places for the calendar. One that ended stays as a mark, so that its older fact cannot bring it back.
places = sa.Table(
    "places",
    metadata,
    _identity("application_id", primary_key=True),
    _identity("course_id"),
    _identity("pupil_id"),
    _identity("guardian_id", nullable=True),
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    _sequence(),
)
sa.Index("ix_places_guardian_id", places.c.guardian_id)
sa.Index("ix_places_pupil_id", places.c.pupil_id)

# A year's shares as billing told them, so that a finance contact who becomes known later gets its mail too.
cost_runs = sa.Table(
    "cost_runs",
    metadata,
    _identity("run_id", primary_key=True),
    sa.Column("cause_id", sa.String(64), nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("budget_ore", sa.BigInteger, nullable=False),
    sa.Column("population_date", sa.Date, nullable=False),
    # JSON: payer's code -> öre.
    sa.Column("shares", sa.Text, nullable=False),
    sa.Column("computed_at", UtcDateTime, nullable=False),
    _sequence(),
)

# Reminders of late invoices, for the same reason.
reminders = sa.Table(
    "reminders",
    metadata,
    _identity("reminder_id", primary_key=True),
    sa.Column("cause_id", sa.String(64), nullable=False),
    sa.Column("payer_code", sa.String(4), nullable=False),
    # JSON of what the letter says.
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("sent_at", UtcDateTime, nullable=False),
    _sequence(),
)

preferences = sa.Table(
    "preferences",
    metadata,
    _identity("person_id", primary_key=True),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)

# A message is recorded with references and facts, and composed when what they refer to is known: the
# streams are independent, and a place may be heard of before the family or the course.
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("message_id", sa.String(36), primary_key=True),
    _identity("person_id"),
    sa.Column("cause_id", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    _identity("course_id", nullable=True),
    _identity("pupil_id", nullable=True),
    sa.Column("municipality_code", sa.String(4)),
    # JSON of what the fact said beyond the references.
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    _sequence(),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("next_attempt_at", UtcDateTime),
    # Until then a sender has it in hand; after that it is taken for dead.
    sa.Column("claimed_until", UtcDateTime),
    sa.Column("composed_at", UtcDateTime),
    sa.Column("language", sa.String(16)),
    sa.Column("address", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("body_text", sa.Text),
    sa.Column("body_html", sa.Text),
    sa.Column("finished_at", UtcDateTime),
    # Why it has failed so far. Never holds an address.
    sa.Column("failure", sa.Text),
    sa.UniqueConstraint("person_id", "cause_id", name="uq_messages_person_cause"),
    sa.CheckConstraint("state IN ('waiting', 'sent', 'failed', 'no_address')", name="ck_messages_state"),
    sa.CheckConstraint(
        "state NOT IN ('sent', 'no_address') OR subject IS NOT NULL", name="ck_messages_composed"
    ),
    sa.CheckConstraint("(state = 'waiting') = (finished_at IS NULL)", name="ck_messages_finished"),
)
sa.Index("ix_messages_person", messages.c.person_id, messages.c.recorded_at)
_WAITING = messages.c.state == "waiting"
sa.Index(
    "ix_messages_waiting",
    messages.c.recorded_at,
    messages.c.sequence,
    postgresql_where=_WAITING,
    sqlite_where=_WAITING,
)
