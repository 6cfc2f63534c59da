"""What pages and API read. Whatever belongs to a person is asked for with that person's id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.contracts.fact import LocalText
from services.notifications.calendars import CalendarPlace
from services.notifications.domain.lessons import Lessons
from services.notifications.outgoing import language_of
from services.notifications.tables import (
    contacts,
    course_cancellations,
    courses,
    guardianships,
    messages,
    municipalities,
    places,
    preferences,
    pupils,
)


def municipality_names(connection: sa.Connection) -> dict[str, str]:
    rows = connection.execute(sa.select(municipalities.c.code, municipalities.c.name))
    return {row.code: row.name for row in rows}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A page of a person's mails, newest first; `on_its_way` counts those not written yet."""

    mails: Sequence[sa.Row[Any]]
    total: int
    on_its_way: int


def mailbox(connection: sa.Connection, person_id: str, *, page: int, page_size: int) -> Mailbox:
    """`page` counts from 1."""
    own = messages.c.person_id == person_id
    written = sa.and_(own, messages.c.subject.is_not(None))
    mails = connection.execute(
        sa.select(messages)
        .where(written)
        .order_by(messages.c.recorded_at.desc(), messages.c.sequence.desc(), messages.c.message_id)
        .limit(page_size)
        .offset((page - 1) * page_size)
    ).all()
    total = connection.scalar(sa.select(sa.func.count()).select_from(messages).where(written))
    unwritten = connection.scalar(
        sa.select(sa.func.count())
        .select_from(messages)
        .where(own, messages.c.state == "waiting", messages.c.subject.is_(None))
    )
    return Mailbox(mails, total or 0, unwritten or 0)


def _comparable(given: str) -> str:
    """An address may hold signs that no database can compare; no id has any of them."""
    return given if given.isprintable() else ""


def mail(connection: sa.Connection, person_id: str, message_id: str) -> sa.Row[Any] | None:
    """One of the person's own mails; None for another's, or where there is none yet."""
    return connection.execute(
        sa.select(messages).where(
            messages.c.message_id == _comparable(message_id),
            messages.c.person_id == person_id,
            messages.c.subject.is_not(None),
        )
    ).first()


@dataclass(frozen=True, slots=True)
class MailPreferences:
    """`language` is what mail is written in; `chosen` whether the person said so itself."""

    language: str
    chosen: bool
    email: str | None


def mail_preferences(connection: sa.Connection, person_id: str) -> MailPreferences:
    chosen = connection.scalar(sa.select(preferences.c.language).where(preferences.c.person_id == person_id))
    contact = connection.execute(
        sa.select(contacts.c.language, contacts.c.email).where(contacts.c.person_id == person_id)
    ).first()
    registered = contact.language if contact is not None else None
    return MailPreferences(
        language_of(chosen, registered), chosen is not None, contact.email if contact is not None else None
    )


def calendar_places(
    connection: sa.Connection, person_id: str, application_id: str | None = None
) -> list[CalendarPlace]:
    """The places that are the person's own, or of a pupil whose guardian it is, by first lesson.

    Only `application_id`'s where one is given. Places that ended, and courses that are cancelled or not
    heard of yet, are not among them.
    """
    mine = sa.select(guardianships.c.pupil_id).where(guardianships.c.guardian_id == person_id)
    own = sa.or_(
        places.c.pupil_id == person_id,
        places.c.pupil_id.in_(mine.where(guardianships.c.sees)),
        # Of whom nothing has been heard yet.
        sa.and_(places.c.guardian_id == person_id, places.c.pupil_id.not_in(mine)),
    )
    query = (
        sa.select(places, courses, pupils.c.given_name)
        .join(courses, courses.c.course_id == places.c.course_id)
        .outerjoin(pupils, pupils.c.pupil_id == places.c.pupil_id)
        .outerjoin(course_cancellations, course_cancellations.c.course_id == places.c.course_id)
        .where(own, sa.not_(places.c.ended), course_cancellations.c.course_id.is_(None))
        .order_by(courses.c.first_lesson_on, courses.c.starts_at, places.c.application_id)
    )
    if application_id is not None:
        query = query.where(places.c.application_id == _comparable(application_id))
    return [_calendar_place(row, person_id) for row in connection.execute(query)]


def _calendar_place(row: sa.Row[Any], person_id: str) -> CalendarPlace:
    return CalendarPlace(
        application_id=row.application_id,
        title=LocalText(row.title_sv, row.title_en),
        school=row.school_name,
        room=row.room,
        lessons=Lessons(row.first_lesson_on, row.last_lesson_on, row.starts_at, row.minutes),
        # In the pupil's own calendar the name would say nothing.
        pupil_name=row.given_name if row.pupil_id != person_id else None,
        changed_at=max(row.changed_at, row.published_at),
    )
