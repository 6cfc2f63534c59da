"""What the API answers, as marshmallow schemas, and how views become them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from services.catalogue.domain.answer import Answer
from services.catalogue.planning import Plan
from services.catalogue.queries.courses import CourseView
from services.catalogue.queries.schools import School
from services.catalogue.repository import RULE_BOOK


class LocalTextAnswer(Schema):
    sv = fields.String(required=True)
    en = fields.String(required=True)


class CourseAnswer(Schema):
    """`min_age` and `max_age` are the limits that decide: the course's and the rule book's together."""

    course_id = fields.String(required=True)
    term_id = fields.String(required=True)
    municipality_code = fields.String(required=True)
    municipality_name = fields.String(required=True)
    school_name = fields.String(required=True)
    title = fields.Nested(LocalTextAnswer, required=True)
    description = fields.Nested(LocalTextAnswer, required=True)
    art_form = fields.String(required=True)
    art_form_name = fields.Nested(LocalTextAnswer, required=True)
    fee_kind = fields.String(required=True)
    fee_ore = fields.Integer(required=True, allow_none=True)
    fee_text = fields.Nested(LocalTextAnswer, required=True, allow_none=True)
    weekday = fields.Integer(required=True)
    starts_at = fields.String(required=True)
    ends_at = fields.String(required=True)
    minutes = fields.Integer(required=True)
    first_lesson_on = fields.Date(required=True)
    last_lesson_on = fields.Date(required=True)
    room = fields.String(required=True)
    min_age = fields.Integer(required=True)
    max_age = fields.Integer(required=True)
    capacity = fields.Integer(required=True)
    taken = fields.Integer(required=True)
    free = fields.Integer(required=True)
    waiting = fields.Integer(required=True)
    shared = fields.Boolean(required=True)
    rule_book_id = fields.String(required=True)
    # The course of the term before that goes on in this one.
    continues = fields.String(required=True, allow_none=True)
    cancelled = fields.Boolean(required=True)
    cancel_reason = fields.Nested(LocalTextAnswer, required=True, allow_none=True)
    # Only where a home municipality was asked about.
    open_to_home = fields.Boolean(required=True, allow_none=True)


class CourseListAnswer(Schema):
    courses = fields.List(fields.Nested(CourseAnswer), required=True)
    count = fields.Integer(required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)


class PriceLineAnswer(Schema):
    """`rule` names the sentence of the rule book behind the line; a discount is negative."""

    rule = fields.String(required=True)
    text = fields.Nested(LocalTextAnswer, required=True)
    amount_ore = fields.Integer(required=True)


class PriceAnswer(Schema):
    """`options` are no part of the total: what one may choose beside, an instrument to rent for instance."""

    total_ore = fields.Integer(required=True)
    lines = fields.List(fields.Nested(PriceLineAnswer), required=True)
    options = fields.List(fields.Nested(PriceLineAnswer), required=True)
    notes = fields.List(fields.Nested(LocalTextAnswer), required=True)


class EligibilityAnswer(Schema):
    """`refusal` is its name, None where nothing says no. `reason` is in the client's language."""

    may_apply = fields.Boolean(required=True)
    refusal = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    rule = fields.String(required=True, allow_none=True)
    fee_ore = fields.Integer(required=True, allow_none=True)
    fee_text = fields.Nested(LocalTextAnswer, required=True, allow_none=True)
    # For a family's first child and first course.
    price = fields.Nested(PriceAnswer, required=True, allow_none=True)
    free = fields.Integer(required=True)
    waiting = fields.Integer(required=True)


class MunicipalityAnswer(Schema):
    municipality_code = fields.String(required=True)
    name = fields.String(required=True)
    school_name = fields.String(required=True, allow_none=True)
    member_from = fields.Date(required=True, allow_none=True)
    member_to = fields.Date(required=True, allow_none=True)


class MunicipalityListAnswer(Schema):
    municipalities = fields.List(fields.Nested(MunicipalityAnswer), required=True)


