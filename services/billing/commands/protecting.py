"""Of a pupil whose identity is protected nothing is kept but that a place is taken."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from services.billing.copy_tables import place_stays, place_subjects, places, pupil_moves, pupil_protections
from services.billing.fee_tables import place_fees
from services.billing.queries.places import same_pupils
from services.chassis.storage.unit import Unit


def hide_given(unit: Unit, application_ids: Sequence[str]) -> None:
    """Places that were given before the protection, and are heard of after it: many at a unit's end."""
    protected = sa.select(pupil_protections.c.pupil_id).where(pupil_protections.c.is_protected)
    _hide(
        unit, place_subjects.c.application_id.in_(application_ids), place_subjects.c.pupil_id.in_(protected)
    )


def hide_pupil(unit: Unit, pupil_id: str) -> None:
    """All places and moves that are known of the pupil, under whichever of its records."""
    everyone = sorted(same_pupils(unit.connection, [pupil_id]))
    _hide(unit, place_subjects.c.pupil_id.in_(everyone))
    unit.execute(sa.delete(pupil_moves).where(pupil_moves.c.pupil_id.in_(everyone)))


def _hide(unit: Unit, *which: sa.ColumnElement[bool]) -> None:
    ids = unit.connection.scalars(sa.select(place_subjects.c.application_id).where(*which)).all()
    if not ids:
        return
    unit.execute(sa.delete(place_stays).where(place_stays.c.application_id.in_(ids)))
    hidden = {"home_municipality": None, "moved": False}
    unit.execute(sa.update(places).where(places.c.application_id.in_(ids)).values(**hidden))
    unit.execute(sa.update(place_fees).where(place_fees.c.application_id.in_(ids)).values(guardian_id=None))
    unit.execute(
        sa.update(place_subjects).where(place_subjects.c.application_id.in_(ids)).values(pupil_id=None)
    )
