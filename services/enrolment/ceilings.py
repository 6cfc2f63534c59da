"""What a home municipality lets its pupils take elsewhere in a term, in places and in fees."""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.storage.unit import Unit
from services.enrolment import surroundings
from services.enrolment.domain.ceilings import Ceiling
from services.enrolment.tables import ceilings


def set_ceiling(
    unit: Unit, municipality: str, term_id: str, by: str, *, most_places: int | None, most_ore: int | None
) -> None:
    """What the municipality lets its pupils take elsewhere in the term. What is held already stays held."""
    mine = sa.and_(ceilings.c.municipality_code == municipality, ceilings.c.term_id == term_id)
    values = {"most_places": most_places, "most_ore": most_ore, "set_by": by, "set_at": unit.now}
    changed = unit.execute(sa.update(ceilings).where(mine).values(**values))
    if changed.rowcount == 0:
        unit.execute(sa.insert(ceilings).values(municipality_code=municipality, term_id=term_id, **values))


def ceiling_of(connection: sa.Connection, municipality: str, term_id: str) -> Ceiling | None:
    """With what is used of it; None where the municipality has set none."""
    found = surroundings.load_ceilings(connection, [term_id])
    return found.by_home_and_term.get((municipality, term_id))