class SchoolAnswer(Schema):
    """Figures of the courses in the terms that are not over; `art_forms` are numbers of courses."""

    municipality_code = fields.String(required=True)
    municipality_name = fields.String(required=True)
    school_name = fields.String(required=True)
    is_member = fields.Boolean(required=True)
    courses = fields.Integer(required=True)
    shared = fields.Integer(required=True)
    free_places = fields.Integer(required=True)
    lowest_fee_ore = fields.Integer(required=True, allow_none=True)
    highest_fee_ore = fields.Integer(required=True, allow_none=True)
    art_forms = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    # The newest of those that hold today, and all of them.
    rule_book_id = fields.String(required=True, allow_none=True)
    rule_book_ids = fields.List(fields.String(), required=True)


class SchoolListAnswer(Schema):
    schools = fields.List(fields.Nested(SchoolAnswer), required=True)


class RuleBookListAnswer(Schema):
    rule_books = fields.List(fields.Nested(type(RULE_BOOK)), required=True)


class TermAnswer(Schema):
    term_id = fields.String(required=True)
    name = fields.Nested(LocalTextAnswer, required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    apply_from = fields.Date(required=True, allow_none=True)
    apply_until = fields.Date(required=True, allow_none=True)


class TermListAnswer(Schema):
    terms = fields.List(fields.Nested(TermAnswer), required=True)


class ImportedCourseAnswer(Schema):
    row = fields.Integer(required=True)
    course_id = fields.String(required=True)
    course_key = fields.String(required=True)
    outcome = fields.String(required=True, metadata={"enum": ["new", "changed", "unchanged", "cancelled"]})
    changes = fields.List(fields.String(), required=True)


class ImportAnswer(Schema):
    term_id = fields.String(required=True)
    dry_run = fields.Boolean(required=True)
    new = fields.Integer(required=True)
    changed = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)
    courses = fields.List(fields.Nested(ImportedCourseAnswer), required=True)


_OF_COURSE = (
    *("course_id", "term_id", "municipality_code", "school_name", "title", "description", "art_form"),
    *("fee_kind", "weekday", "starts_at", "minutes", "first_lesson_on", "last_lesson_on", "room"),
    *("capacity", "shared", "rule_book_id", "continues"),
)
_OF_SCHOOL = (
    *("is_member", "courses", "shared", "free_places", "lowest_fee_ore", "highest_fee_ore", "art_forms"),
)


def of_course(view: CourseView, open_to_home: bool | None = None) -> dict[str, Any]:
    return {
        **{name: getattr(view.course, name) for name in _OF_COURSE},
        "municipality_name": view.municipality.name,
        "art_form_name": view.art_form,
        "fee_ore": view.fee.fee_ore if view.fee else None,
        "fee_text": view.fee.text if view.fee else None,
        "ends_at": view.ends_at,
        "min_age": view.youngest,
        "max_age": view.oldest,
        "taken": view.taken,
        "free": view.free,
        "waiting": view.waiting,
        "cancelled": view.is_cancelled,
        "cancel_reason": view.cancel_reason,
        "open_to_home": open_to_home,
    }


def of_answer(view: CourseView, answer: Answer, reason: str) -> dict[str, Any]:
    return {
        "may_apply": answer.refusal is None,
        "refusal": answer.refusal.name if answer.refusal else None,
        "reason": reason,
        "rule": answer.rule,
        "fee_ore": answer.price.total_ore if answer.price else None,
        "fee_text": answer.price.lines[0].text if answer.price else None,
        "price": answer.price,
        "free": view.free,
        "waiting": view.waiting,
    }


def of_school(school: School) -> dict[str, Any]:
    return {
        **{name: getattr(school, name) for name in _OF_SCHOOL},
        "municipality_code": school.code,
        "municipality_name": school.municipality.name,
        "school_name": school.name,
        "rule_book_id": school.rule_books[0].rule_book_id if school.rule_books else None,
        "rule_book_ids": [book.rule_book_id for book in school.rule_books],
    }


def of_plan(plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    counts = plan.counts
    return {
        "term_id": plan.term.term_id,
        "dry_run": dry_run,
        **{outcome: counts[outcome] for outcome in ("new", "changed", "unchanged", "cancelled")},
        "courses": [
            {
                "row": planned.row.number,
                "course_id": planned.course.course_id,
                "course_key": planned.row.course_key,
                "outcome": planned.outcome,
                "changes": list(planned.changes),
            }
            for planned in plan.courses
        ],
    }
