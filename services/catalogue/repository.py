"""Facts to rows and back: what the tables hold is what was published."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, cast

import marshmallow_dataclass

from services.catalogue.domain.words import fold, sort_key
from services.contracts.catalogue import CoursePublished, MunicipalityRegistered, TermOpened
from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook

RULE_BOOK = marshmallow_dataclass.class_schema(RuleBook)()


def municipality_of(row: Any) -> MunicipalityRegistered:
    return MunicipalityRegistered(
        municipality_code=row.municipality_code,
        name=row.name,
        school_name=row.school_name,
        member_from=row.member_from,
        member_to=row.member_to,
        succeeded_by=row.succeeded_by,
        succeeded_on=row.succeeded_on,
    )


def municipality_values(fact: MunicipalityRegistered) -> dict[str, Any]:
    return {
        "municipality_code": fact.municipality_code,
        "name": fact.name,
        "school_name": fact.school_name,
        "member_from": fact.member_from,
        "member_to": fact.member_to,
        "succeeded_by": fact.succeeded_by,
        "succeeded_on": fact.succeeded_on,
    }


def rule_book_text(rule_book: RuleBook) -> str:
    return json.dumps(RULE_BOOK.dump(rule_book), ensure_ascii=False, sort_keys=True)


@lru_cache(maxsize=512)
def read_rule_book(document: str) -> RuleBook:
    """The rule book in its stored text; the same text is the same rule book, read once."""
    return cast(RuleBook, RULE_BOOK.loads(document))


def rule_book_values(rule_book: RuleBook) -> dict[str, Any]:
    return {
        "rule_book_id": rule_book.rule_book_id,
        "municipality_code": rule_book.municipality_code,
        "valid_from": rule_book.valid_from,
        "valid_to": rule_book.valid_to,
        "min_age": rule_book.eligibility.min_age,
        # Where adults are admitted it is no limit: a search must find the course for them.
        "max_age": None if rule_book.eligibility.adult_if_space else rule_book.eligibility.max_age,
        "document": rule_book_text(rule_book),
    }


def fee_rows(rule_book: RuleBook) -> list[dict[str, Any]]:
    return [
        {
            "rule_book_id": rule_book.rule_book_id,
            "kind": fee.kind,
            "fee_ore": fee.fee_ore,
            "text_sv": fee.text.sv,
            "text_en": fee.text.en,
        }
        for fee in rule_book.fees
    ]


def term_of(row: Any) -> TermOpened:
    return TermOpened(
        term_id=row.term_id,
        name=LocalText(sv=row.name_sv, en=row.name_en),
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        apply_from=row.apply_from,
        apply_until=row.apply_until,
    )


def term_values(term: TermOpened) -> dict[str, Any]:
    return {
        "term_id": term.term_id,
        "name_sv": term.name.sv,
        "name_en": term.name.en,
        "starts_on": term.starts_on,
        "ends_on": term.ends_on,
        "apply_from": term.apply_from,
        "apply_until": term.apply_until,
    }


# The fields of a course that are columns of the same name.
_COURSE_COLUMNS = tuple(
    name for name in CoursePublished.__dataclass_fields__ if name not in ("title", "description")
)


def course_of(row: Any) -> CoursePublished:
    return CoursePublished(
        title=LocalText(sv=row.title_sv, en=row.title_en),
        description=LocalText(sv=row.description_sv, en=row.description_en),
        **{name: getattr(row, name) for name in _COURSE_COLUMNS},
    )


def course_values(course: CoursePublished) -> dict[str, Any]:
    """The row of a course, without its key: that never changes."""
    title = f"{course.title.sv} {course.title.en}"
    text = f"{title} {course.description.sv} {course.description.en} {course.school_name} {course.room}"
    return {
        **{name: getattr(course, name) for name in _COURSE_COLUMNS},
        "title_sv": course.title.sv,
        "title_en": course.title.en,
        "description_sv": course.description.sv,
        "description_en": course.description.en,
        "search_text": fold(text),
        "title_text": fold(title),
        "title_sort_sv": sort_key(course.title.sv),
        "title_sort_en": sort_key(course.title.en),
    }


def is_same(row: Any, values: dict[str, Any]) -> bool:
    """Whether the stored row holds these values already."""
    return row is not None and all(getattr(row, name) == value for name, value in values.items())
