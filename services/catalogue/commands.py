"""What can be done with the catalogue. A fact is recorded only where something changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.domain.course_file import CourseRow
from services.catalogue.domain.course_import import CHANGED, NEW, PlannedCourse
from services.catalogue.planning import Plan, plan_file, plan_rows
from services.catalogue.queries.courses import COURSE_UNKNOWN
from services.catalogue.repository import (
    course_of,
    course_values,
    fee_rows,
    is_same,
    municipality_values,
    rule_book_values,
    term_values,
)
from services.chassis.refusals import Refused
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import (
    CourseCancelled,
    MunicipalityRegistered,
    RuleBookPublished,
    TermOpened,
)
from services.contracts.contradictions import contradiction
from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook


def describe_county(unit: Unit, code: str, name: LocalText, cooperation: LocalText, region: str) -> None:
    """How the county, its cooperation and its region are called; nothing that other services read."""
    _store(
        unit,
        tables.counties,
        {
            "code": code,
            "name_sv": name.sv,
            "name_en": name.en,
            "cooperation_sv": cooperation.sv,
            "cooperation_en": cooperation.en,
            "region": region,
        },
    )


def describe_art_form(unit: Unit, key: str, position: int, name: LocalText) -> None:
    """An art form to search by; `position` is its place on lists."""
    _store(
        unit,
        tables.art_forms,
        {"key": key, "position": position, "name_sv": name.sv, "name_en": name.en},
    )


def register_municipality(unit: Unit, municipality: MunicipalityRegistered) -> bool:
    """Whether anything changed."""
    changed = _store(unit, tables.municipalities, municipality_values(municipality))
    if changed:
        unit.record(municipality)
    return changed


def follow_successors(unit: Unit, most: int) -> int:
    """Courses of a municipality that has become a part of another one are that one's from the day on.

    Published anew as such; places, queues and the rule book stay as they were. How many courses it were.
    """
    courses, gone = tables.courses, tables.municipalities
    rows = unit.rows(
        sa.select(courses, gone.c.succeeded_by)
        .join(gone, gone.c.municipality_code == courses.c.municipality_code)
        .where(gone.c.succeeded_on <= unit.today, gone.c.succeeded_by.is_not(None))
        .order_by(courses.c.course_id)
        .limit(most)
        .with_for_update(of=courses)
    )
    for row in rows:
        mine = courses.c.course_id == row.course_id
        unit.execute(sa.update(courses).where(mine).values(municipality_code=row.succeeded_by))
        unit.record(replace(course_of(row), municipality_code=row.succeeded_by))
    return len(rows)


def publish_rule_book(unit: Unit, rule_book: RuleBook) -> bool:
    """Whether anything changed. The fees are rows too, so that a search can show them.

    Raises Refused where the book contradicts itself.
    """
    refusal = contradiction(rule_book)
    if refusal is not None:
        raise Refused(refusal)
    changed = _store(unit, tables.rule_books, rule_book_values(rule_book))
    if changed:
        fees = tables.fees
        unit.execute(sa.delete(fees).where(fees.c.rule_book_id == rule_book.rule_book_id))
        if rule_book.fees:
            unit.execute(sa.insert(fees), fee_rows(rule_book))
        unit.record(RuleBookPublished(rule_book.rule_book_id, rule_book))
    return changed


def open_term(unit: Unit, term: TermOpened) -> bool:
    """Whether anything changed."""
    changed = _store(unit, tables.terms, term_values(term))
    if changed:
        unit.record(term)
    return changed


def publish_course(unit: Unit, row: CourseRow, term_id: str, scope: str) -> PlannedCourse:
    """Publish one course, new or changed. Raises Refused as a file with this one row would be."""
    plan = plan_rows(unit.connection, [row], [], term_id, scope, lock=True)
    _carry_out(unit, plan)
    return plan.courses[0]


def import_courses(unit: Unit, data: bytes, term_id: str, scope: str) -> Plan:
    """Publish the courses of a file: all of them, or none.

    `scope` is the municipality, or county, that the importer acts for. Courses that the file does not
    name are left as they are. Raises Refused for the first row that cannot stand.
    """
    plan = plan_file(unit.connection, data, term_id, scope, lock=True)
    _carry_out(unit, plan)
    return plan


def _carry_out(unit: Unit, plan: Plan) -> None:
    if plan.problems:
        raise Refused(plan.problems[0])
    _insert([p for p in plan.courses if p.outcome == NEW], unit)
    _update([p for p in plan.courses if p.outcome == CHANGED], unit)
    for planned in plan.courses:
        if planned.outcome in (NEW, CHANGED):
            unit.record(planned.course)


def _insert(planned: Sequence[PlannedCourse], unit: Unit) -> None:
    rows = [{"course_key": p.row.course_key, **course_values(p.course)} for p in planned]
    if rows:
        unit.execute(sa.insert(tables.courses), rows)


def _update(planned: Sequence[PlannedCourse], unit: Unit) -> None:
    courses = tables.courses
    for each in planned:
        values = course_values(each.course)
        unit.execute(sa.update(courses).where(courses.c.course_id == each.course.course_id).values(values))


def cancel_course(unit: Unit, course_id: str, reason: LocalText, by: str) -> bool:
    """Whether it was not cancelled before. `by` is the audit name of who did it. Raises Refused."""
    courses = tables.courses
    row = unit.row(
        sa.select(courses.c.cancelled_at).where(courses.c.course_id == course_id).with_for_update()
    )
    if row is None:
        raise Refused(COURSE_UNKNOWN)
    if row.cancelled_at is not None:
        return False
    unit.execute(
        sa.update(courses)
        .where(courses.c.course_id == course_id)
        .values(
            cancelled_at=unit.now,
            cancelled_by=by[:128],
            cancel_reason_sv=reason.sv,
            cancel_reason_en=reason.en,
        )
    )
    unit.record(CourseCancelled(course_id, reason))
    return True


def _store(unit: Unit, table: sa.Table, values: dict[str, Any]) -> bool:
    """Insert or update the row; whether that changed anything."""
    key = next(iter(table.primary_key.columns))
    mine = key == values[key.name]
    row = unit.row(sa.select(table).where(mine).with_for_update())
    if is_same(row, values):
        return False
    if row is None:
        unit.execute(sa.insert(table), values)
    else:
        unit.execute(sa.update(table).where(mine).values(values))
    return True
