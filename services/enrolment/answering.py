"""A family answers an offer or gives something up, also where a child has two guardians who do not agree.

What the answers come to is `domain/answers.py`. Each command raises Refused, and then nothing has happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.clock import years_before
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import ApplicationQueued
from services.enrolment import choices, commands, disputes, queueing, repository, seats, surroundings
from services.enrolment.disputes import Answer
from services.enrolment.domain.admission import AGE_OF_MAJORITY, CourseState
from services.enrolment.domain.answers import ACCEPTED, DECLINED, DISPUTED, HELD, NO, YES, standing
from services.enrolment.domain.queue import position_of
from services.enrolment.tables import applications, guardianships, pupils

WITHDRAWN = "withdrawn"
_ENDED_BY_ACCEPTANCE = ("one_instrument", choices.BETTER_CHOICE)

CASE_OPEN = Refusal(
    "case_open",
    N_(
        "Two guardians have answered this offer differently. The school settles it, and the seat is held "
        "meanwhile. You may still change your answer."
    ),
)
ANSWER_FIRST = Refusal(
    "answer_first",
    N_("There is an offer to answer: say yes or no to it. The child's other guardian may answer too."),
)
NOTHING_TO_SETTLE = Refusal("nothing_to_settle", N_("There is nothing to settle: the guardians agree."))


def accept(unit: Unit, application_id: str, person_id: str, by: str) -> str:
    """What the answers come to: ACCEPTED, or DISPUTED where another guardian has said no."""
    return _answer(unit, application_id, YES, person_id, by)


def decline(unit: Unit, application_id: str, person_id: str, by: str) -> str:
    """DECLINED; HELD where another guardian may still say yes; DISPUTED where one has.

    Also of a place that the other guardian has accepted, until the answer time is over.
    """
    return _answer(unit, application_id, NO, person_id, by)


def withdraw(unit: Unit, application_id: str, person_id: str, by: str) -> str:
    """WITHDRAWN; DISPUTED where it is a place that another guardian has just accepted."""
    others = _other_guardians(unit, application_id, person_id)
    row, party = _lock(unit, application_id)
    if others and disputes.has_case(unit.connection, application_id):
        raise Refused(CASE_OPEN)
    if not others:
        _settled_by_pupil(unit, party, DECLINED, by)
    if others and row.state == "offered":
        raise Refused(ANSWER_FIRST)
    if others and row.state == "placed" and _said_yes(_answers(unit, row, others), unit.today):
        return _answer(unit, application_id, NO, person_id, by)
    commands.withdraw(unit, application_id, by, person_id=person_id)
    return WITHDRAWN


def _answer(unit: Unit, application_id: str, answer: str, person_id: str, by: str) -> str:
    others = _other_guardians(unit, application_id, person_id)
    row, party = _lock(unit, application_id)
    if not others or row.offered_at is None:
        result = ACCEPTED if answer == YES else DECLINED
        _settled_by_pupil(unit, party, result, by)
        command = commands.accept_offer if answer == YES else commands.decline_offer
        command(unit, application_id, by)
        return result
    _may_answer(unit, row, answer, others)
    before = _answers(unit, row, [*others, person_id])
    answer_by = next((each.answer_by for each in before), row.answer_by)
    given = {each.guardian_id: each.answer for each in before} | {person_id: answer}
    result = standing(given.values(), silent=len(others) + 1 - len(given))
    for each in party:
        disputes.keep_answer(unit, each, person_id, answer, answer_by)
        if result == DISPUTED:
            disputes.open_case(unit, each)
        else:
            disputes.close_case(unit, each, result, by)
    if result in (HELD, DISPUTED):
        repository.note_events(unit, [(each.application_id, by, result, "") for each in party])
    else:
        _carry_out(unit, row, party, result, by)
    return result


def _settled_by_pupil(unit: Unit, party: Sequence[sa.Row[Any]], result: str, by: str) -> None:
    """What guardians disagreed about, a pupil of age by now decides; a child does not. Raises Refused."""
    for each in party:
        if not disputes.has_case(unit.connection, each.application_id):
            continue
        born_on = unit.connection.scalar(
            sa.select(pupils.c.born_on).where(pupils.c.pupil_id == each.pupil_id)
        )
        if born_on is None or born_on > years_before(unit.today, AGE_OF_MAJORITY):
            raise Refused(CASE_OPEN)
        disputes.close_case(unit, each, result, by)


def _may_answer(unit: Unit, row: sa.Row[Any], answer: str, others: Sequence[str]) -> None:
    """Raises Refused where there is no offer, or where its time is over and nobody disagrees about it."""
    disputed = disputes.has_case(unit.connection, row.application_id)
    if row.state == "offered":
        over = row.answer_by is not None and unit.today > row.answer_by
        if over and answer == YES:
            raise Refused(commands.OFFER_EXPIRED)
        return
    objects = answer == NO and _said_yes(_answers(unit, row, others), unit.today)
    if row.state != "placed" or not (disputed or objects or answer == YES):
        raise Refused(commands.NO_OFFER)


def _said_yes(answers: Sequence[Answer], today: date) -> bool:
    """Whether another guardian accepted, and the time to answer is not over. Without such a time there is
    no end to it: the school decides."""
    return any(each.answer == YES and (each.answer_by is None or today <= each.answer_by) for each in answers)


def _answers(unit: Unit, row: sa.Row[Any], guardian_ids: Sequence[str]) -> list[Answer]:
    found = disputes.answers_of(unit.connection, row)
    return [each for each in found if each.guardian_id in guardian_ids]


def _carry_out(unit: Unit, row: sa.Row[Any], party: Sequence[sa.Row[Any]], result: str, by: str) -> None:
    if result == ACCEPTED:
        commands.accept_offer(unit, row.application_id, by)
    elif row.state == "offered":
        commands.decline_offer(unit, row.application_id, by)
    else:
        for each in party:
            _give_up_place(unit, each, by)


def settle(unit: Unit, application_id: str, answer: str, by: str, *, why: str) -> None:
    """Staff decide where two guardians disagree: the child has the place, or the seat goes on.

    As every answer it is for all siblings who applied together.
    """
    row, party = _lock(unit, application_id)
    if not disputes.has_case(unit.connection, application_id):
        raise Refused(NOTHING_TO_SETTLE)
    result = ACCEPTED if answer == YES else DECLINED
    for each in party:
        disputes.close_case(unit, each, result, by)
    happened = [(each.application_id, by, "settled", f"{answer}: {why}") for each in party]
    repository.note_events(unit, happened)
    _carry_out(unit, row, party, result, by)


def _give_up_place(unit: Unit, row: sa.Row[Any], by: str) -> None:
    """A place that was accepted and then came to a no: what its acceptance ended waits again."""
    ended = _ended_by_acceptance(unit, row)
    locked = repository.lock_courses(unit, [row.course_id, *(each.course_id for each in ended)])
    course = locked[row.course_id]
    seats.end_application(unit, row, course, "withdrawn", by)
    seats.offer_free_seats(unit, course, fresh=True)
    repository.save_seats(unit, [course])
    for each in ended:
        _wait_again(unit, each, locked[each.course_id], by)


def _lock(unit: Unit, application_id: str) -> tuple[sa.Row[Any], list[sa.Row[Any]]]:
    """The application, and those of the siblings with it in one offer, itself among them; all locked.

    With the courses of all that an answer may change, in id order.
    """
    party = commands.party_of(unit, application_id)
    ended = [each for row in party if row.state == "placed" for each in _ended_by_acceptance(unit, row)]
    pupil_ids = {row.pupil_id for row in party}
    locked = repository.lock_courses_of(unit, pupil_ids, {each.course_id for each in [*party, *ended]})
    rows = repository.lock_applications(unit, [row.application_id for row in party])
    repository.stay_put(rows, locked)
    mine = next(row for row in rows if row.application_id == application_id)
    return mine, [row for row in rows if (row.state, row.offered_at) == (mine.state, mine.offered_at)]


def _ended_by_acceptance(unit: Unit, row: sa.Row[Any]) -> Sequence[sa.Row[Any]]:
    """The applications for other instruments that ended in the moment in which the place was accepted."""
    newer = applications.alias("newer")
    applied_anew = sa.exists().where(
        newer.c.course_id == applications.c.course_id,
        newer.c.pupil_id == applications.c.pupil_id,
        newer.c.state != "ended",
    )
    return unit.rows(
        sa.select(applications)
        .where(
            applications.c.pupil_id == row.pupil_id,
            applications.c.outcome.in_(_ENDED_BY_ACCEPTANCE),
            applications.c.changed_at == row.changed_at,
            sa.not_(applied_anew),
        )
        .order_by(applications.c.application_id)
    )


def _wait_again(unit: Unit, row: sa.Row[Any], course: CourseState, by: str) -> None:
    if course.terms.cancelled:
        return
    rule = course.rule_book.criteria[0]
    home = repository.home_of(unit, row.pupil_id)
    repository.change_state(
        unit, [row.application_id], "queued", rule=rule, at=unit.now, home_municipality=home
    )
    repository.note_events(unit, [(row.application_id, by, "queued", "the other place was not kept")])
    surroundings.keep_queue_dates(unit, {(row.pupil_id, course.subject): row.queued_at})
    course.waiting += 1
    repository.save_seats(unit, [course])
    queue = queueing.queues(unit.connection, {course.course_id: course}, unit.today)[course.course_id]
    about = seats.about(unit, row, course)
    position = position_of(row.application_id, queue)
    unit.record(ApplicationQueued(queued_at=row.queued_at, position=position, rule=rule, **about))


def _other_guardians(unit: Unit, application_id: str, person_id: str) -> list[str]:
    """The child's guardians beside this one; none where the person is no guardian or the pupil is of age."""
    found = unit.connection.scalars(
        sa.select(guardianships.c.guardian_id)
        .join(applications, applications.c.pupil_id == guardianships.c.pupil_id)
        .join(pupils, pupils.c.pupil_id == applications.c.pupil_id)
        .where(
            applications.c.application_id == application_id,
            pupils.c.born_on > years_before(unit.today, AGE_OF_MAJORITY),
        )
        .order_by(guardianships.c.guardian_id)
    ).all()
    return [each for each in found if each != person_id] if person_id in found else []
