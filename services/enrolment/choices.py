"""What families choose: siblings together, the order of a child's choices, an instrument, a Fritidskort."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.rule_book import RuleBook
from services.enrolment import pricing, repository, seats, surroundings
from services.enrolment.admission import decide_applications
from services.enrolment.domain.admission import (
    APPLICATION_ENDED,
    COURSE_UNKNOWN,
    CourseState,
)
from services.enrolment.domain.limits import Engagement, fallen
from services.enrolment.domain.requests import ApplicationRequest, Chosen, Outcome
from services.enrolment.tables import applications, courses, pupils

BETTER_CHOICE = "better_choice"

TOO_FEW_TOGETHER = Refusal(
    "too_few_together", N_("Tick at least two children who apply together."), status=422
)
CHOICES_INCOMPLETE = Refusal(
    "choices_incomplete",
    N_("Something has changed since you opened the page. Nothing was saved: rank the choices anew."),
)


def apply_with_choices(unit: Unit, requests: Sequence[ApplicationRequest]) -> list[Outcome]:
    """Applications of siblings for one course, who get places together or all wait; or one with its choice.

    One that gets a place ends what the pupil ranks behind it and the rules do not allow beside it. Raises
    Refused, and then none of them has applied.
    """
    together = len(requests) > 1
    course_id, pupil_ids = requests[0].course_id, [request.pupil_id for request in requests]
    course = repository.lock_courses_of(unit, pupil_ids, [course_id]).get(course_id)
    if course is None:
        raise Refused(COURSE_UNKNOWN)
    if together and not course.rule_book.ordering.siblings_together:
        raise Refused(siblings_not_together(course.rule_book))
    for request in requests:
        if request.choice is not None and course.rule_book.limits.ranked_choices is not None:
            _make_room(unit, request, course)
    answers = decide_applications(unit, requests, together=together)
    outcomes: list[Outcome] = []
    for answer in answers:
        if isinstance(answer, Refusal):
            raise Refused(answer)
        outcomes.append(answer)
    for outcome in outcomes:
        settle(unit, outcome.pupil_id, course, requests[0].by)
    return outcomes


def siblings_not_together(book: RuleBook) -> Refusal:
    return Refusal(
        "siblings_not_together",
        N_("%(school)s places each child by itself: apply for one child at a time."),
        {"school": book.school_name},
        status=422,
        rule=f"{book.rule_book_id}/siblings_together",
    )


def _make_room(unit: Unit, request: ApplicationRequest, course: CourseState) -> None:
    """What is ranked from the choice on moves one back. The same application again moves nothing."""
    there = unit.row(
        sa.select(applications.c.application_id).where(
            applications.c.course_id == request.course_id,
            applications.c.pupil_id == request.pupil_id,
            applications.c.state != "ended",
        )
    )
    if there is not None:
        return
    unit.execute(
        sa.update(applications)
        .where(*_choices_at(course, request.pupil_id), applications.c.choice >= request.choice)
        .values(choice=applications.c.choice + 1)
    )


def _choices_at(course: CourseState, pupil_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    here = sa.select(courses.c.course_id).where(
        courses.c.municipality_code == course.terms.host.code, courses.c.term_id == course.term_id
    )
    return (
        applications.c.pupil_id == pupil_id,
        applications.c.state != "ended",
        applications.c.course_id.in_(here),
    )


def change_chosen(
    unit: Unit, application_id: str, chosen: Chosen, by: str, why: str = "the family chose anew"
) -> None:
    """Another instrument to rent, or another amount of a Fritidskort; the price follows. Raises Refused."""
    row, course = repository.lock_application(unit, application_id)
    if row.state == "ended":
        raise Refused(APPLICATION_ENDED)
    if pricing.chosen_with(row) == chosen:
        return
    pupil = unit.connection.execute(sa.select(pupils).where(pupils.c.pupil_id == row.pupil_id)).one()
    family = pricing.families_of(unit.connection, [row.pupil_id])
    refusal = pricing.refusal_of(family, pupil, course, chosen)
    if refusal is not None:
        raise Refused(refusal)
    unit.execute(
        sa.update(applications)
        .where(applications.c.application_id == application_id)
        .values(rents=chosen.rents, voucher_ore=chosen.voucher_ore, priced=False)
    )
    repository.note_events(unit, [(application_id, by, "chosen", why)])


def settle(unit: Unit, pupil_id: str, course: CourseState, by: str) -> None:
    """End what falls away of the pupil's ranked choices at the course's school; their seats are offered on.

    The courses of all the pupil's applications are locked by now.
    """
    if course.rule_book.limits.ranked_choices is None:
        return
    engagements = surroundings.engagements_of(unit.connection, [pupil_id]).get(pupil_id, [])
    here = [each for each in engagements if _is_at(each, course)]
    gone = fallen(course.rule_book, here)
    if not gone:
        return
    states = repository.lock_courses(unit, {each.course_id for each in gone})
    for row in repository.lock_applications(unit, [each.application_id for each in gone]):
        state = states[row.course_id]
        seats.end_application(unit, row, state, BETTER_CHOICE, by)
        seats.offer_free_seats(unit, state, fresh=True)
        repository.save_seats(unit, [state])


def _is_at(each: Engagement, course: CourseState) -> bool:
    return (each.lesson.host_code, each.lesson.term_id) == (course.terms.host.code, course.term_id)


def rank_choices(unit: Unit, pupil_id: str, application_ids: Sequence[str], by: str) -> None:
    """The pupil's choices at a school in this order, the best first: all of them. Raises Refused.

    A choice that comes to stand behind a place which excludes it falls away.
    """
    states = repository.lock_courses_of(unit, [pupil_id])
    rows = repository.lock_applications(unit, application_ids)
    mine = [row for row in rows if row.pupil_id == pupil_id and row.course_id in states]
    if not mine or len(mine) != len(application_ids):
        raise Refused(CHOICES_INCOMPLETE)
    course = states[mine[0].course_id]
    all_of_them = set(
        unit.connection.scalars(
            sa.select(applications.c.application_id).where(*_choices_at(course, pupil_id))
        )
    )
    if course.rule_book.limits.ranked_choices is None or all_of_them != set(application_ids):
        raise Refused(CHOICES_INCOMPLETE)
    unit.execute(
        sa.update(applications)
        .where(applications.c.application_id == sa.bindparam("id"))
        .values(choice=sa.bindparam("nth")),
        [{"id": each, "nth": nth} for nth, each in enumerate(application_ids, start=1)],
    )
    order = ", ".join(application_ids)
    repository.note_events(unit, [(each, by, "ranked", order) for each in application_ids])
    settle(unit, pupil_id, course, by)
