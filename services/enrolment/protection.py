"""A pupil's identity comes under protection, or no longer is: what is known of it elsewhere goes, at once."""

from __future__ import annotations

import sqlalchemy as sa

from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import PupilNamed, PupilProtectionChanged
from services.enrolment import life, pricing, repository
from services.enrolment.readers import tell_guardianships
from services.enrolment.tables import applications, guardianships, pupils

NOT_PROTECTED = Refusal(
    "pupil_is_not_protected", N_("This pupil’s identity is not protected, so there is nothing to end.")
)


def protect_pupil(unit: Unit, pupil_id: str, alias: str, by: str, *, why: str) -> None:
    """From now on lists show the alias, facts say neither who stands behind nor from where, and nobody is
    written to. Places and queue dates are kept.

    Every guardian's access ends: the protection may be from one of them, and staff connect again who should
    have it. With whom the pupil lives is no longer known. The same again changes nothing; another alias takes
    the place of the one before. Raises Refused.
    """
    repository.lock_courses_of(unit, [pupil_id])  # before the pupil, as in a move
    pupil = life.locked_pupil(unit, pupil_id)
    if pupil.protected:
        if pupil.alias != alias:
            _update(unit, pupil_id, alias=alias)
            life.note(unit, pupil_id, by, "alias_changed", why)
        return
    pricing.price_anew(unit, [pupil_id])  # also the prices of those whose sibling it was
    _update(unit, pupil_id, protected=True, alias=alias, household=None)
    theirs = guardianships.c.pupil_id == pupil_id
    tell_guardianships(unit, theirs)
    unit.execute(sa.delete(guardianships).where(theirs))
    unit.execute(
        sa.update(applications).where(applications.c.pupil_id == pupil_id).values(guardian_id=pupil_id)
    )
    unit.record(PupilProtectionChanged(pupil_id, is_protected=True))
    life.note(unit, pupil_id, by, "protected", why)


def end_protection(unit: Unit, pupil_id: str, by: str, *, why: str) -> None:
    """The pupil's own name is shown again, and what is decided from now on says its home. Staff connect its
    guardians anew. Raises Refused."""
    repository.lock_courses_of(unit, [pupil_id])
    pupil = life.locked_pupil(unit, pupil_id)
    if not pupil.protected:
        raise Refused(NOT_PROTECTED)
    _update(unit, pupil_id, protected=False, alias=None)
    pricing.price_anew(unit, [pupil_id])
    unit.record(PupilProtectionChanged(pupil_id, is_protected=False))
    unit.record(PupilNamed(pupil_id, pupil.given_name))
    life.note(unit, pupil_id, by, "protection_ended", why)


def _update(unit: Unit, pupil_id: str, **values: object) -> None:
    unit.execute(sa.update(pupils).where(pupils.c.pupil_id == pupil_id).values(**values))
