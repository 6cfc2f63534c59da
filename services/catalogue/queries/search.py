"""Searching the courses of the terms that are not over."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.domain.words import fold, like_pattern, words_of
from services.catalogue.queries import reference
from services.catalogue.queries.courses import CourseView, has_free_places, select_courses, views

PAGE = 20
MOST_PAGES = 10_000
SORTS = ("match", "when", "title")


@dataclass(frozen=True, slots=True)
class Search:
    """None and empty are "any". `home` narrows nothing: it is where the child lives whom one asks for.

    `sort` is `match` (words in the title first, then by the week), `when` or `title`.
    """

    words: str = ""
    art_form: str | None = None
    age: int | None = None
    municipality: str | None = None
    free: bool = False
    term: str | None = None
    home: str | None = None
    sort: str = "match"
    page: int = 1

    def without(self, name: str) -> Search:
        """The same search with one filter taken away, from its first page."""
        default: Any = next(field.default for field in fields(self) if field.name == name)
        return replace(self, **{name: default, "page": 1})

    @property
    def filters(self) -> tuple[str, ...]:
        """The names of the filters that narrow."""
        names = ("words", "art_form", "age", "municipality", "free", "term")
        given = self.parameters()
        return tuple(name for name in names if name in given)

    def parameters(self) -> dict[str, str]:
        """As a query string that finds the same again: only what differs from the defaults."""
        changed = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: "1" if value is True else str(value)
            for name, value in changed.items()
            if value != getattr(Search(), name)
        }


@dataclass(frozen=True, slots=True)
class Results:
    courses: list[CourseView]
    count: int
    page: int
    pages: int


def search(connection: sa.Connection, wanted: Search, today: date, language: str) -> Results:
    """A page of what fits; a page behind the last one is the last one."""
    conditions = _conditions(connection, wanted, today)
    count = _count(connection, conditions)
    pages = max(1, -(-count // PAGE))
    page = min(max(1, wanted.page), pages)
    query = (
        select_courses()
        .where(*conditions)
        .order_by(*_order(wanted, language))
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    rows = connection.execute(query).all() if count else []
    return Results(views(connection, rows), count, page, pages)


def relaxations(connection: sa.Connection, wanted: Search, today: date) -> list[tuple[str, int]]:
    """What each filter alone stands in the way of: its name and how many courses fit without it."""
    found = [
        (name, _count(connection, _conditions(connection, wanted.without(name), today)))
        for name in wanted.filters
    ]
    return [(name, count) for name, count in found if count]


def _count(connection: sa.Connection, conditions: list[sa.ColumnElement[bool]]) -> int:
    courses, seats, books = tables.courses, tables.course_seats, tables.rule_books
    query = (
        sa.select(sa.func.count())
        .select_from(courses)
        .outerjoin(seats, seats.c.course_id == courses.c.course_id)
        .outerjoin(books, books.c.rule_book_id == courses.c.rule_book_id)
        .where(*conditions)
    )
    return connection.scalar(query) or 0


def _conditions(connection: sa.Connection, wanted: Search, today: date) -> list[sa.ColumnElement[bool]]:
    courses = tables.courses
    terms = [
        term
        for term in reference.current_terms(connection, today)
        if wanted.term is None or term == wanted.term
    ]
    conditions: list[sa.ColumnElement[bool]] = [
        courses.c.term_id.in_(terms),
        courses.c.cancelled_at.is_(None),
    ]
    conditions += _words(connection, wanted.words)
    if wanted.art_form is not None:
        conditions.append(courses.c.art_form == wanted.art_form)
    if wanted.municipality is not None:
        conditions.append(courses.c.municipality_code == wanted.municipality)
    if wanted.age is not None:
        conditions += _age(wanted.age)
    if wanted.free:
        conditions.append(has_free_places())
    return conditions


def _words(connection: sa.Connection, query: str) -> list[sa.ColumnElement[bool]]:
    """Every word is in the course's texts, or in the name of its municipality or art form."""
    words = words_of(query)
    if not words:
        return []
    courses = tables.courses
    names = {code: fold(each.name) for code, each in reference.municipalities(connection).items()}
    arts = {key: fold(f"{name.sv} {name.en}") for key, name in reference.art_forms(connection).items()}
    return [
        sa.or_(
            courses.c.search_text.like(like_pattern(word), escape="\\"),
            courses.c.municipality_code.in_([code for code, name in names.items() if word in name]),
            courses.c.art_form.in_([key for key, name in arts.items() if word in name]),
        )
        for word in words
    ]


def _age(age: int) -> list[sa.ColumnElement[bool]]:
    """The course's own limits and the rule book's, as contracts/eligibility.py reads them."""
    courses, books = tables.courses, tables.rule_books
    return [
        courses.c.min_age <= age,
        courses.c.max_age >= age,
        sa.func.coalesce(books.c.min_age, 0) <= age,
        sa.or_(books.c.max_age.is_(None), books.c.max_age == 0, books.c.max_age >= age),
    ]


def _order(wanted: Search, language: str) -> list[sa.ColumnElement[Any]]:
    courses = tables.courses
    title = courses.c.title_sort_en if language == "en" else courses.c.title_sort_sv
    when: list[sa.ColumnElement[Any]] = [courses.c.weekday, courses.c.starts_at, title]
    words = words_of(wanted.words) if wanted.sort == "match" else ()
    if wanted.sort == "title":
        order: list[sa.ColumnElement[Any]] = [title, courses.c.weekday, courses.c.starts_at]
    elif words:
        in_title = sa.and_(*(courses.c.title_text.like(like_pattern(word), escape="\\") for word in words))
        order = [sa.case((in_title, 0), else_=1), *when]
    else:
        order = when
    return [*order, courses.c.course_id]
