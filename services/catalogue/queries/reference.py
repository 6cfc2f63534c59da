"""The small tables that most pages need whole: places, art forms, rule books, terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.repository import municipality_of, read_rule_book, term_of
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.catalogue import MunicipalityRegistered, TermOpened
from services.contracts.eligibility import Municipality
from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook


@dataclass(frozen=True, slots=True)
class County:
    code: str
    name: LocalText
    cooperation: LocalText
    region: str


def county(connection: sa.Connection) -> County | None:
    """The county whose files were loaded; None before that."""
    row = connection.execute(sa.select(tables.counties).order_by(tables.counties.c.code)).first()
    if row is None:
        return None
    return County(
        code=row.code,
        name=LocalText(sv=row.name_sv, en=row.name_en),
        cooperation=LocalText(sv=row.cooperation_sv, en=row.cooperation_en),
        region=row.region,
    )


def municipalities(connection: sa.Connection) -> dict[str, MunicipalityRegistered]:
    """By code, in the order of their names."""
    rows = connection.execute(sa.select(tables.municipalities)).all()
    return {row.municipality_code: municipality_of(row) for row in sorted(rows, key=lambda row: row.name)}


def as_member(municipality: MunicipalityRegistered) -> Municipality:
    """What of it the rule of eligibility looks at."""
    return Municipality(
        code=municipality.municipality_code,
        name=municipality.name,
        member_from=municipality.member_from,
        member_to=municipality.member_to,
    )


def municipality(connection: sa.Connection, code: str, today: date) -> Municipality:
    """The municipality, or the one that it is a part of today.

    Raises Refused for a code that the county does not have.
    """
    known = municipalities(connection)
    found = known.get(code)
    seen: set[str] = set()
    while found is not None and _is_gone(found, today) and found.municipality_code not in seen:
        seen.add(found.municipality_code)
        found = known.get(found.succeeded_by or "", found)
    if found is None:
        raise Refused(
            Refusal(
                "municipality_unknown",
                N_("There is no municipality with the code %(code)s in the county."),
                {"code": code},
                status=404,
            )
        )
    return as_member(found)


def _is_gone(municipality: MunicipalityRegistered, today: date) -> bool:
    return municipality.succeeded_on is not None and municipality.succeeded_on <= today


def municipality_names(connection: sa.Connection, language: str) -> dict[str, str]:
    """Names by code, the county's own among them."""
    names = {code: each.name for code, each in municipalities(connection).items()}
    whole = county(connection)
    return names if whole is None else {**names, whole.code: whole.name.in_language(language)}


def art_forms(connection: sa.Connection) -> dict[str, LocalText]:
    """By key, in the order of lists."""
    rows = connection.execute(sa.select(tables.art_forms).order_by(tables.art_forms.c.position))
    return {row.key: LocalText(sv=row.name_sv, en=row.name_en) for row in rows}


def rule_books(connection: sa.Connection, municipality_code: str | None = None) -> dict[str, RuleBook]:
    """By id, the newest first; of one municipality, or of all."""
    books = tables.rule_books
    query = sa.select(books.c.document).order_by(books.c.valid_from.desc(), books.c.rule_book_id)
    if municipality_code is not None:
        query = query.where(books.c.municipality_code == municipality_code)
    found = [read_rule_book(document) for document in connection.scalars(query)]
    return {book.rule_book_id: book for book in found}


def rule_book(connection: sa.Connection, rule_book_id: str) -> RuleBook | None:
    books = tables.rule_books
    document = connection.scalar(sa.select(books.c.document).where(books.c.rule_book_id == rule_book_id))
    return None if document is None else read_rule_book(document)


def terms(connection: sa.Connection) -> dict[str, TermOpened]:
    """By id, the earliest first."""
    rows = connection.execute(sa.select(tables.terms).order_by(tables.terms.c.starts_on))
    return {row.term_id: term_of(row) for row in rows}


def term_before(connection: sa.Connection, term: TermOpened) -> TermOpened | None:
    """The last term that starts before this one."""
    earlier = [each for each in terms(connection).values() if each.starts_on < term.starts_on]
    return earlier[-1] if earlier else None


def hosts_in(connection: sa.Connection, term_id: str) -> dict[str, str]:
    """The host of each course of the term, by the course's key."""
    courses = tables.courses
    query = sa.select(courses.c.course_key, courses.c.municipality_code).where(courses.c.term_id == term_id)
    return {row.course_key: row.municipality_code for row in connection.execute(query)}


def continued_in(connection: sa.Connection, term_id: str) -> dict[str, str]:
    """The keys of the term's courses that go on with one of the term before, by that one's id."""
    courses = tables.courses
    query = sa.select(courses.c.continues, courses.c.course_key).where(
        courses.c.term_id == term_id, courses.c.continues.is_not(None), courses.c.cancelled_at.is_(None)
    )
    return {row.continues: row.course_key for row in connection.execute(query)}


def current_terms(connection: sa.Connection, today: date) -> dict[str, TermOpened]:
    """The terms that are not over."""
    return {term_id: term for term_id, term in terms(connection).items() if term.ends_on >= today}


def latest_term_id(connection: sa.Connection, today: date) -> str:
    """The term to import into where none is said: the last that is not over; empty without one."""
    return next(reversed(current_terms(connection, today)), "")
