"""Which course of the term before a course continues: said in the file, by its key, or not at all."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import cast

import pytest
from werkzeug.test import Client

from services.catalogue import commands
from services.catalogue.domain.course_import import course_id_of
from services.catalogue.domain.terms import spring_term, term_of_id
from services.catalogue.planning import plan_file
from services.catalogue.queries import courses
from services.catalogue.repository import RULE_BOOK
from services.chassis.process import Composition
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.chassis.web.session import LANGUAGE_COOKIE
from services.contracts.rule_book import RuleBook
from tests.catalogue.conftest import Published
from tests.catalogue.small_county import COURSES, NORRBY, TERM, course, course_file, rule_book
from tests.web import sign_in

NEXT = "HT2027"


@pytest.fixture(autouse=True)
def _next_term(storage: Storage) -> None:
    term = term_of_id(NEXT)
    assert term is not None
    with storage.unit() as unit:
        commands.open_term(unit, term)


def with_column(*rows: tuple[str, str]) -> bytes:
    """Norrby's violin course under other keys, with the column that says what each continues."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*course("x"), "continues"])
    writer.writeheader()
    writer.writerows({**course(key), "continues": continues} for key, continues in rows)
    return text.getvalue().encode()


def continued(storage: Storage, data: bytes, term: str = NEXT) -> dict[str, str | None]:
    """By key, what the courses of the file continue once it is imported."""
    with storage.unit() as unit:
        done = commands.import_courses(unit, data, term, "19")
    return {planned.row.course_key: planned.course.continues for planned in done.courses}


def problem(storage: Storage, data: bytes, term: str = NEXT) -> tuple[str, str]:
    with storage.reading() as connection:
        (refusal,) = plan_file(connection, data, term, "19").problems
    return refusal.facts["column"], refusal.reason % refusal.facts


VIOLIN, DANCE = course_id_of(TERM, "norrby-violin"), course_id_of(TERM, "norrby-dance")


def test_the_same_key_goes_on_without_a_word(storage: Storage, published: Published) -> None:
    published()
    assert continued(storage, course_file([COURSES[0], course("norrby-new")])) == {
        "norrby-violin": VIOLIN,
        "norrby-new": None,
    }
    assert [data["continues"] for _, data in published()] == [VIOLIN, None]


@pytest.mark.parametrize(
    ("key", "continues", "found"),
    [
        ("violin-2", "norrby-violin", VIOLIN),
        ("violin-2", "", None),
        ("norrby-violin", "", VIOLIN),
        ("norrby-violin", "no", None),
        ("norrby-violin", "norrby-dance", DANCE),
    ],
)
def test_what_the_column_says(storage: Storage, key: str, continues: str, found: str | None) -> None:
    assert continued(storage, with_column((key, continues))) == {key: found}
    assert continued(storage, with_column((key, continues))) == {key: found}


def test_the_first_term_of_all_continues_nothing(storage: Storage) -> None:
    assert set(continued(storage, course_file([COURSES[0]]), TERM).values()) == {None}
    column, said = problem(storage, with_column(("violin-2", "norrby-violin")), TERM)
    assert column == "continues"
    assert "the term before has no course “norrby-violin”" in said


def test_a_course_that_was_never_there_is_refused_with_its_row(storage: Storage) -> None:
    column, said = problem(storage, with_column(("violin-2", "nothing")))
    assert (column, said) == (
        "continues",
        "Row 2, column continues: the term before has no course “nothing”.",
    )


def test_a_course_of_another_municipality_is_refused(storage: Storage) -> None:
    _, said = problem(storage, with_column(("violin-2", "soderby-cello")))
    assert "soderby-cello is a course of Söderby" in said


def test_the_same_key_of_another_municipality_begins_anew(storage: Storage) -> None:
    assert continued(storage, with_column(("soderby-cello", ""))) == {"soderby-cello": None}


def test_one_course_is_continued_by_one(storage: Storage) -> None:
    """In one file, and beside what is in the catalogue already; all of the file, or nothing."""
    rows = [("violin-2", "norrby-violin"), ("violin-3", "norrby-violin")]
    _, said = problem(storage, with_column(*rows))
    assert said == "Row 3, column continues: the course violin-2 continues norrby-violin already."
    continued(storage, with_column(rows[0]))
    with pytest.raises(Refused) as refused:
        continued(storage, with_column(rows[1]))
    assert refused.value.refusal.facts["other"] == "violin-2"
    # Who has it gives it up, in the same file.
    both = continued(storage, with_column(("violin-2", "no"), rows[1]))
    assert both == {"violin-2": None, "violin-3": VIOLIN}


def test_the_api_says_it(storage: Storage, client: Client) -> None:
    continued(storage, course_file([COURSES[0]]))
    answer = client.get(f"/api/catalogue/courses/{course_id_of(NEXT, 'norrby-violin')}")
    assert answer.json is not None
    assert answer.json["continues"] == VIOLIN
    with storage.reading() as connection:
        assert courses.course(connection, VIOLIN).course.continues is None


def test_the_downloaded_file_is_what_was_imported_and_can_be_the_next_terms(
    storage: Storage, client: Client, composition: Composition
) -> None:
    continued(
        storage, with_column(("norrby-violin", ""), ("dance-2", "norrby-dance"), ("norrby-dance", "no"))
    )
    sign_in(client, composition, role="staff", municipality=NORRBY)
    data = client.get("/courses/import/courses.csv").data
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert {row["course_key"]: row["continues"] for row in rows} == {
        "norrby-violin": "",
        "dance-2": "norrby-dance",
        "norrby-dance": "no",
    }
    with storage.reading() as connection:
        plan = plan_file(connection, data, NEXT, NORRBY)
    assert {planned.outcome for planned in plan.courses} == {"unchanged"}


@pytest.mark.parametrize("name", ["", "VT", "VT27", "XT2027", "VT２０２７", "VT2027x"])
def test_names_of_no_term(name: str) -> None:
    assert term_of_id(name) is None


def test_a_term_by_its_name() -> None:
    assert term_of_id("VT2027") == spring_term(2027)
    found = term_of_id("HT2027")
    assert found is not None
    assert found.starts_on == date(2027, 8, 30)


def test_a_family_reads_when_places_are_given_and_how_many_lessons_there_are(
    storage: Storage, client: Client
) -> None:
    changes = {
        "times": {"main_admission": {"spring": "12-10"}},
    }
    rules = rule_book("norrby", NORRBY, "Norrby kulturskola", **changes)
    with storage.unit() as unit:
        commands.publish_rule_book(unit, cast(RuleBook, RULE_BOOK.load(rules)))
    for language, sentences in (
        (
            "en",
            (
                "Places are given on 10 December 2026. Until then all who apply wait.",
                "Lessons this term",
            ),
        ),
        (
            "sv",
            (
                "Platserna delas ut 10 december 2026.",
                "Lektioner den här terminen",
            ),
        ),
    ):
        client.set_cookie(LANGUAGE_COOKIE, language)
        page = client.get(f"/courses/{VIOLIN}").text
        assert [each for each in sentences if each not in page] == []
        assert "You get the answer at once." not in page
