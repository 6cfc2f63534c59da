"""Carry places and queue positions over to a term: once, and only as staff have seen it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.enrolment.domain.rollover import Effect, plan
from services.enrolment.rollover.loading import load, lock
from services.enrolment.rollover.writing import write
from services.enrolment.tables import rollover_effects, rollovers

ROLLOVER_CHANGED = Refusal(
    "rollover_changed",
    N_(
        "Something has changed since you looked: an application, an answer of a family, a course, or the "
        "day. Nothing was done. Look at the effects as they are now, and decide again."
    ),
)
ROLLOVER_ID_TAKEN = Refusal(
    "rollover_id_taken", N_("This id belongs to another term’s rollover. Reload the page and try again.")
)


@dataclass(frozen=True, slots=True)
class NewRollover:
    """`scope` is a municipality's code, or two digits for a county; `digest` that of the dry run."""

    rollover_id: str
    term_id: str
    scope: str
    digest: str
    why: str


def carry_over(unit: Unit, new: NewRollover, by: str) -> None:
    """Do what the dry run said. The same rollover again changes nothing.

    Raises Refused where the input is not the one that was looked at, or there is nothing to carry over.
    """
    # First the courses: a second click waits here, and then finds what the first one did.
    lock(unit, new.term_id, new.scope)
    done = unit.row(sa.select(rollovers).where(rollovers.c.rollover_id == new.rollover_id))
    if done is not None:
        if (done.term_id, done.scope) != (new.term_id, new.scope):
            raise Refused(ROLLOVER_ID_TAKEN)
        return
    loaded = load(unit.connection, new.term_id, new.scope, unit.today)
    if loaded.given.digest != new.digest:
        raise Refused(ROLLOVER_CHANGED)
    planned = plan(loaded.given)
    write(unit, loaded, planned, by)
    unit.execute(
        sa.insert(rollovers).values(
            rollover_id=new.rollover_id,
            term_id=new.term_id,
            scope=new.scope,
            digest=new.digest,
            why=new.why,
            run_by=by,
            run_at=unit.now,
        )
    )
    if planned.effects:
        unit.execute(sa.insert(rollover_effects), [_row(new.rollover_id, each) for each in planned.effects])


def _row(rollover_id: str, effect: Effect) -> dict[str, object]:
    return {
        "rollover_id": rollover_id,
        "application_id": effect.application_id,
        "pupil_id": effect.pupil_id,
        "from_course": effect.from_course,
        "to_course": effect.to_course,
        "kind": effect.kind,
        "reason": effect.reason,
        "answer_by": effect.answer_by,
        "rental_ends": effect.rental_ends,
    }
