"""What the rule of eligibility needs, read for one course or for a page of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa

from services.catalogue.domain.answer import Answer, answer_for, refusal_of_home
from services.catalogue.queries import reference
from services.catalogue.queries.courses import CourseView
from services.contracts.rule_book import RuleBook


def rule_book_of(connection: sa.Connection, view: CourseView) -> RuleBook:
    """The rule book the course goes by: an import without one is refused, so it is there."""
    book = reference.rule_book(connection, view.course.rule_book_id)
    if book is None:
        raise LookupError(f"course {view.course.course_id} has no rule book {view.course.rule_book_id}")
    return book


def closed_to(
    connection: sa.Connection, found: Iterable[CourseView], home_code: str, today: date
) -> frozenset[str]:
    """The ids of the courses that no pupil of the municipality may take. Raises Refused."""
    home = reference.municipality(connection, home_code, today)
    books = reference.rule_books(connection)
    return frozenset(
        view.course.course_id
        for view in found
        if refusal_of_home(view.as_terms(), books[view.course.rule_book_id], home, today) is not None
    )


def answer(connection: sa.Connection, view: CourseView, home_code: str, age: int, today: date) -> Answer:
    """Raises Refused for an unknown municipality."""
    home = reference.municipality(connection, home_code, today)
    return answer_for(view.as_terms(), rule_book_of(connection, view), home, age, today)
