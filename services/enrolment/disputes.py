"""The answers of guardians to an offer, and the cases where they differ: loaded and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit
from services.enrolment.domain.answers import NO, YES
from services.enrolment.tables import applications, guardians, offer_answers, offer_cases

_SAME_OFFER = sa.and_(
    offer_cases.c.application_id == applications.c.application_id,
    offer_cases.c.offered_at == applications.c.offered_at,
)


def is_disputed() -> sa.ColumnElement[bool]:
    """Whether a row of `applications` has an offer, or a place from it, that guardians disagree about."""
    open_case = sa.exists().where(_SAME_OFFER, offer_cases.c.settled_at.is_(None))
    return sa.and_(applications.c.state.in_(("offered", "placed")), open_case.correlate(applications))


@dataclass(frozen=True, slots=True)
class Answer:
    """`answer_by` is the last day of the offer as it was then; None where it stands until it is answered."""

    guardian_id: str
    name: str
    answer: str
    answered_at: datetime
    answer_by: date | None


def answers_of(connection: sa.Connection, row: Any) -> list[Answer]:
    """The answers to the offer of a row of `applications`, the first one first."""
    if row.offered_at is None:
        return []
    found = connection.execute(
        sa.select(offer_answers, guardians.c.name)
        .join(guardians, guardians.c.guardian_id == offer_answers.c.guardian_id)
        .where(
            offer_answers.c.application_id == row.application_id,
            offer_answers.c.offered_at == row.offered_at,
        )
        .order_by(offer_answers.c.answered_at, offer_answers.c.guardian_id)
    )
    return [
        Answer(each.guardian_id, each.name, each.answer, each.answered_at, each.answer_by) for each in found
    ]


def keep_answer(unit: Unit, row: sa.Row[Any], guardian_id: str, answer: str, answer_by: date | None) -> None:
    """A guardian's later answer takes the place of its earlier one."""
    key = {
        "application_id": row.application_id,
        "offered_at": row.offered_at,
        "guardian_id": guardian_id,
    }
    values = {"answer": answer, "answered_at": unit.now}
    added = unit.execute(
        insert_ignoring(unit.connection, offer_answers).values(**key, **values, answer_by=answer_by)
    )
    if added.rowcount == 0:
        mine = sa.and_(*(offer_answers.c[name] == value for name, value in key.items()))
        unit.execute(sa.update(offer_answers).where(mine).values(**values))


def open_case(unit: Unit, row: sa.Row[Any]) -> None:
    """The seat is held from now on, whatever the answer time; the same again changes nothing."""
    key = {"application_id": row.application_id, "offered_at": row.offered_at}
    insert = insert_ignoring(unit.connection, offer_cases)
    added = unit.execute(insert.values(**key, opened_at=unit.now))
    if added.rowcount == 0:
        again = {"settled_at": None, "settled_by": None, "settled_as": None}
        unit.execute(sa.update(offer_cases).where(_case(row)).values(**again))
    mine = applications.c.application_id == row.application_id
    unit.execute(sa.update(applications).where(mine).values(answer_by=None))


def close_case(unit: Unit, row: sa.Row[Any], settled_as: str, by: str) -> None:
    """Nothing where there is none open."""
    unit.execute(
        sa.update(offer_cases)
        .where(_case(row), offer_cases.c.settled_at.is_(None))
        .values(settled_at=unit.now, settled_by=by, settled_as=settled_as)
    )


def _case(row: sa.Row[Any]) -> sa.ColumnElement[bool]:
    return sa.and_(
        offer_cases.c.application_id == row.application_id, offer_cases.c.offered_at == row.offered_at
    )


def has_case(connection: sa.Connection, application_id: str) -> bool:
    """Whether guardians disagree about the application's offer, and nobody has settled it."""
    mine = applications.c.application_id == application_id
    return bool(connection.scalar(sa.select(sa.exists().where(mine, is_disputed()))))


def was_declined(connection: sa.Connection, row: Any) -> bool:
    """Whether a guardian said no to the offer, and nobody said yes."""
    given = {each.answer for each in answers_of(connection, row)}
    return NO in given and YES not in given


def disputed_applications(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool]
) -> Sequence[sa.Row[Any]]:
    """The applications to settle, the oldest offer first."""
    return connection.execute(
        sa.select(applications)
        .where(is_disputed(), *conditions)
        .order_by(applications.c.offered_at, applications.c.application_id)
    ).all()
