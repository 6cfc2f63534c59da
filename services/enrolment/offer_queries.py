"""What staff read before they offer seats: who would get one by which rule, and who would not and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

import sqlalchemy as sa

from services.enrolment import queries, queueing, repository
from services.enrolment.bulk_offers import digest_of, limits_of
from services.enrolment.domain.offers import last_day_to_answer
from services.enrolment.domain.queue import Waiting, stands_by
from services.enrolment.offering import Plan, plan_offers
from services.enrolment.tables import applications, courses, pupils, terms


@dataclass(frozen=True, slots=True)
class Line:
    """One who waits. `is_offered` with the criterion that puts it before the next in line, None for the
    last one; or else passed over, with the reason. `queued_at` is the queue date."""

    application_id: str
    position: int
    queued_at: datetime
    is_offered: bool
    why: str | None


@dataclass(frozen=True, slots=True)
class CoursePreview:
    """`lines` in queue order, down to the last one who would be offered a seat."""

    course: queries.Course
    free: int
    answer_by: date | None
    lines: list[Line]

    @property
    def offered(self) -> int:
        return sum(line.is_offered for line in self.lines)

    @property
    def skipped(self) -> int:
        return len(self.lines) - self.offered


@dataclass(frozen=True, slots=True)
class Preview:
    """`digest` is what confirming it must say."""

    courses: list[CoursePreview]
    digest: str

    @property
    def offered(self) -> int:
        return sum(each.offered for each in self.courses)

    def page(self, number: int, size: int) -> list[tuple[CoursePreview, list[Line]]]:
        """A part of the lines, with their courses; `number` counts from 1."""
        every = chain.from_iterable(((each, line) for line in each.lines) for each in self.courses)
        found: list[tuple[CoursePreview, list[Line]]] = []
        for each, line in list(every)[(number - 1) * size : number * size]:
            if not found or found[-1][0] is not each:
                found.append((each, []))
            found[-1][1].append(line)
        return found

    @property
    def lines(self) -> int:
        return sum(len(each.lines) for each in self.courses)


def preview(connection: sa.Connection, course_ids: Collection[str], most: int | None, today: date) -> Preview:
    """Reads only, in a fixed number of statements; nobody is kept waiting meanwhile."""
    known = repository.known_municipalities(connection)
    rows = connection.execute(repository.course_rows(course_ids)).all()
    shown = {row.course_id: queries.course_of(row) for row in rows if not row.cancelled}
    states = {row.course_id: repository.course_state(row, known) for row in rows if not row.cancelled}
    plans = plan_offers(connection, states, today, limits_of(course_ids, most))
    found = [
        CoursePreview(
            shown[course_id], plan.free, last_day_to_answer(plan.course.rule_book, today), _lines(plan, today)
        )
        for course_id, plan in plans.items()
    ]
    return Preview(found, digest_of(plans))


def _lines(plan: Plan, today: date) -> list[Line]:
    offered, skipped = set(plan.choice.offered), dict(plan.choice.skipped)
    rules = stands_by(plan.queue, queueing.queue_order(plan.course, today))

    def line(each: Waiting, position: int, rule: str | None) -> Line:
        is_offered = each.application_id in offered
        why = rule if is_offered else skipped[each.application_id]
        return Line(each.application_id, position, each.queued_at, is_offered, why)

    return [
        line(each, position, rule)
        for position, (each, rule) in enumerate(zip(plan.queue, rules, strict=True), start=1)
        if each.application_id in offered or each.application_id in skipped
    ]


def pupils_by_application(
    connection: sa.Connection, application_ids: Collection[str]
) -> dict[str, queries.Pupil]:
    known = repository.known_municipalities(connection)
    rows = connection.execute(
        sa.select(applications.c.application_id, pupils)
        .join(pupils, pupils.c.pupil_id == applications.c.pupil_id)
        .where(applications.c.application_id.in_(list(application_ids)))
    )
    return {row.application_id: queries.pupil_of(row, known) for row in rows}


def courses_to_offer(connection: sa.Connection, municipality: str, today: date) -> list[str]:
    """The municipality's courses (two digits: the county's) with a free seat and a queue."""
    return list(
        connection.scalars(
            sa.select(courses.c.course_id)
            .join(terms, terms.c.term_id == courses.c.term_id)
            .where(
                courses.c.municipality_code.startswith(municipality),
                sa.not_(courses.c.cancelled),
                courses.c.taken < courses.c.capacity,
                courses.c.waiting > 0,
                terms.c.ends_on >= today,
            )
            .order_by(courses.c.course_id)
        )
    )
