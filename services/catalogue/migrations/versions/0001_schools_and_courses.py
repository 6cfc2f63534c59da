"""Municipalities, rule books, terms, courses, and how full they are."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)
SORTED_TEXT = sa.String(120).with_variant(sa.String(120, collation="C"), "postgresql")


def upgrade() -> None:
    _create_places()
    _create_rules()
    _create_courses()
    op.create_table(
        "course_seats",
        sa.Column("course_id", sa.String(36), primary_key=True),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
    )


def _create_places() -> None:
    op.create_table(
        "counties",
        sa.Column("code", sa.String(2), primary_key=True),
        sa.Column("name_sv", sa.String(120), nullable=False),
        sa.Column("name_en", sa.String(120), nullable=False),
        sa.Column("cooperation_sv", sa.String(120), nullable=False),
        sa.Column("cooperation_en", sa.String(120), nullable=False),
        sa.Column("region", sa.String(120), nullable=False),
    )
    op.create_table(
        "municipalities",
        sa.Column("municipality_code", sa.String(4), primary_key=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("school_name", sa.String(120)),
        sa.Column("member_from", sa.Date),
        sa.Column("member_to", sa.Date),
    )
    op.create_table(
        "art_forms",
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name_sv", sa.String(120), nullable=False),
        sa.Column("name_en", sa.String(120), nullable=False),
    )


def _create_rules() -> None:
    op.create_table(
        "rule_books",
        sa.Column("rule_book_id", sa.String(64), primary_key=True),
        sa.Column("municipality_code", sa.String(4), nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_to", sa.Date),
        sa.Column("min_age", sa.Integer),
        sa.Column("max_age", sa.Integer),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_rule_books_municipality_code", "rule_books", ["municipality_code"])
    op.create_table(
        "fees",
        sa.Column("rule_book_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(64), primary_key=True),
        sa.Column("fee_ore", sa.BigInteger, nullable=False),
        sa.Column("text_sv", sa.String(200), nullable=False),
        sa.Column("text_en", sa.String(200), nullable=False),
        sa.CheckConstraint("fee_ore >= 0", name="ck_fees_not_negative"),
    )
    op.create_table(
        "terms",
        sa.Column("term_id", sa.String(16), primary_key=True),
        sa.Column("name_sv", sa.String(120), nullable=False),
        sa.Column("name_en", sa.String(120), nullable=False),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
        sa.Column("apply_from", sa.Date),
        sa.Column("apply_until", sa.Date),
        sa.CheckConstraint("starts_on <= ends_on", name="ck_terms_days"),
    )


def _create_courses() -> None:
    op.create_table(
        "courses",
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
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("title_text", sa.String(300), nullable=False),
        sa.Column("title_sort_sv", SORTED_TEXT, nullable=False),
        sa.Column("title_sort_en", SORTED_TEXT, nullable=False),
        sa.Column("cancelled_at", TIME),
        sa.Column("cancelled_by", sa.String(128)),
        sa.Column("cancel_reason_sv", sa.String(500)),
        sa.Column("cancel_reason_en", sa.String(500)),
        sa.CheckConstraint("capacity > 0", name="ck_courses_capacity"),
        sa.CheckConstraint("min_age <= max_age", name="ck_courses_ages"),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="ck_courses_weekday"),
    )
    op.create_index("uq_courses_term_key", "courses", ["term_id", "course_key"], unique=True)
    op.create_index("ix_courses_when", "courses", ["term_id", "weekday", "starts_at"])
    op.create_index("ix_courses_municipality", "courses", ["term_id", "municipality_code"])
    op.create_index("ix_courses_art_form", "courses", ["term_id", "art_form"])
