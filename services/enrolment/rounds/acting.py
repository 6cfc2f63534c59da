"""What staff do for a child whom a round left without any place."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.enrolment import repository
from services.enrolment.choices import apply_with_choices
from services.enrolment.domain.admission import PUPIL_UNKNOWN
from services.enrolment.domain.requests import ApplicationRequest, Outcome, is_readable
from services.enrolment.rounds.commands import COURSE_NOT_IN_ROUND, lock_round
from services.enrolment.rounds.loading import courses_of
from services.enrolment.tables import pupils, round_rankings

NOT_PUBLISHED = Refusal(
    "round_not_published",
    N_("The round is not published yet. Until it is, a seat that you give away may be another child's."),
)


@dataclass(frozen=True, slots=True)
class ForChild:
    """`why` says who of the family asked for it, and how; the application's id is made by the caller."""

    round_id: str
    application_id: str
    pupil_id: str
    course_id: str
    why: str


def apply_for_child(unit: Unit, asked: ForChild, by: str) -> Outcome:
    """An application for a course of the round, decided at once by its rules. Raises Refused."""
    if not all(map(is_readable, (asked.round_id, asked.pupil_id, asked.course_id))):
        raise Refused(PUPIL_UNKNOWN)
    round_ = lock_round(unit, asked.round_id)
    if round_.state != "published":
        raise Refused(NOT_PUBLISHED)
    if not _has_ranked(unit, asked):
        raise Refused(PUPIL_UNKNOWN)
    if asked.course_id not in courses_of(unit.connection, round_):
        raise Refused(COURSE_NOT_IN_ROUND)
    request = ApplicationRequest(
        application_id=asked.application_id,
        course_id=asked.course_id,
        pupil_id=asked.pupil_id,
        guardian_id=None,
        by=by,
    )
    (outcome,) = apply_with_choices(unit, [request])
    if not outcome.already:
        repository.note_events(unit, [(outcome.application_id, by, "asked", asked.why)])
    return outcome


def _has_ranked(unit: Unit, asked: ForChild) -> bool:
    """Whether the child, or a record that became a part of its own, is of the round."""
    ranked = sa.func.coalesce(pupils.c.merged_into, pupils.c.pupil_id)
    row = unit.row(
        sa.select(round_rankings.c.pupil_id)
        .join(pupils, pupils.c.pupil_id == round_rankings.c.pupil_id)
        .where(round_rankings.c.round_id == asked.round_id, ranked == asked.pupil_id)
    )
    return row is not None
