"""Who would be offered which free seat: worked out the same way for a preview and for the offer itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa

from services.enrolment import queueing, surroundings
from services.enrolment.domain.admission import CourseState
from services.enrolment.domain.limits import Engagement
from services.enrolment.domain.offers import Choice, choose
from services.enrolment.domain.queue import Waiting


@dataclass(frozen=True, slots=True)
class Plan:
    """A course's queue in order, and who of it is offered a seat. `free` is how many were free before."""

    course: CourseState
    free: int
    queue: list[Waiting]
    choice: Choice


def plan_offers(
    connection: sa.Connection,
    courses: Mapping[str, CourseState],
    today: date,
    most: Mapping[str, int] | None = None,
    *,
    lock: bool = False,
) -> dict[str, Plan]:
    """By course, in id order: a seat on one may use up what bars the same pupil, or its home, on the next.

    `most` limits the seats of a course; without it all that are free. `lock` where the offers are made.
    Takes the seats from `courses`. A
    fixed number of statements.
    """
    limits = surroundings.load_ceilings(connection, {each.term_id for each in courses.values()}, lock=lock)
    for course in courses.values():
        course.held.clear()
    surroundings.count_held(connection, courses.values())
    queues = queueing.queues(connection, courses, today)
    waiting = {each.pupil_id for queue in queues.values() for each in queue}
    engagements = surroundings.engagements_of(connection, waiting)
    plans = {}
    for course_id in sorted(courses):
        course, queue = courses[course_id], queues[course_id]
        free = course.free_on(today)

        def bar(each: Waiting, course: CourseState = course, queue: list[Waiting] = queue) -> str | None:
            return surroundings.bar(course, each, queue, engagements, limits)

        def gave(each: Waiting, course: CourseState = course) -> None:
            limits.use(each.home_code, course)
            engagements[each.pupil_id] = _with_offer(engagements[each.pupil_id], each.application_id)

        choice = choose(
            queue,
            course.rule_book,
            course.seats,
            course.day(today),
            bar=bar,
            gave=gave,
            most=free if most is None else min(free, most.get(course_id, free)),
        )
        _take(course, queue, choice)
        plans[course_id] = Plan(course, free, queue, choice)
    return plans


def _with_offer(engagements: list[Engagement], application_id: str) -> list[Engagement]:
    return [
        replace(each, state="offered") if each.application_id == application_id else each
        for each in engagements
    ]


def _take(course: CourseState, queue: list[Waiting], choice: Choice) -> None:
    offered = set(choice.offered)
    for each in queue:
        if each.application_id in offered:
            course.take_seat(each.home_code)
            course.waiting -= 1
