"""One function per foreign fact: enrolment's copy of what the catalogue said."""

from __future__ import annotations

import json

import sqlalchemy as sa

from services.chassis.messaging.worker import Reactions
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import (
    CourseCancelled,
    CoursePublished,
    MunicipalityRegistered,
    RuleBookPublished,
    TermOpened,
)
from services.enrolment import commands, repository, seats
from services.enrolment.tables import courses, municipalities, rule_books, terms


def on_municipality_registered(unit: Unit, fact: MunicipalityRegistered) -> None:
    unit.keep(
        municipalities,
        {
            "code": fact.municipality_code,
            "name": fact.name,
            "member_from": fact.member_from,
            "member_to": fact.member_to,
            "succeeded_by": fact.succeeded_by,
            "succeeded_on": fact.succeeded_on,
        },
    )


def on_rule_book_published(unit: Unit, fact: RuleBookPublished) -> None:
    document = json.dumps(fact.dump(), ensure_ascii=False, sort_keys=True)
    unit.keep(rule_books, {"rule_book_id": fact.rule_book_id, "document": document})


def on_term_opened(unit: Unit, fact: TermOpened) -> None:
    unit.keep(
        terms,
        {
            "term_id": fact.term_id,
            "name_sv": fact.name.sv,
            "name_en": fact.name.en,
            "starts_on": fact.starts_on,
            "ends_on": fact.ends_on,
            "apply_from": fact.apply_from,
            "apply_until": fact.apply_until,
        },
    )


def on_course_published(unit: Unit, fact: CoursePublished) -> None:
    """A new course, or a changed one: seats that are held stay held, seats that came free are offered."""
    before = unit.row(
        sa.select(courses.c.capacity, courses.c.taken, courses.c.waiting)
        .where(courses.c.course_id == fact.course_id)
        .with_for_update()
    )
    unit.keep(
        courses,
        {
            "course_id": fact.course_id,
            "term_id": fact.term_id,
            "municipality_code": fact.municipality_code,
            "school_name": fact.school_name,
            "title_sv": fact.title.sv,
            "title_en": fact.title.en,
            "fee_kind": fact.fee_kind,
            "subject": fact.queue_subject or fact.art_form,
            "weekday": fact.weekday,
            "starts_at": fact.starts_at,
            "minutes": fact.minutes,
            "first_lesson_on": fact.first_lesson_on,
            "last_lesson_on": fact.last_lesson_on,
            "room": fact.room,
            "min_age": fact.min_age,
            "max_age": fact.max_age,
            "shared": fact.shared,
            "rule_book_id": fact.rule_book_id,
            "continues": fact.continues,
            "published_capacity": fact.capacity,
            "capacity": max(fact.capacity, before.taken if before else 0),
        },
    )
    if before is None:
        # Its term, or its rule book, may not be known here yet.
        new = repository.lock_courses(unit, [fact.course_id]) if fact.continues else {}
        repository.save_seats(unit, [each for each in new.values() if each.kept])
        return
    course = repository.lock_courses(unit, [fact.course_id])[fact.course_id]
    seats.offer_free_seats(unit, course, fresh=True)
    if (course.capacity, course.taken, course.waiting) != tuple(before):
        repository.save_seats(unit, [course])


def on_course_cancelled(unit: Unit, fact: CourseCancelled) -> None:
    commands.cancel_course(unit, fact.course_id, by="catalogue")
    unit.execute(sa.update(courses).where(courses.c.course_id == fact.course_id).values(cancelled=True))


REACTIONS: Reactions = {
    MunicipalityRegistered: on_municipality_registered,
    RuleBookPublished: on_rule_book_published,
    TermOpened: on_term_opened,
    CoursePublished: on_course_published,
    CourseCancelled: on_course_cancelled,
}
