"""Each invariant, broken by hand, is told."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from services.catalogue import commands, tables
from services.catalogue.checks import check
from services.catalogue.domain.course_import import course_id_of
from services.catalogue.repository import RULE_BOOK, rule_book_values
from services.chassis.storage.engine import Storage
from tests.catalogue.small_county import NORRBY, TERM, priced_by_rules, rule_book

VIOLIN = course_id_of(TERM, "norrby-violin")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"municipality_code": "9999"}, "unknown municipality"),
        ({"term_id": "VT1999"}, "unknown term"),
        ({"art_form": "knitting"}, "unknown art form"),
        ({"rule_book_id": "nobody"}, "unknown rule book"),
        ({"rule_book_id": "soderby"}, "another school's rule book"),
        ({"fee_kind": "flying"}, "a fee its rule book lacks"),
    ],
)
def test_a_course_that_refers_to_nothing(storage: Storage, change: dict[str, Any], told: str) -> None:
    with storage.unit() as unit:
        unit.execute(sa.update(tables.courses).where(tables.courses.c.course_id == VIOLIN).values(change))
    with storage.reading() as connection:
        assert any(told in line for line in check(connection))


def test_a_school_may_have_two_rule_books_on_one_day(storage: Storage) -> None:
    again = RULE_BOOK.load(rule_book("norrby-again", NORRBY, "Norrby", valid_from="2025-01-01"))
    with storage.unit() as unit:
        unit.execute(sa.insert(tables.rule_books), rule_book_values(again))
    with storage.reading() as connection:
        assert check(connection) == []


def test_a_kind_that_a_rule_prices_is_no_fault(storage: Storage) -> None:
    """By age, for instance, as in Karlskoga: the book has no fee of the kind itself."""
    with storage.unit() as unit:
        commands.publish_rule_book(unit, RULE_BOOK.load(priced_by_rules()))
    with storage.reading() as connection:
        assert check(connection) == []


def test_all_holds(storage: Storage) -> None:
    with storage.reading() as connection:
        assert check(connection) == []
