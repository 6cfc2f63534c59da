"""What must always hold in enrolment."""

from __future__ import annotations

import sqlalchemy as sa

from services.enrolment.queue_checks import out_of_turn
from services.enrolment.rounds.queries import not_reproducible
from services.enrolment.tables import applications, courses


def check(connection: sa.Connection) -> list[str]:
    """What does not hold, in words; empty when all is well."""
    return [
        *_seats(connection),
        *_doubles(connection),
        *out_of_turn(connection),
        *not_reproducible(connection),
    ]


def _seats(connection: sa.Connection) -> list[str]:
    """Seats taken and the length of the queue are those of the applications, and within the capacity."""
    held = sa.func.count().filter(applications.c.state.in_(("placed", "offered")))
    waiting = sa.func.count().filter(applications.c.state == "queued")
    counted = (
        sa.select(applications.c.course_id, held.label("held"), waiting.label("waiting"))
        .group_by(applications.c.course_id)
        .subquery()
    )
    has_held = sa.func.coalesce(counted.c.held, 0)
    has_waiting = sa.func.coalesce(counted.c.waiting, 0)
    rows = connection.execute(
        sa.select(
            courses.c.course_id,
            courses.c.capacity,
            courses.c.taken,
            courses.c.waiting,
            has_held.label("held"),
            has_waiting.label("queued"),
        )
        .outerjoin(counted, counted.c.course_id == courses.c.course_id)
        .where(
            sa.or_(
                courses.c.taken != has_held,
                courses.c.waiting != has_waiting,
                courses.c.taken > courses.c.capacity,
            )
        )
    )
    return [
        f"course {row.course_id}: {row.taken} of {row.capacity} seats taken and {row.waiting} waiting, "
        f"but the applications hold {row.held} and {row.queued} wait"
        for row in rows
    ]


def _doubles(connection: sa.Connection) -> list[str]:
    rows = connection.execute(
        sa.select(applications.c.course_id, applications.c.pupil_id)
        .where(applications.c.state != "ended")
        .group_by(applications.c.course_id, applications.c.pupil_id)
        .having(sa.func.count() > 1)
    )
    return [f"pupil {row.pupil_id} is more than once on course {row.course_id}" for row in rows]
