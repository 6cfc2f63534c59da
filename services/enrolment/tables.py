"""Enrolment's tables: its copy of what the catalogue said, families, and applications."""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.storage.types import UtcDateTime

metadata = sa.MetaData()

municipalities = sa.Table(
    "municipalities",
    metadata,
    sa.Column("code", sa.String(4), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("member_from", sa.Date),
    sa.Column("member_to", sa.Date),
    # The municipality that it becomes a part of, and since which day.
    sa.Column("succeeded_by", sa.String(4)),
    sa.Column("succeeded_on", sa.Date),
)

terms = sa.Table(
    "terms",
    metadata,
    sa.Column("term_id", sa.String(64), primary_key=True),
    sa.Column("name_sv", sa.String(100), nullable=False),
    sa.Column("name_en", sa.String(100), nullable=False),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date, nullable=False),
    sa.Column("apply_from", sa.Date),
    sa.Column("apply_until", sa.Date),
)

rule_books = sa.Table(
    "rule_books",
    metadata,
    sa.Column("rule_book_id", sa.String(64), primary_key=True),
    # The rule book as it was published, JSON: what a decision went by can be read again.
    sa.Column("document", sa.Text, nullable=False),
)

courses = sa.Table(
    "courses",
    metadata,
    sa.Column("course_id", sa.String(64), primary_key=True),
    sa.Column("term_id", sa.String(64), nullable=False),
    sa.Column("municipality_code", sa.String(4), nullable=False, index=True),
    sa.Column("school_name", sa.String(200), nullable=False),
    sa.Column("title_sv", sa.String(200), nullable=False),
    sa.Column("title_en", sa.String(200), nullable=False),
    sa.Column("fee_kind", sa.String(64), nullable=False),
    # What one queue date is for: a pupil has one a subject in the whole county.
    sa.Column("subject", sa.String(64), nullable=False, default="", server_default=""),
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
    sa.Column("cancelled", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # `capacity` is what was published, or the seats held already where that is more: nobody loses a place
    # because a room became smaller, and no seat beyond what was published is given again.
    sa.Column("published_capacity", sa.Integer, nullable=False),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("waiting", sa.Integer, nullable=False, default=0, server_default="0"),
    # Whether how full it is has changed since it was last said.
    sa.Column("seats_changed", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # Set when an admission round has given this course's seats.
    sa.Column("round_over", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # The course of the term before: who has a place there may keep it here.
    sa.Column("continues", sa.String(64)),
    # Set once those places have been carried over. Until then a seat is kept for each of them.
    sa.Column("carried_over", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.CheckConstraint("taken >= 0 AND taken <= capacity", name="ck_courses_seats"),
    sa.CheckConstraint("waiting >= 0", name="ck_courses_waiting"),
)

guardians = sa.Table(
    "guardians",
    metadata,
    sa.Column("guardian_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("municipality_code", sa.String(4), nullable=False),
)

pupils = sa.Table(
    "pupils",
    metadata,
    sa.Column("pupil_id", sa.String(64), primary_key=True),
    # Twelve digits; None for a child who has no number yet.
    sa.Column("personal_identity", sa.String(12), unique=True),
    sa.Column("given_name", sa.String(100), nullable=False),
    sa.Column("family_name", sa.String(100), nullable=False),
    sa.Column("born_on", sa.Date, nullable=False),
    sa.Column("home_municipality", sa.String(4), nullable=False, index=True),
    sa.Column("protected", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # The name that lists show instead of a protected one.
    sa.Column("alias", sa.String(100)),
    # None where it goes to school where it lives, or to none.
    sa.Column("school_municipality", sa.String(4)),
    sa.Column("leaves_upper_secondary", sa.Integer),
    # Staff's decision; the reason for it is not kept.
    sa.Column("later_limit", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("is_teacher", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("has_relief", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("moved_on", sa.Date),
    # Pupils of one key live at one address, which is not kept: the key is drawn and says nothing.
    sa.Column("household", sa.String(36)),
    # In a municipal school elsewhere before it moved: staff have seen the proof.
    sa.Column("played_before", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # When notifications was told how to reach the pupil itself: from 18 letters go to it.
    sa.Column("contact_at", UtcDateTime),
    # The pupil that this record became a part of, once the two were found to be one child.
    sa.Column("merged_into", sa.String(64)),
    sa.Column("registered_by", sa.String(200), nullable=False),
    sa.Column("registered_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("NOT protected OR alias IS NOT NULL", name="ck_pupils_alias"),
)

guardianships = sa.Table(
    "guardianships",
    metadata,
    sa.Column("guardian_id", sa.String(64), sa.ForeignKey("guardians.guardian_id"), primary_key=True),
    sa.Column("pupil_id", sa.String(64), sa.ForeignKey("pupils.pupil_id"), primary_key=True, index=True),
    # What notifications was told last: whether the guardian sees the child's places; nothing yet where null.
    sa.Column("told", sa.Boolean),
)

applications = sa.Table(
    "applications",
    metadata,
    # Made by the caller, and used again when it tries again.
    sa.Column("application_id", sa.String(64), primary_key=True),
    sa.Column("course_id", sa.String(64), sa.ForeignKey("courses.course_id"), nullable=False),
    sa.Column("pupil_id", sa.String(64), sa.ForeignKey("pupils.pupil_id"), nullable=False, index=True),
    sa.Column("guardian_id", sa.String(64)),
    # As of the application: a later move does not change what was decided.
    sa.Column("home_municipality", sa.String(4), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(32)),
    sa.Column("queued_at", UtcDateTime, nullable=False),
    sa.Column("rule", sa.String(128), nullable=False),
    sa.Column("basis", sa.String(128), nullable=False),
    # What the decision went by, JSON.
    sa.Column("explanation", sa.Text, nullable=False),
    sa.Column("applied_by", sa.String(200), nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("offered_at", UtcDateTime),
    # Of a place that goes on from the term before: when the pupil got the first one that it goes on from.
    sa.Column("held_since", UtcDateTime),
    # The last day an offer stands; None for as long as nobody answers.
    sa.Column("answer_by", sa.Date),
    # Refusals that left the place in the queue.
    sa.Column("declines", sa.Integer, nullable=False, default=0, server_default="0"),
    # Said no to the seat that is free now; forgotten when another one comes free.
    sa.Column("passed", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # What the family said of the next term before it was decided: `confirmed` or `given_up`.
    sa.Column("next_term", sa.String(16)),
    # Of a queue position carried over to this term: the last day to confirm it; None once that is done.
    sa.Column("renew_by", sa.Date),
    # What became of it when the next term's places were settled, `continues` or the reason why it does not.
    sa.Column("carried", sa.String(64)),
    # Siblings who applied together, who get places together or none; None for who applied alone.
    sa.Column("party_id", sa.String(64)),
    # Which of the pupil's choices at the school in the term it is, where the rule book has it rank; from 1.
    sa.Column("choice", sa.Integer),
    # The instrument the family rents, and what it pays with a Fritidskort.
    sa.Column("rents", sa.String(64)),
    sa.Column("voucher_ore", sa.Integer, nullable=False, default=0, server_default="0"),
    # Whether the price that was published last is known to be today's; and what was published, JSON.
    sa.Column("priced", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("price", sa.Text),
    sa.CheckConstraint("state IN ('placed', 'queued', 'offered', 'ended')", name="ck_applications_state"),
    sa.CheckConstraint("(state = 'ended') = (outcome IS NOT NULL)", name="ck_applications_outcome"),
)
_ACTIVE = applications.c.state != "ended"
# Two tabs, two guardians, two clicks: a child applies for a course once.
sa.Index(
    "uq_applications_active",
    applications.c.course_id,
    applications.c.pupil_id,
    unique=True,
    postgresql_where=_ACTIVE,
    sqlite_where=_ACTIVE,
)
# What a pupil has and waits for is asked at each of its applications, and on its page.
sa.Index("ix_applications_pupil", applications.c.pupil_id)
sa.Index("ix_applications_course", applications.c.course_id, applications.c.state, applications.c.queued_at)
sa.Index(
    "ix_applications_answer_by",
    applications.c.answer_by,
    postgresql_where=applications.c.state == "offered",
    sqlite_where=applications.c.state == "offered",
)
sa.Index(
    "ix_applications_renew_by",
    applications.c.renew_by,
    postgresql_where=applications.c.renew_by.is_not(None),
    sqlite_where=applications.c.renew_by.is_not(None),
)
_UNPRICED = sa.and_(applications.c.state == "placed", ~applications.c.priced)
sa.Index(
    "ix_applications_unpriced",
    applications.c.application_id,
    postgresql_where=_UNPRICED,
    sqlite_where=_UNPRICED,
)

# The queue date of a pupil for a subject, county-wide: a new application there goes by it.
queue_dates = sa.Table(
    "queue_dates",
    metadata,
    sa.Column("pupil_id", sa.String(64), sa.ForeignKey("pupils.pupil_id"), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("queued_at", UtcDateTime, nullable=False),
)

# What a home municipality lets its pupils take in other municipalities in a term; None is no limit.
ceilings = sa.Table(
    "ceilings",
    metadata,
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("term_id", sa.String(64), primary_key=True),
    sa.Column("most_places", sa.Integer),
    sa.Column("most_ore", sa.BigInteger),
    sa.Column("set_by", sa.String(200), nullable=False),
    sa.Column("set_at", UtcDateTime, nullable=False),
)

# What happened to a pupil, when and why; the details are JSON, without names or numbers.
pupil_events = sa.Table(
    "pupil_events",
    metadata,
    sa.Column("event_id", sa.String(36), primary_key=True),
    sa.Column("pupil_id", sa.String(64), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
)

# Who did what to an application, when and why.
application_events = sa.Table(
    "application_events",
    metadata,
    sa.Column("event_id", sa.String(36), primary_key=True),
    sa.Column("application_id", sa.String(64), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

# Offers that staff made after a preview: the id that the form carries makes pressing twice do it once.
bulk_offers = sa.Table(
    "bulk_offers",
    metadata,
    sa.Column("bulk_id", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("offered", sa.Integer, nullable=False),
    sa.Column("offered_by", sa.String(200), nullable=False),
    sa.Column("offered_at", UtcDateTime, nullable=False),
)

# How each guardian answered an offer; `offered_at` says which offer. `answer_by` is its last day, as of then.
offer_answers = sa.Table(
    "offer_answers",
    metadata,
    sa.Column(
        "application_id", sa.String(64), sa.ForeignKey("applications.application_id"), primary_key=True
    ),
    sa.Column("offered_at", UtcDateTime, primary_key=True),
    sa.Column("guardian_id", sa.String(64), sa.ForeignKey("guardians.guardian_id"), primary_key=True),
    sa.Column("answer", sa.String(8), nullable=False),
    sa.Column("answered_at", UtcDateTime, nullable=False),
    sa.Column("answer_by", sa.Date),
    sa.CheckConstraint("answer IN ('yes', 'no')", name="ck_offer_answers_answer"),
)

# An offer that two guardians answered differently, until staff settle it or they agree.
offer_cases = sa.Table(
    "offer_cases",
    metadata,
    sa.Column(
        "application_id", sa.String(64), sa.ForeignKey("applications.application_id"), primary_key=True
    ),
    sa.Column("offered_at", UtcDateTime, primary_key=True),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("settled_at", UtcDateTime),
    sa.Column("settled_by", sa.String(200)),
    sa.Column("settled_as", sa.String(16)),
)

# An admission round of a term, for the courses of a municipality (two digits: of the county) whose rule
# book gives places in rounds.
rounds = sa.Table(
    "rounds",
    metadata,
    sa.Column("round_id", sa.String(64), primary_key=True),
    sa.Column("term_id", sa.String(64), nullable=False),
    sa.Column("scope", sa.String(4), nullable=False),
    sa.Column("most_wishes", sa.Integer, nullable=False),
    # Decides between equals. Families see its digest while they rank, and the seed itself afterwards.
    sa.Column("seed", sa.String(64), nullable=False),
    # JSON: municipality code -> seats on each course that its own pupils have first.
    sa.Column("reserved", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("opened_by", sa.String(200), nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("state IN ('open', 'run', 'published')", name="ck_rounds_state"),
)

# One ranking a pupil and round; pupils of one party come together or not at all.
round_rankings = sa.Table(
    "round_rankings",
    metadata,
    sa.Column("round_id", sa.String(64), sa.ForeignKey("rounds.round_id"), primary_key=True),
    sa.Column("pupil_id", sa.String(64), sa.ForeignKey("pupils.pupil_id"), primary_key=True),
    sa.Column("party_id", sa.String(64), nullable=False),
    sa.Column("guardian_id", sa.String(64), nullable=False),
    sa.Column("ranked_by", sa.String(200), nullable=False),
    sa.Column("ranked_at", UtcDateTime, nullable=False),
)

round_wishes = sa.Table(
    "round_wishes",
    metadata,
    sa.Column("round_id", sa.String(64), primary_key=True),
    sa.Column("pupil_id", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("course_id", sa.String(64), sa.ForeignKey("courses.course_id"), nullable=False),
    # The day on which the pupil first wished for the course; none was kept at first: the round's first day.
    sa.Column("ranked_on", sa.Date),
    sa.UniqueConstraint("round_id", "pupil_id", "course_id", name="uq_round_wishes_course"),
)

# A rehearsal, or the run that counts, with the input it had: whoever has it can do the run again.
round_runs = sa.Table(
    "round_runs",
    metadata,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("round_id", sa.String(64), sa.ForeignKey("rounds.round_id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("frozen", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("run_by", sa.String(200), nullable=False),
    sa.Column("run_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("kind IN ('rehearsal', 'final')", name="ck_round_runs_kind"),
)

round_results = sa.Table(
    "round_results",
    metadata,
    sa.Column("run_id", sa.String(64), sa.ForeignKey("round_runs.run_id"), primary_key=True),
    sa.Column("pupil_id", sa.String(64), primary_key=True),
    # None: no place. `wish` counts from 1.
    sa.Column("course_id", sa.String(64)),
    sa.Column("wish", sa.Integer),
    # What became of each wish and why, JSON.
    sa.Column("explanation", sa.Text, nullable=False),
)

# Places and queue positions of the term before carried over to a term, for the courses of a municipality (two
# digits: of the county): who did it, when and why, from which input.
rollovers = sa.Table(
    "rollovers",
    metadata,
    sa.Column("rollover_id", sa.String(64), primary_key=True),
    sa.Column("term_id", sa.String(64), nullable=False),
    sa.Column("scope", sa.String(4), nullable=False),
    # Of what staff looked at: the same digest is the same input, and so the same effects.
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("run_by", sa.String(200), nullable=False),
    sa.Column("run_at", UtcDateTime, nullable=False),
)

# What it did to each application of the term before, and to each that waited in the new term.
rollover_effects = sa.Table(
    "rollover_effects",
    metadata,
    sa.Column("rollover_id", sa.String(64), sa.ForeignKey("rollovers.rollover_id"), primary_key=True),
    sa.Column("application_id", sa.String(64), primary_key=True),
    sa.Column("pupil_id", sa.String(64), nullable=False),
    sa.Column("from_course", sa.String(64), nullable=False),
    sa.Column("to_course", sa.String(64)),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("answer_by", sa.Date),
    sa.Column("rental_ends", sa.Boolean, nullable=False, server_default=sa.false()),
)
