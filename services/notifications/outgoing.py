"""Messages on their way out: which are due, whose hands they are in, and how they ended.

Each function is one short transaction; nobody talks to a mail server inside one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.chassis.storage.unit import Unit
from services.chassis.web.languages import DEFAULT_LANGUAGE, LANGUAGES
from services.contracts.fact import LocalText
from services.notifications.domain.lessons import Lessons
from services.notifications.domain.retries import back_off, is_given_up
from services.notifications.material import CourseFacts, Letter, Material
from services.notifications.tables import (
    contacts,
    course_cancellations,
    courses,
    messages,
    municipalities,
    preferences,
    protections,
    pupils,
    terms,
)

# So long a sender may have a batch in hand before another takes it for dead.
CLAIM = timedelta(minutes=10)
# A name or a reason normally comes within the second. Rather a letter without it than no letter.
PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message in hand: who reads it, where it goes (None: nowhere), and the letter if it is written."""

    message_id: str
    attempts: int
    reader_name: str
    address: str | None
    material: Material
    letter: Letter | None
    composed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Written:
    """A message in hand with its letter."""

    message: Outgoing
    letter: Letter
    composed_at: datetime


def is_ready(now: datetime) -> sa.ColumnElement[bool]:
    """Whether what a message of `joined` refers to is known."""
    late = messages.c.recorded_at <= now - PATIENCE
    return sa.and_(
        sa.or_(messages.c.course_id.is_(None), courses.c.course_id.is_not(None)),
        sa.or_(messages.c.municipality_code.is_(None), municipalities.c.code.is_not(None)),
        sa.or_(messages.c.pupil_id.is_(None), pupils.c.pupil_id.is_not(None), late),
        sa.or_(messages.c.kind != "cancelled", course_cancellations.c.course_id.is_not(None), late),
    )


def joined() -> sa.FromClause:
    """Messages with their contact, and with what else is known of their references."""
    return (
        messages.join(contacts, contacts.c.person_id == messages.c.person_id)
        .outerjoin(preferences, preferences.c.person_id == messages.c.person_id)
        .outerjoin(courses, courses.c.course_id == messages.c.course_id)
        .outerjoin(terms, terms.c.term_id == courses.c.term_id)
        .outerjoin(course_cancellations, course_cancellations.c.course_id == messages.c.course_id)
        .outerjoin(pupils, pupils.c.pupil_id == messages.c.pupil_id)
        .outerjoin(municipalities, municipalities.c.code == messages.c.municipality_code)
    )


def about_no_protected_pupil() -> sa.ColumnElement[bool]:
    """Not of a message that a fact from before the protection has brought after it."""
    is_protected = sa.exists().where(
        protections.c.pupil_id == messages.c.pupil_id, protections.c.is_protected
    )
    return sa.not_(is_protected.correlate(messages))


