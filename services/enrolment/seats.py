"""Seats that come free and where they go: what the commands that answer, end and cancel have in common.

The course is locked before, as everywhere; `repository.save_seats` writes its seats once all is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.chassis.refusals import Refused
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import ApplicationEnded, ApplicationQueued, PlaceGiven, PlaceOffered
from services.contracts.price import WithdrawalCost
from services.enrolment import pricing, queueing, repository, surroundings
from services.enrolment.domain.admission import (
    CARRIED_OVER,
    NEXT_IN_QUEUE,
    PUPIL_UNKNOWN,
    CourseState,
    refusal_before_round,
)
from services.enrolment.domain.limits import Engagement
from services.enrolment.domain.offers import Choice, keeps_place_in_queue, last_day_to_answer
from services.enrolment.domain.queue import position_of
from services.enrolment.offering import plan_offers
from services.enrolment.readers import readers
from services.enrolment.tables import applications, courses, pupils, terms

KEPT_AFTER_REFUSAL = "kept_after_refusal"


def offer_free_seats(unit: Unit, course: CourseState, *, fresh: bool = False) -> None:
    """Hold each free seat for the next in line, as the rule book orders the queue, and tell the family.

    `fresh` where a seat came free that nobody has been asked about: who said no to an earlier one is asked
    again. Who stood ahead of one who is offered a seat, and is not, has the reason recorded. Where the rule
    book leaves the offering to staff, the seat waits for them: see bulk_offers.py.
    """
    if course.taken >= course.capacity or course.waiting == 0 or course.terms.cancelled:
        return
    if course.gives_no_seat_before(unit.today) is not None or refusal_before_round(course) is not None:
        return
    if fresh:
        unit.execute(
            sa.update(applications)
            .where(applications.c.course_id == course.course_id, applications.c.passed)
            .values(passed=False)
        )
    if course.rule_book.answering.offers == "by_staff":
        return
    plan = plan_offers(unit.connection, {course.course_id: course}, unit.today, lock=True)[course.course_id]
    hold_seats(unit, course, plan.choice, "enrolment", "a seat came free and the pupil was next")


def offer_to_who_waits(unit: Unit, course_id: str) -> None:
    """Offer the free seats of a course to who waits and may have one by now, in the rule book's order."""
    course = repository.lock_courses(unit, [course_id])[course_id]
    before = (course.taken, course.waiting)
    offer_free_seats(unit, course)
    if (course.taken, course.waiting) != before:
        repository.save_seats(unit, [course])


def courses_with_free_seats(connection: sa.Connection, today: date) -> list[str]:
    """Courses with free seats that some wait for.

    A day may have come on which a seat can go to one of them without anybody doing anything: the main
    admission, the last day of a reserved seat, a birthday, a ceiling that was raised, another course's end.
    """
    return list(
        connection.scalars(
            sa.select(courses.c.course_id)
            .join(terms, terms.c.term_id == courses.c.term_id)
            .where(
                courses.c.taken < courses.c.capacity,
                courses.c.waiting > 0,
                ~courses.c.cancelled,
                terms.c.ends_on >= today,
            )
            .order_by(courses.c.course_id)
        )
    )


def hold_seats(unit: Unit, course: CourseState, choice: Choice, by: str, why: str) -> None:
    """Hold the chosen seats, which `course` has counted as taken, and tell the families."""
    if not choice.offered:
        return
    answer_by = last_day_to_answer(course.rule_book, unit.today)
    more: dict[str, Any] = {"answer_by": answer_by, "offered_at": unit.now}
    repository.change_state(unit, choice.offered, "offered", rule=NEXT_IN_QUEUE, at=unit.now, **more)
    happened = [(each, "offered", why) for each in choice.offered]
    happened += [(each, "skipped", reason) for each, reason in choice.skipped]
    repository.note_events(unit, [(each, by, what, reason) for each, what, reason in happened])
    rows = _with_pupils(unit, choice.offered)
    guardians = repository.guardians_of(unit, {row.pupil_id for row in rows})
    for row in rows:
        unit.record(
            PlaceOffered(
                application_id=row.application_id,
                course_id=row.course_id,
                pupil_id=row.pupil_id,
                **readers(row.guardian_id, row, guardians.get(row.pupil_id, ()), unit.today),
                offered_at=unit.now,
                rule=NEXT_IN_QUEUE,
                answer_by=answer_by,
            )
        )


