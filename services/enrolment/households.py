"""Which pupils live at one address, for schools that count brothers and sisters by it.

No address is kept: staff, who see the population register, record that two pupils live at the same one, and a
key that is drawn joins them. It is in no fact and no log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.chassis.ids import new_id
from services.chassis.personal_identity import InvalidPersonalIdentity, parse_personal_identity
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.enrolment import pricing
from services.enrolment.commands import PERSONAL_IDENTITY_INVALID
from services.enrolment.domain.admission import PUPIL_UNKNOWN
from services.enrolment.life import note
from services.enrolment.tables import pupils

NOBODY_WITH_NUMBER = Refusal(
    "nobody_with_number", N_("No pupil is registered with this number. Nothing was changed."), status=422
)
OTHER_MUNICIPALITY = Refusal(
    "other_municipality",
    N_("The two are registered in different municipalities, so they do not live at one address."),
    status=422,
)
HOUSEHOLD_PROTECTED = Refusal(
    "household_protected",
    N_("Of a pupil with protected identity it is not recorded with whom it lives."),
    status=422,
)


def share_household(unit: Unit, pupil_id: str, with_number: str, by: str, *, why: str) -> None:
    """The pupil lives at the same address as the pupil with the number; with nobody known where it is empty.

    Before anything is recorded, those with a guardian and a home municipality in common count as living
    together. Raises Refused.
    """
    pupil = _pupil(unit, pupils.c.pupil_id == pupil_id)
    if pupil is None:
        raise Refused(PUPIL_UNKNOWN)
    pricing.price_anew(unit, [pupil_id])  # whom it lived with until now
    key = new_id() if not with_number else _household_of(unit, pupil, with_number)
    unit.execute(sa.update(pupils).where(pupils.c.pupil_id == pupil_id).values(household=key))
    pricing.price_anew(unit, [pupil_id])
    note(unit, pupil_id, by, "household_recorded", why)


def _household_of(unit: Unit, pupil: sa.Row[Any], number: str) -> str:
    try:
        identity = parse_personal_identity(number, unit.today)
    except InvalidPersonalIdentity as error:
        raise Refused(PERSONAL_IDENTITY_INVALID) from error
    other = _pupil(unit, pupils.c.personal_identity == identity.number)
    if other is None or other.pupil_id == pupil.pupil_id:
        raise Refused(NOBODY_WITH_NUMBER)
    if pupil.protected or other.protected:
        raise Refused(HOUSEHOLD_PROTECTED)
    if other.home_municipality != pupil.home_municipality:
        raise Refused(OTHER_MUNICIPALITY)
    if other.household is not None:
        return str(other.household)
    key = new_id()
    unit.execute(sa.update(pupils).where(pupils.c.pupil_id == other.pupil_id).values(household=key))
    return key


def _pupil(unit: Unit, condition: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
    return unit.row(sa.select(pupils).where(condition, pupils.c.merged_into.is_(None)).with_for_update())


def housemates(connection: sa.Connection, pupil_id: str) -> Sequence[str]:
    """The names of those who are recorded to live with the pupil."""
    mine = sa.select(pupils.c.household).where(pupils.c.pupil_id == pupil_id).scalar_subquery()
    name = pupils.c.given_name + " " + pupils.c.family_name
    return connection.scalars(
        sa.select(name).where(pupils.c.household == mine, pupils.c.pupil_id != pupil_id).order_by(name)
    ).all()
