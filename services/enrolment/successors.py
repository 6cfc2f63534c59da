"""Two municipalities that merge: pupils, queues and ceilings of the one that is gone are the successor's.

Nobody has moved, so no fact says so: places, offers and queue dates are what they were, and a place given
before is settled between the municipalities as it was given. Courses follow in the catalogue: it owns them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from services.chassis.storage.unit import Unit
from services.enrolment import life, pricing, repository
from services.enrolment.domain.admission import CourseState
from services.enrolment.tables import applications, ceilings, guardians, pupils, rounds

MERGED = "the municipality became a part of another one"


def follow_successors(unit: Unit, most: int) -> int:
    """Let at most so many pupils follow, and with the first of them all else. How many pupils it were."""
    for gone, successor in repository.gone_municipalities(unit.connection, unit.today).items():
        _follow_all(unit, gone, successor)
        theirs = sa.select(pupils.c.pupil_id).where(pupils.c.home_municipality == gone)
        found = unit.connection.scalars(theirs.order_by(pupils.c.pupil_id).limit(most)).all()
        if found:
            # Before the pupils, as in a move.
            courses = repository.lock_courses_of(unit, found)
            mine = theirs.where(pupils.c.pupil_id.in_(found)).order_by(pupils.c.pupil_id)
            _follow(unit, unit.connection.scalars(mine.with_for_update()).all(), (gone, successor), courses)
            return len(found)
    return 0


def _follow(
    unit: Unit, pupil_ids: Sequence[str], merger: tuple[str, str], courses: Mapping[str, CourseState]
) -> None:
    gone, successor = merger
    unit.execute(
        sa.update(pupils).where(pupils.c.pupil_id.in_(pupil_ids)).values(home_municipality=successor)
    )
    unit.execute(
        sa.update(applications)
        .where(
            applications.c.pupil_id.in_(pupil_ids),
            applications.c.home_municipality == gone,
            applications.c.state != "ended",
        )
        .values(home_municipality=successor)
    )
    for pupil_id in pupil_ids:
        details = {"from": gone, "to": successor}
        life.note(unit, pupil_id, "enrolment", "home_merged", MERGED, details=details)
    pricing.price_anew(unit, pupil_ids)
    life.offer_in(unit, courses)


def _follow_all(unit: Unit, gone: str, successor: str) -> None:
    """Where they are there, in a statement each; they are few."""
    school = pupils.c.school_municipality == gone
    unit.execute(sa.update(pupils).where(school).values(school_municipality=successor))
    home = guardians.c.municipality_code == gone
    unit.execute(sa.update(guardians).where(home).values(municipality_code=successor))
    going_on = sa.and_(rounds.c.scope == gone, rounds.c.state != "published")
    unit.execute(sa.update(rounds).where(going_on).values(scope=successor))
    for row in unit.rows(sa.select(ceilings).where(ceilings.c.municipality_code == gone)):
        _add_ceiling(unit, row, successor)


def _add_ceiling(unit: Unit, row: sa.Row[Any], successor: str) -> None:
    """Two ceilings become their sum; where one of the two had none, there is none."""
    theirs = sa.and_(ceilings.c.municipality_code == successor, ceilings.c.term_id == row.term_id)
    other = unit.row(sa.select(ceilings).where(theirs).with_for_update())
    if other is not None:
        summed = {
            name: None
            if getattr(row, name) is None or getattr(other, name) is None
            else getattr(row, name) + getattr(other, name)
            for name in ("most_places", "most_ore")
        }
        values = {**summed, "set_by": "enrolment", "set_at": unit.now}
        unit.execute(sa.update(ceilings).where(theirs).values(**values))
    mine = sa.and_(ceilings.c.municipality_code == row.municipality_code, ceilings.c.term_id == row.term_id)
    unit.execute(sa.delete(ceilings).where(mine))
