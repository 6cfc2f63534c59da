"""What a course file means in a term: judged against what the catalogue knows, and turned into courses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.catalogue.domain.course_file import BEGINS_ANEW, CourseRow, broken_row
from services.catalogue.domain.terms import lessons_between
from services.chassis.ids import derived_id
from services.chassis.municipality import covers
from services.chassis.refusals import N_, Refusal
from services.contracts.catalogue import CoursePublished, MunicipalityRegistered, TermOpened
from services.contracts.rule_book import RuleBook

NEW, CHANGED, UNCHANGED, CANCELLED = "new", "changed", "unchanged", "cancelled"


@dataclass(frozen=True, slots=True)
class Known:
    """What a row may refer to, by code, id or key. `hosts` are the hosts of the term's courses by key.

    `hosts_before` are those of the courses of the term before, `before`; None where there is no such term.
    `continued` says which of the term's courses goes on with a course of the term before: key by its id.
    """

    term: TermOpened
    municipalities: Mapping[str, MunicipalityRegistered]
    rule_books: Mapping[str, RuleBook]
    art_forms: frozenset[str]
    hosts: Mapping[str, str]
    before: TermOpened | None = None
    hosts_before: Mapping[str, str] = field(default_factory=dict)
    continued: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedCourse:
    """What importing a row does. `changes` are the names of the fields that get another value."""

    row: CourseRow
    course: CoursePublished
    outcome: str
    changes: tuple[str, ...] = ()


def course_id_of(term_id: str, course_key: str) -> str:
    """The same key in the same term is the same course, on every machine."""
    return derived_id("course", term_id, course_key)


def refusal_of_row(row: CourseRow, known: Known, scope: str) -> Refusal | None:
    """Why the row cannot stand; None if it can. `scope` is the municipality (or county) of who imports."""
    host = known.municipalities.get(row.municipality_code)
    if host is None or host.school_name is None:
        return broken_row(
            row.number,
            "municipality_code",
            N_("Row %(row)s, column %(column)s: no municipality with a school has the code %(given)s."),
            given=row.municipality_code,
        )
    owner = known.hosts.get(row.course_key, row.municipality_code)
    for code in (row.municipality_code, owner):
        if not covers(scope, code):
            return _not_yours(row, code, known)
    if owner != row.municipality_code:
        return broken_row(
            row.number,
            "course_key",
            N_(
                "Row %(row)s, column %(column)s: %(given)s is a course of %(other)s. "
                "A course does not change its municipality."
            ),
            given=row.course_key,
            other=known.municipalities[owner].name,
        )
    if row.art_form not in known.art_forms:
        reason = N_("Row %(row)s, column %(column)s: there is no art form “%(given)s”.")
        return broken_row(row.number, "art_form", reason, given=row.art_form)
    return _refusal_of_rules(row, known, host.name) or _refusal_to_continue(row, known)


def _not_yours(row: CourseRow, code: str, known: Known) -> Refusal:
    return Refusal(
        "course_file_municipality_not_yours",
        N_("Row %(row)s is a course of %(municipality)s (%(code)s), and you act for another municipality."),
        {"row": row.number, "municipality": known.municipalities[code].name, "code": code},
        status=403,
    )


def _refusal_of_rules(row: CourseRow, known: Known, host: str) -> Refusal | None:
    book = known.rule_books.get(row.rule_book_id)
    if book is None or book.municipality_code != row.municipality_code:
        return broken_row(
            row.number,
            "rule_book_id",
            N_("Row %(row)s, column %(column)s: %(host)s has no rule book “%(given)s”."),
            host=host,
            given=row.rule_book_id,
        )
    if not book.is_valid_on(known.term.starts_on):
        return broken_row(
            row.number,
            "rule_book_id",
            N_("Row %(row)s, column %(column)s: the rule book %(given)s is not valid on %(day)s."),
            given=row.rule_book_id,
            day=known.term.starts_on,
        )
    if not book.prices(row.fee_kind):
        return broken_row(
            row.number,
            "fee_kind",
            N_("Row %(row)s, column %(column)s: the rule book %(book)s has no fee “%(given)s”."),
            book=row.rule_book_id,
            given=row.fee_kind,
        )
    return None


def continued_by(row: CourseRow, known: Known) -> str | None:
    """The id of the course of the term before that goes on in this one; None where it begins anew."""
    key = row.course_key if row.continues is None else row.continues
    if known.before is None or key == BEGINS_ANEW:
        return None
    host = known.hosts_before.get(key)
    if host is None or (row.continues is None and host != row.municipality_code):
        return None
    return course_id_of(known.before.term_id, key)


def _refusal_to_continue(row: CourseRow, known: Known) -> Refusal | None:
    if row.continues in (None, BEGINS_ANEW):
        return None
    host = known.hosts_before.get(row.continues or "")
    if host is None:
        reason = N_("Row %(row)s, column %(column)s: the term before has no course “%(given)s”.")
        return broken_row(row.number, "continues", reason, given=row.continues)
    if host != row.municipality_code:
        reason = N_(
            "Row %(row)s, column %(column)s: %(given)s is a course of %(other)s. "
            "A course continues one of its own municipality."
        )
        other = known.municipalities[host].name
        return broken_row(row.number, "continues", reason, given=row.continues, other=other)
    return None


def twice_continued(rows: Sequence[CourseRow], known: Known) -> list[Refusal]:
    """A refusal a row that goes on with a course which another course of the term goes on with already.

    Whose places would continue on which of the two nobody could say.
    """
    mine = {row.course_key for row in rows}
    taken = {course: key for course, key in known.continued.items() if key not in mine}
    refused = []
    for row in rows:
        course_id = continued_by(row, known)
        if course_id is None:
            continue
        other = taken.setdefault(course_id, row.course_key)
        if other != row.course_key:
            reason = N_("Row %(row)s, column %(column)s: the course %(other)s continues %(given)s already.")
            given = row.continues or row.course_key
            refused.append(broken_row(row.number, "continues", reason, given=given, other=other))
    return refused


def course_of_row(row: CourseRow, known: Known) -> CoursePublished:
    """The course that the row describes, in the term. The row has been judged before."""
    first, last = lessons_between(known.term, row.weekday)
    return CoursePublished(
        course_id=course_id_of(known.term.term_id, row.course_key),
        term_id=known.term.term_id,
        municipality_code=row.municipality_code,
        school_name=known.municipalities[row.municipality_code].school_name or "",
        title=row.title,
        description=row.description,
        art_form=row.art_form,
        fee_kind=row.fee_kind,
        weekday=row.weekday,
        starts_at=row.starts_at,
        minutes=row.minutes,
        first_lesson_on=first,
        last_lesson_on=last,
        room=row.room,
        min_age=row.min_age,
        max_age=row.max_age,
        capacity=row.capacity,
        shared=row.shared,
        rule_book_id=row.rule_book_id,
        queue_subject=row.subject,
        continues=continued_by(row, known),
    )


def plan_row(
    row: CourseRow, course: CoursePublished, present: CoursePublished | None, cancelled: bool
) -> PlannedCourse:
    """What the row does to the course that is there. A cancelled course stays cancelled, and as it was."""
    if present is None:
        return PlannedCourse(row, course, NEW)
    if cancelled:
        return PlannedCourse(row, present, CANCELLED)
    changes = tuple(
        name
        for name in CoursePublished.__dataclass_fields__
        if getattr(course, name) != getattr(present, name)
    )
    return PlannedCourse(row, course, CHANGED if changes else UNCHANGED, changes)