def is_due(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a message of `joined` is to be sent now, and no sender has it in hand."""
    return sa.and_(
        messages.c.state == "waiting",
        about_no_protected_pupil(),
        sa.or_(messages.c.next_attempt_at.is_(None), messages.c.next_attempt_at <= now),
        sa.or_(messages.c.claimed_until.is_(None), messages.c.claimed_until < now),
        is_ready(now),
    )


def any_due(connection: sa.Connection, now: datetime) -> bool:
    due = sa.select(messages.c.message_id).select_from(joined()).where(is_due(now))
    return connection.execute(due.limit(1)).first() is not None


def claim(unit: Unit, most: int) -> list[Outgoing]:
    """Take the oldest messages that are due, so that no other sender has them too."""
    rows = unit.rows(
        sa.select(
            messages,
            contacts.c.name.label("reader_name"),
            contacts.c.email,
            contacts.c.language.label("contact_language"),
            preferences.c.language.label("chosen_language"),
            courses.c.title_sv,
            courses.c.title_en,
            courses.c.school_name,
            courses.c.weekday,
            courses.c.starts_at,
            courses.c.minutes,
            courses.c.first_lesson_on,
            courses.c.last_lesson_on,
            courses.c.room,
            terms.c.name_sv.label("term_sv"),
            terms.c.name_en.label("term_en"),
            course_cancellations.c.reason_sv,
            course_cancellations.c.reason_en,
            pupils.c.given_name,
            municipalities.c.name.label("municipality_name"),
        )
        .select_from(joined())
        .where(is_due(unit.now))
        .order_by(messages.c.recorded_at, messages.c.sequence, messages.c.message_id)
        .limit(most)
        .with_for_update(of=messages, skip_locked=True)
    )
    if rows:
        unit.execute(
            sa.update(messages)
            .where(messages.c.message_id.in_([row.message_id for row in rows]))
            .values(claimed_until=unit.now + CLAIM)
        )
    return [_outgoing(row) for row in rows]


def _outgoing(row: sa.Row[Any]) -> Outgoing:
    letter = None
    if row.subject is not None:
        letter = Letter(row.language, row.subject, row.body_text, row.body_html)
    return Outgoing(
        row.message_id,
        row.attempts,
        row.reader_name,
        row.email,
        Material(
            kind=row.kind,
            language=language_of(row.chosen_language, row.contact_language),
            reader_name=row.reader_name,
            facts=json.loads(row.facts),
            is_own=row.pupil_id == row.person_id,
            pupil_name=row.given_name,
            course=_course(row) if row.title_sv is not None else None,
            municipality_name=row.municipality_name,
        ),
        letter,
        row.composed_at,
    )


def _course(row: sa.Row[Any]) -> CourseFacts:
    return CourseFacts(
        title=LocalText(row.title_sv, row.title_en),
        school=row.school_name,
        weekday=row.weekday,
        room=row.room,
        lessons=Lessons(row.first_lesson_on, row.last_lesson_on, row.starts_at, row.minutes),
        term=LocalText(row.term_sv, row.term_en) if row.term_sv is not None else None,
        cancelled_because=LocalText(row.reason_sv, row.reason_en) if row.reason_sv is not None else None,
    )


def language_of(chosen: str | None, registered: str | None) -> str:
    """What the person chose, else what its contact says, where we speak it."""
    return next((each for each in (chosen, registered) if each and each in LANGUAGES), DEFAULT_LANGUAGE)


def keep_letters(unit: Unit, written: Sequence[Written]) -> None:
    """From here on these are the mails' texts, however often they have to be sent. The address is the
    contact's as of this attempt: it may have changed since the letter was written.
    """
    rows = [
        {
            "of": each.message.message_id,
            "new_language": each.letter.language,
            "new_subject": each.letter.subject,
            "new_text": each.letter.text,
            "new_html": each.letter.html,
            "new_address": each.message.address,
            "new_composed_at": each.composed_at,
        }
        for each in written
    ]
    if rows:
        unit.execute(_KEEP_LETTER, rows)


_KEEP_LETTER = (
    sa.update(messages)
    .where(messages.c.message_id == sa.bindparam("of"), messages.c.state == "waiting")
    .values(
        language=sa.bindparam("new_language"),
        subject=sa.bindparam("new_subject"),
        body_text=sa.bindparam("new_text"),
        body_html=sa.bindparam("new_html"),
        address=sa.bindparam("new_address"),
        composed_at=sa.bindparam("new_composed_at"),
    )
)


def mark_sent(unit: Unit, message_ids: Sequence[str]) -> None:
    unit.execute(
        sa.update(messages)
        .where(messages.c.message_id.in_(message_ids), messages.c.state == "waiting")
        .values(state="sent", finished_at=unit.now, claimed_until=None, failure=None)
    )


def mark_no_address(unit: Unit, message_id: str) -> None:
    _change(unit, message_id, state="no_address", finished_at=unit.now, claimed_until=None)


def mark_undelivered(unit: Unit, message_id: str, attempts: int, reason: str, *, for_good: bool) -> bool:
    """Note the failed attempt, the `attempts`-th; whether the mail is given up with it."""
    given_up = for_good or is_given_up(attempts)
    _change(
        unit,
        message_id,
        state="failed" if given_up else "waiting",
        finished_at=unit.now if given_up else None,
        attempts=attempts,
        next_attempt_at=None if given_up else unit.now + back_off(attempts),
        claimed_until=None,
        failure=reason[:200],
    )
    return given_up


def release(unit: Unit, message_ids: Sequence[str]) -> None:
    """Put back what was not tried."""
    unit.execute(sa.update(messages).where(messages.c.message_id.in_(message_ids)).values(claimed_until=None))


def _change(unit: Unit, message_id: str, **values: Any) -> None:
    unit.execute(
        sa.update(messages)
        .where(messages.c.message_id == message_id, messages.c.state == "waiting")
        .values(**values)
    )
