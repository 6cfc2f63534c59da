"""The parts of places whose pupils moved, reckoned anew from what is known: doing it again changes nothing.

Each takes many at a time: a unit that handles many facts does it once, at its end.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from services.billing.copy_tables import place_stays, place_subjects, places
from services.billing.queries.places import moved_places, same_pupils
from services.chassis.storage.unit import Unit


def split_given(unit: Unit, application_ids: Sequence[str]) -> None:
    _split(unit, places.c.application_id.in_(application_ids))


def split_of_terms(unit: Unit, term_ids: Sequence[str]) -> None:
    _split(unit, places.c.term_id.in_(term_ids))


def split_of_pupils(unit: Unit, pupil_ids: Sequence[str]) -> None:
    """All places of the pupils, whichever of their records they were given to."""
    everyone = sorted(same_pupils(unit.connection, pupil_ids))
    _split(unit, place_subjects.c.pupil_id.in_(everyone))


def _split(unit: Unit, which: sa.ColumnElement[bool]) -> None:
    found = moved_places(unit.connection, which)
    if not found:
        return
    ids = [each.application_id for each in found]
    unit.execute(sa.delete(place_stays).where(place_stays.c.application_id.in_(ids)))
    split = {each.application_id: parts for each in found if (parts := each.parts)}
    for moved in (True, False):
        some = [application_id for application_id in ids if (application_id in split) is moved]
        unit.execute(sa.update(places).where(places.c.application_id.in_(some)).values(moved=moved))
    rows = [
        {
            "application_id": application_id,
            "first_on": stay.first_on,
            "last_on": stay.last_on,
            "home_municipality": stay.home,
            "thousandths": stay.thousandths,
        }
        for application_id, stays in split.items()
        for stay in stays
    ]
    if rows:
        unit.execute(sa.insert(place_stays), rows)
