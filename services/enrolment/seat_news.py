"""Says how full courses are: a moment after it has changed, and in a rush now and then.

Each answer changes a course, but whoever looks through the catalogue needs only what holds by now. So a
decision leaves the mark `seats_changed`, and one fact says what came of many; see docs/decisions/0038.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import CourseSeatsChanged
from services.enrolment import repository
from services.enrolment.tables import courses

AT_A_TIME = 200
REST_SECONDS = 1.0
APART_IN_A_RUSH_SECONDS = 5.0


class SeatNews:
    """`is_rush` says whether families wait for their answers at the moment."""

    def __init__(self, storage: Storage, is_rush: Callable[[float], bool]) -> None:
        self._storage = storage
        self._is_rush = is_rush
        self._said_at = -APART_IN_A_RUSH_SECONDS

    def run_once(self) -> float:
        """Seconds to rest, 0 while there may be more to say."""
        now = time.monotonic()
        if self._is_rush(now) and now - self._said_at < APART_IN_A_RUSH_SECONDS:
            return REST_SECONDS
        with self._storage.unit() as unit:
            if say_seats(unit, AT_A_TIME) == AT_A_TIME:
                return 0.0
        self._said_at = now
        return REST_SECONDS


def say_seats(unit: Unit, most: int) -> int:
    """Say of at most `most` courses how full they are; of how many it was said.

    Seats that are kept count as taken: nobody who comes can have them. A course that somebody else has
    locked is left to the next time.
    """
    rows = unit.rows(
        repository.course_rows()
        .where(courses.c.seats_changed)
        .limit(most)
        .with_for_update(of=courses, skip_locked=True)
    )
    for row in rows:
        taken = min(row.capacity, row.taken + repository.kept_seats(row))
        unit.record(CourseSeatsChanged(row.course_id, row.capacity, taken, row.waiting))
    if rows:
        said = courses.c.course_id.in_([row.course_id for row in rows])
        unit.execute(sa.update(courses).where(said).values(seats_changed=False))
    return len(rows)
