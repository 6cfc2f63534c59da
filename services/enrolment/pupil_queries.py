"""What staff read of one pupil, and a guardian of what the other one answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.contracts.fact import LocalText
from services.enrolment import disputes, queries, repository
from services.enrolment.domain.answers import NO, YES
from services.enrolment.domain.requests import is_readable
from services.enrolment.tables import applications, courses, pupil_events, pupils


def applications_of_pupil(connection: sa.Connection, pupil_id: str, today: date) -> list[queries.Application]:
    return queries.applications_where(connection, today, applications.c.pupil_id == pupil_id)


def home_of_pupil(connection: sa.Connection, pupil_id: str) -> str | None:
    """None for a record that became a part of another one, too."""
    if not is_readable(pupil_id):
        return None
    return connection.scalar(
        sa.select(pupils.c.home_municipality).where(
            pupils.c.pupil_id == pupil_id, pupils.c.merged_into.is_(None)
        )
    )


MOST_FOUND = 50
LEAST_DIGITS = 10  # of a personal identity number without its century


@dataclass(frozen=True, slots=True)
class Found:
    """A pupil whom staff look for; `applications` are (id, course) at their own school, the newest first."""

    pupil: queries.Pupil
    is_own: bool
    applications: Sequence[tuple[str, LocalText]]


def search(connection: sa.Connection, municipality: str, text: str) -> list[Found]:
    """By a part of the name, or by the whole number: the municipality's own pupils and its school's others.

    A protected pupil is found by its alias, and by its number at home. One more than MOST_FOUND at most.
    """
    mine = pupils.c.home_municipality == municipality
    here = courses.c.municipality_code.startswith(municipality)
    applied = sa.exists(
        sa.select(sa.literal(1))
        .select_from(applications)
        .join(courses, courses.c.course_id == applications.c.course_id)
        .where(applications.c.pupil_id == pupils.c.pupil_id, here)
    )
    rows = connection.execute(
        sa.select(pupils)
        .where(_sounds_like(text, mine), sa.or_(mine, applied), pupils.c.merged_into.is_(None))
        .order_by(sa.func.coalesce(pupils.c.alias, pupils.c.given_name), pupils.c.pupil_id)
        .limit(MOST_FOUND + 1)
    ).all()
    theirs: dict[str, list[tuple[str, LocalText]]] = {}
    for row in connection.execute(
        sa.select(
            applications.c.application_id, applications.c.pupil_id, courses.c.title_sv, courses.c.title_en
        )
        .join(courses, courses.c.course_id == applications.c.course_id)
        .where(applications.c.pupil_id.in_([row.pupil_id for row in rows]), here)
        .order_by(applications.c.decided_at.desc(), applications.c.application_id)
    ):
        title = LocalText(row.title_sv, row.title_en)
        theirs.setdefault(row.pupil_id, []).append((row.application_id, title))
    known = repository.known_municipalities(connection)
    return [
        Found(
            queries.pupil_of(row, known),
            row.home_municipality == municipality,
            theirs.get(row.pupil_id, ()),
        )
        for row in rows
    ]


def _sounds_like(text: str, mine: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    number = "".join(each for each in text if each.isdigit())
    if len(number) >= LEAST_DIGITS:
        return sa.and_(pupils.c.personal_identity.endswith(number), mine)
    shown = sa.case(
        (pupils.c.protected, pupils.c.alias), else_=pupils.c.given_name + " " + pupils.c.family_name
    )
    # SQLite knows no capital of å, so the way a name is written is tried too.
    return sa.or_(*(shown.icontains(each, autoescape=True) for each in {text, text.title()}))


def pupil_record(connection: sa.Connection, pupil_id: str) -> tuple[queries.Pupil, sa.Row[Any]] | None:
    """A pupil, and its row for what staff record of it."""
    row = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == pupil_id)).first()
    return None if row is None else (queries.pupil_of(row, repository.known_municipalities(connection)), row)


def pupil_events_of(connection: sa.Connection, pupil_id: str) -> Sequence[sa.Row[Any]]:
    return connection.execute(
        sa.select(pupil_events)
        .where(pupil_events.c.pupil_id == pupil_id)
        .order_by(pupil_events.c.at, pupil_events.c.event_id)
    ).all()


@dataclass(frozen=True, slots=True)
class Answers:
    """How an offer was answered, to one guardian: by itself, and by the others without saying who they are.

    `may_object` is one who may say no to a place that another guardian accepted, by `answer_by`.
    """

    mine: str | None
    others: str | None
    may_object: bool
    answer_by: date | None


NO_ANSWERS = Answers(None, None, may_object=False, answer_by=None)


def answers_to(connection: sa.Connection, application_id: str, person_id: str, today: date) -> Answers:
    row = connection.execute(
        sa.select(applications).where(applications.c.application_id == application_id)
    ).one()
    given = disputes.answers_of(connection, row)
    if not given or row.state not in ("offered", "placed"):
        return NO_ANSWERS
    mine = next((each.answer for each in given if each.guardian_id == person_id), None)
    others = {each.answer for each in given if each.guardian_id != person_id}
    not_pupil = person_id != row.pupil_id
    in_time = any(each.answer_by is None or today <= each.answer_by for each in given)
    return Answers(
        mine=mine,
        others=YES if YES in others else NO if NO in others else None,
        may_object=row.state == "placed" and mine is None and YES in others and in_time and not_pupil,
        answer_by=given[0].answer_by,
    )


def answers_for_staff(connection: sa.Connection, application_id: str) -> list[disputes.Answer]:
    row = connection.execute(
        sa.select(applications).where(applications.c.application_id == application_id)
    ).one()
    return disputes.answers_of(connection, row)
