"""Who reads about a pupil: the letters of a fact go to some, and some have its places in their calendars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import years_before
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import GuardianshipChanged
from services.enrolment.domain.admission import AGE_OF_MAJORITY
from services.enrolment.tables import guardianships, pupils


def readers(
    applied_by: str | None, pupil: sa.Row[Any], guardians: Sequence[str], today: date
) -> dict[str, Any]:
    """`guardian_id` and `other_guardians` of a fact about an application.

    Who applied, and the child's other guardians; from the 18th birthday the pupil itself and nobody else; of
    a protected one nobody. `pupil` is a row with its id, birth and protection.
    """
    if pupil.protected:
        return {"guardian_id": None, "other_guardians": ()}
    if pupil.born_on <= years_before(today, AGE_OF_MAJORITY):
        return {"guardian_id": pupil.pupil_id, "other_guardians": ()}
    others = tuple(each for each in guardians if each != applied_by)
    return {"guardian_id": applied_by, "other_guardians": others}


def tell_guardianships(unit: Unit, *conditions: sa.ColumnElement[bool], most: int | None = None) -> int:
    """Tell notifications whose calendar has a child's places, where it was told something else before.

    A guardian's has them until the 18th birthday, and nobody's has those of a protected pupil. At most `most`
    of those that meet the conditions; how many were told.
    """
    sees = sa.and_(sa.not_(pupils.c.protected), pupils.c.born_on > years_before(unit.today, AGE_OF_MAJORITY))
    was_told = sa.func.coalesce(guardianships.c.told, sa.false())
    due = unit.rows(
        sa.select(guardianships.c.guardian_id, guardianships.c.pupil_id, sees.label("sees"))
        .join(pupils, pupils.c.pupil_id == guardianships.c.pupil_id)
        .where(sa.or_(sa.and_(sees, sa.not_(was_told)), sa.and_(sa.not_(sees), was_told)), *conditions)
        .order_by(guardianships.c.pupil_id, guardianships.c.guardian_id)
        .limit(most)
        .with_for_update(of=guardianships)
    )
    for row in due:
        unit.execute(
            sa.update(guardianships)
            .where(guardianships.c.guardian_id == row.guardian_id, guardianships.c.pupil_id == row.pupil_id)
            .values(told=row.sees)
        )
        unit.record(GuardianshipChanged(row.pupil_id, row.guardian_id, bool(row.sees)))
    return len(due)
