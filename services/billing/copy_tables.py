"""Billing's copy of what the catalogue and enrolment said: members, terms, places and whose they are."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.metadata import metadata
from services.chassis.storage.types import UtcDateTime

# Every municipality of the county, and from when to when it is a member of the cooperation, if ever.
members = sa.Table(
    "members",
    metadata,
    sa.Column("municipality_code", sa.String(4), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("member_from", sa.Date),
    sa.Column("member_to", sa.Date),
)

terms = sa.Table(
    "terms",
    metadata,
    sa.Column("term_id", sa.String(64), primary_key=True),
    sa.Column("name_sv", sa.String(100), nullable=False),
    sa.Column("name_en", sa.String(100), nullable=False),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date, nullable=False),
)

# Flow beside share: who got a place where. No pupil: the application's id is enough to count it once.
places = sa.Table(
    "places",
    metadata,
    sa.Column("application_id", sa.String(64), primary_key=True),
    sa.Column("home_municipality", sa.String(4)),  # None: a protected identity, whose home is not told
    sa.Column("host_municipality", sa.String(4), nullable=False),
    sa.Column("term_id", sa.String(64), nullable=False),
    sa.Column("given_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    # How a place ended, and what leaving it costs the family; None: nothing, or it has not ended.
    sa.Column("outcome", sa.String(32)),
    sa.Column("left_ore", sa.BigInteger),
    # Whether the place counts by its parts in `place_stays` and not for `home_municipality`.
    sa.Column("moved", sa.Boolean, nullable=False, server_default=sa.false()),
)
sa.Index("ix_places_term", places.c.term_id, places.c.home_municipality, places.c.host_municipality)
sa.Index(
    "ix_places_moved",
    places.c.term_id,
    postgresql_where=places.c.moved,
    sqlite_where=places.c.moved.is_(True),
)

# Whose a place is, so that a move finds it, and of which course. Nothing else is known of a pupil, and of one
# with protected identity not even the id. By the number of the newest fact that said it.
place_subjects = sa.Table(
    "place_subjects",
    metadata,
    sa.Column("application_id", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("pupil_id", sa.String(64)),
    sa.Column("course_id", sa.String(64), nullable=False),
)
sa.Index("ix_place_subjects_pupil", place_subjects.c.pupil_id)

# The parts of a place whose pupil moved, in thousandths that sum to a whole place; see domain/places.py.
place_stays = sa.Table(
    "place_stays",
    metadata,
    sa.Column("application_id", sa.String(64), sa.ForeignKey("places.application_id"), primary_key=True),
    sa.Column("first_on", sa.Date, primary_key=True),
    sa.Column("last_on", sa.Date, nullable=False),
    sa.Column("home_municipality", sa.String(4), nullable=False),
    sa.Column("thousandths", sa.Integer, nullable=False),
    sa.CheckConstraint("first_on <= last_on", name="ck_place_stays_days"),
    sa.CheckConstraint("thousandths BETWEEN 0 AND 1000", name="ck_place_stays_thousandths"),
)

# Moves in the order in which enrolment said them: by the number of the fact, so one said again is the same.
pupil_moves = sa.Table(
    "pupil_moves",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("pupil_id", sa.String(64), nullable=False),
    sa.Column("from_municipality", sa.String(4), nullable=False),
    sa.Column("to_municipality", sa.String(4), nullable=False),
    sa.Column("moved_on", sa.Date, nullable=False),
)
sa.Index("ix_pupil_moves_pupil", pupil_moves.c.pupil_id)

# Two records that were one child: what was the merged one's is the other's now.
pupil_merges = sa.Table(
    "pupil_merges",
    metadata,
    sa.Column("merged_id", sa.String(64), primary_key=True),
    sa.Column("pupil_id", sa.String(64), nullable=False),
)

# Whose identity is protected, or was: of a protected pupil no place or move is kept, whenever it is heard of.
pupil_protections = sa.Table(
    "pupil_protections",
    metadata,
    sa.Column("pupil_id", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("is_protected", sa.Boolean, nullable=False),
)

# What kind of place a course gives: what price lists go by.
courses = sa.Table(
    "courses",
    metadata,
    sa.Column("course_id", sa.String(64), primary_key=True),
    sa.Column("fee_kind", sa.String(64), nullable=False),
)
