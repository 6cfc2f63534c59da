"""Loading a county's files: everything once, and again only what is different."""

from __future__ import annotations

import importlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.catalogue import checks, county
from services.catalogue.domain.course_import import course_id_of
from services.catalogue.queries import courses, reference
from services.catalogue.tables import courses as course_table
from services.chassis.clock import FixedClock
from services.chassis.refusals import Refused
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.contracts.registry import read_fact
from tests.catalogue.conftest import Published
from tests.catalogue.small_county import COURSES, MUNICIPALITIES, RULE_BOOKS, TERM, course, write_county


def test_everything_is_published_once(empty: Storage, folder: Path, published: Published) -> None:
    county.load(empty, folder)
    facts = published()
    assert Counter(name for name, _ in facts) == {
        "municipality_registered": 3, "rule_book_published": 3, "term_opened": 1, "course_published": 4,
    }  # fmt: skip
    for name, data in facts:
        assert read_fact(f"se.samklang.catalogue.{name}.v1", data).dump() == data
    county.load(empty, folder)
    assert published() == []


def test_a_course_is_in_the_term_families_apply_for(storage: Storage) -> None:
    with storage.reading() as connection:
        found = courses.course(connection, course_id_of(TERM, "norrby-violin"))
        term = reference.terms(connection)[TERM]
    assert found.course.term_id == TERM
    assert found.course.first_lesson_on == term.starts_on
    assert found.course.school_name == "Norrby kulturskola"


def test_a_changed_row_publishes_the_change_alone(
    storage: Storage, folder: Path, published: Published
) -> None:
    published()
    write_county(folder, [course("norrby-violin", room="Sal 2"), *COURSES[1:]])
    county.load(storage, folder)
    assert [(name, data["room"]) for name, data in published()] == [("course_published", "Sal 2")]


def test_changed_rules_and_names_are_published(storage: Storage, folder: Path, published: Published) -> None:
    published()
    rules = [*RULE_BOOKS[:2], {**RULE_BOOKS[2], "source": "a new page"}]
    write_county(folder, rule_books=rules, municipalities=MUNICIPALITIES.replace("Utby", "Utbyn"))
    county.load(storage, folder)
    assert [name for name, _ in published()] == ["municipality_registered", "rule_book_published"]


def test_a_fee_that_is_gone_is_gone(storage: Storage, folder: Path) -> None:
    fees = [{"kind": "instrument", "fee_ore": 1, "text": {"sv": "Ny", "en": "New"}}]
    only = [row for row in COURSES if row["fee_kind"] == "instrument"]
    write_county(folder, only, rule_books=[RULE_BOOKS[0], {**RULE_BOOKS[1], "fees": fees}, RULE_BOOKS[2]])
    county.load(storage, folder)
    with storage.reading() as connection:
        assert courses.course(connection, course_id_of(TERM, "norrby-dance")).fee is None
        fee = courses.course(connection, course_id_of(TERM, "norrby-violin")).fee
        assert fee is not None
        assert fee.fee_ore == 1


def test_the_next_term_is_another_set_of_courses(
    storage: Storage, folder: Path, clock: FixedClock, published: Published
) -> None:
    published()
    clock.time = datetime(2027, 5, 3, tzinfo=UTC)
    county.load(storage, folder)
    assert Counter(name for name, _ in published()) == {"term_opened": 1, "course_published": 4}
    with storage.reading() as connection:
        assert list(reference.terms(connection)) == ["VT2027", "HT2027"]
        assert connection.scalar(sa.select(sa.func.count()).select_from(course_table)) == 8


def test_a_broken_file_changes_nothing(empty: Storage, folder: Path, published: Published) -> None:
    write_county(folder, [*COURSES, course("more", fee_kind="flying")])
    with pytest.raises(Refused) as refused:
        county.load(empty, folder)
    assert refused.value.refusal.facts["row"] == 6
    assert published() == []
    with empty.reading() as connection:
        assert reference.municipalities(connection) == {}


def test_the_real_county(empty: Storage, published: Published) -> None:
    county.load(empty, COUNTY_FOLDER)
    facts = Counter(name for name, _ in published())
    assert facts["municipality_registered"] == 10
    assert facts["course_published"] > 80
    county.load(empty, COUNTY_FOLDER)
    assert published() == []
    with empty.reading() as connection:
        assert checks.check(connection) == []
        assert reference.municipality_names(connection, "en")["19"] == "Västmanland County"


def test_checks_are_found_by_their_name() -> None:
    assert importlib.import_module("services.catalogue.checks").check is checks.check