def _with_pupils(unit: Unit, application_ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
    return unit.rows(
        sa.select(applications, pupils.c.protected, pupils.c.born_on)
        .join(pupils, pupils.c.pupil_id == applications.c.pupil_id)
        .where(applications.c.application_id.in_(list(application_ids)))
        .order_by(applications.c.application_id)
    )


def place(unit: Unit, row: sa.Row[Any], course: CourseState, by: str) -> None:
    """The offered seat becomes a place, and uses up the queue date of its subject.

    One that was carried over and is confirmed was not waited for: it uses up nothing.
    """
    rule = row.rule if row.rule == CARRIED_OVER else NEXT_IN_QUEUE
    repository.change_state(unit, [row.application_id], "placed", rule=rule, at=unit.now)
    repository.note_events(unit, [(row.application_id, by, "placed", "the offer was accepted")])
    if rule == NEXT_IN_QUEUE:
        surroundings.lose_queue_dates(unit, {(row.pupil_id, course.subject)})
    unit.record(PlaceGiven(given_at=unit.now, rule=rule, **about(unit, row, course)))


def refuse_offer(unit: Unit, row: sa.Row[Any], course: CourseState, by: str, *, expired: bool) -> None:
    """The seat goes to the next in line; the rule book says whether the pupil stays in the queue."""
    carried = row.rule == CARRIED_OVER  # it never stood in the queue
    keeps = not carried and keeps_place_in_queue(course.rule_book, row.declines, expired=expired)
    if keeps:
        _back_to_queue(unit, row, course, by, "expired" if expired else "declined")
    else:
        in_time = "not_renewed" if carried else "expired"
        end_application(unit, row, course, in_time if expired else "declined", by)
    offer_free_seats(unit, course)
    repository.save_seats(unit, [course])
    if keeps:
        queues = queueing.queues(unit.connection, {course.course_id: course}, unit.today)
        position = position_of(row.application_id, queues[course.course_id])
        more = {**about(unit, row, course), "position": position, "rule": KEPT_AFTER_REFUSAL}
        unit.record(ApplicationQueued(queued_at=row.queued_at, **more))


def _back_to_queue(unit: Unit, row: sa.Row[Any], course: CourseState, by: str, why: str) -> None:
    course.give_back_seat()
    course.waiting += 1
    # Who has moved meanwhile waits from where it lives now.
    home = repository.home_of(unit, row.pupil_id)
    more: dict[str, Any] = {"declines": row.declines + 1, "passed": True, "home_municipality": home}
    repository.change_state(
        unit, [row.application_id], "queued", rule=KEPT_AFTER_REFUSAL, at=unit.now, **more
    )
    repository.note_events(unit, [(row.application_id, by, "queued", why)])


def end_application(
    unit: Unit,
    row: sa.Row[Any],
    course: CourseState,
    outcome: str,
    by: str,
    *,
    cost: WithdrawalCost | None = None,
) -> None:
    """End one application of a locked course; its seat or place in the queue is free again."""
    had = {"placed": "place", "offered": "offer", "queued": "queue"}[row.state]
    if had == "queue":
        course.waiting -= 1
    else:
        course.give_back_seat()
        pricing.price_anew(unit, [row.pupil_id])
    repository.change_state(unit, [row.application_id], "ended", outcome=outcome, at=unit.now)
    why = outcome if cost is None else f"{outcome}, {cost.cost_ore} öre by {cost.rule}"
    repository.note_events(unit, [(row.application_id, by, "ended", why)])
    _queue_date_after(unit, row, course, outcome)
    unit.record(
        ApplicationEnded(
            application_id=row.application_id,
            course_id=row.course_id,
            pupil_id=row.pupil_id,
            **_readers(unit, row, _pupil(unit, row.pupil_id)),
            outcome=outcome,
            had=had,
            ended_at=unit.now,
            cost_ore=None if cost is None else cost.cost_ore,
        )
    )


def leave_other_instruments(
    unit: Unit,
    engagements: Iterable[Engagement],
    course: CourseState,
    states: Mapping[str, CourseState],
    by: str,
) -> None:
    """Where the course's rule book lets a pupil play one instrument, who has got it leaves the queues for the
    school's others, and the seats it was offered there. Their courses are locked, and among `states`.
    """
    others = [each.application_id for each in surroundings.other_instruments(engagements, course)]
    if not others:
        return  # of most: a statement each would be a tenth of a minute in which everybody applies
    for other in repository.lock_applications(unit, others):
        if other.state in ("queued", "offered"):
            end_application(unit, other, states[other.course_id], "one_instrument", by)
            offer_free_seats(unit, states[other.course_id], fresh=True)
            repository.save_seats(unit, [states[other.course_id]])


def _queue_date_after(unit: Unit, row: sa.Row[Any], course: CourseState, outcome: str) -> None:
    """A cancelled course gives the queue date back; else it is gone unless another application waits."""
    if outcome == "merged":
        return  # the child's other application stands, with the earlier of the two dates
    if outcome == "course_cancelled":
        surroundings.keep_queue_dates(unit, {(row.pupil_id, course.subject): row.queued_at})
        return
    waits_still = unit.row(
        sa.select(applications.c.application_id)
        .join(courses, courses.c.course_id == applications.c.course_id)
        .where(
            applications.c.pupil_id == row.pupil_id,
            applications.c.state.in_(("queued", "offered")),
            courses.c.subject == course.subject,
        )
        .limit(1)
    )
    if waits_still is None:
        surroundings.lose_queue_dates(unit, {(row.pupil_id, course.subject)})


def about(unit: Unit, row: sa.Row[Any], course: CourseState) -> dict[str, Any]:
    """What facts about an application have in common; of a protected pupil neither guardian nor home."""
    pupil = _pupil(unit, row.pupil_id)
    return {
        "application_id": row.application_id,
        "course_id": row.course_id,
        "pupil_id": row.pupil_id,
        **_readers(unit, row, pupil),
        "home_municipality": None if pupil.protected else row.home_municipality,
        "host_municipality": course.terms.host.code,
        "term_id": course.term_id,
    }


def _pupil(unit: Unit, pupil_id: str) -> sa.Row[Any]:
    about_pupil = (pupils.c.pupil_id, pupils.c.protected, pupils.c.born_on)
    row = unit.row(sa.select(*about_pupil).where(pupils.c.pupil_id == pupil_id))
    if row is None:
        raise Refused(PUPIL_UNKNOWN)
    return row


def _readers(unit: Unit, row: sa.Row[Any], pupil: sa.Row[Any]) -> dict[str, Any]:
    guardians = repository.guardians_of(unit, [pupil.pupil_id]).get(pupil.pupil_id, ())
    return readers(row.guardian_id, pupil, guardians, unit.today)
