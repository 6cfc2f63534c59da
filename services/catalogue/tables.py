"""The catalogue's tables. Times are UTC, money is öre, ages are years on the first day of the term."""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.storage.types import UtcDateTime

metadata = sa.MetaData()

# Sorted byte for byte on either database: PostgreSQL's own collations pass over the signs that
# stand for å, ä and ö (see domain/words.py).
SORTED_TEXT = sa.String(120).with_variant(sa.String(120, collation="C"), "postgresql")

counties = sa.Table(
    "counties",
    metadata,
    sa.Column("code", sa.String(2), primary_key=True),
    sa.Column("name_sv", sa.String(120), nullable=False),
    sa.Column("name_en", sa.String(120), nullable=False),
    sa.Column("cooperation_sv", sa.String(120), nullable=False),
    sa.Column("cooperation_en", sa.String(120), nullable=False),
    sa.Column("region", sa.String(120), nullable=False),
)

municipalities = sa.Table(
    "municipalities",
    metadata,
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("school_name", sa.String(120)),
    sa.Column("member_from", sa.Date),
    sa.Column("member_to", sa.Date),
    # The municipality that it becomes a part of, and since which day.
    sa.Column("succeeded_by", sa.String(4)),
    sa.Column("succeeded_on", sa.Date),
)

art_forms = sa.Table(
    "art_forms",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("name_sv", sa.String(120), nullable=False),
    sa.Column("name_en", sa.String(120), nullable=False),
)

# `document` is the whole rule book as JSON; the columns beside it are what searches ask for.
rule_books = sa.Table(
    "rule_books",
    metadata,
    sa.Column("rule_book_id", sa.String(64), primary_key=True),
    sa.Column("municipality_code", sa.String(4), nullable=False, index=True),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_to", sa.Date),
    sa.Column("min_age", sa.Integer),
    sa.Column("max_age", sa.Integer),
    sa.Column("document", sa.Text, nullable=False),
)

fees = sa.Table(
    "fees",
    metadata,
    sa.Column("rule_book_id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(64), primary_key=True),
    sa.Column("fee_ore", sa.BigInteger, nullable=False),
    sa.Column("text_sv", sa.String(200), nullable=False),
    sa.Column("text_en", sa.String(200), nullable=False),
    sa.CheckConstraint("fee_ore >= 0", name="ck_fees_not_negative"),
)

terms = sa.Table(
    "terms",
    metadata,
    sa.Column("term_id", sa.String(16), primary_key=True),
    sa.Column("name_sv", sa.String(120), nullable=False),
    sa.Column("name_en", sa.String(120), nullable=False),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date, nullable=False),
    sa.Column("apply_from", sa.Date),
    sa.Column("apply_until", sa.Date),
    sa.CheckConstraint("starts_on <= ends_on", name="ck_terms_days"),
)

courses = sa.Table(
    "courses",
    metadata,
    sa.Column("course_id", sa.String(36), primary_key=True),
    sa.Column("course_key", sa.String(64), nullable=False),
    sa.Column("term_id", sa.String(16), nullable=False),
    sa.Column("municipality_code", sa.String(4), nullable=False),
    sa.Column("school_name", sa.String(120), nullable=False),
    sa.Column("title_sv", sa.String(120), nullable=False),
    sa.Column("title_en", sa.String(120), nullable=False),
    sa.Column("description_sv", sa.Text, nullable=False),
    sa.Column("description_en", sa.Text, nullable=False),
    sa.Column("art_form", sa.String(32), nullable=False),
    sa.Column("queue_subject", sa.String(64)),
    # The id of the course of the term before that goes on in this one.
    sa.Column("continues", sa.String(36)),
    sa.Column("fee_kind", sa.String(64), nullable=False),
    sa.Column("weekday", sa.Integer, nullable=False),
    sa.Column("starts_at", sa.String(5), nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("first_lesson_on", sa.Date, nullable=False),
    sa.Column("last_lesson_on", sa.Date, nullable=False),
    sa.Column("room", sa.String(120), nullable=False),
    sa.Column("min_age", sa.Integer, nullable=False),
    sa.Column("max_age", sa.Integer, nullable=False),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("rule_book_id", sa.String(64), nullable=False),
    # Folded texts: SQLite's LIKE knows the case of ASCII letters only.
    sa.Column("search_text", sa.Text, nullable=False),
    sa.Column("title_text", sa.String(300), nullable=False),
    sa.Column("title_sort_sv", SORTED_TEXT, nullable=False),
    sa.Column("title_sort_en", SORTED_TEXT, nullable=False),
    sa.Column("cancelled_at", UtcDateTime),
    sa.Column("cancelled_by", sa.String(128)),
    sa.Column("cancel_reason_sv", sa.String(500)),
    sa.Column("cancel_reason_en", sa.String(500)),
    sa.CheckConstraint("capacity > 0", name="ck_courses_capacity"),
    sa.CheckConstraint("min_age <= max_age", name="ck_courses_ages"),
    sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="ck_courses_weekday"),
)
sa.Index("uq_courses_term_key", courses.c.term_id, courses.c.course_key, unique=True)
sa.Index("ix_courses_when", courses.c.term_id, courses.c.weekday, courses.c.starts_at)
sa.Index("ix_courses_municipality", courses.c.term_id, courses.c.municipality_code)
sa.Index("ix_courses_art_form", courses.c.term_id, courses.c.art_form)

# How full enrolment says a course is. A table of its own: the fact may come before the course is here again.
course_seats = sa.Table(
    "course_seats",
    metadata,
    sa.Column("course_id", sa.String(36), primary_key=True),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False),
    sa.Column("waiting", sa.Integer, nullable=False),
)
