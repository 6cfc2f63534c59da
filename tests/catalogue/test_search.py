"""Searching: words, filters, order, pages, and what to relax."""

from __future__ import annotations

import time
from datetime import date

import pytest
import sqlalchemy as sa

from services.catalogue import commands, county
from services.catalogue.domain.course_import import course_id_of
from services.catalogue.queries import courses
from services.catalogue.queries.search import PAGE, Search, relaxations, search
from services.catalogue.reactions import on_course_seats_changed
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import CourseSeatsChanged
from services.contracts.fact import LocalText
from tests.catalogue.small_county import COURSES, NORRBY, SODERBY, TERM, course, course_file

TODAY = date(2026, 11, 24)


def found(storage: Storage, wanted: Search, language: str = "sv") -> list[str]:
    with storage.reading() as connection:
        results = search(connection, wanted, TODAY, language)
    assert results.count == len(results.courses)
    return [view.course.title.sv for view in results.courses]


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("dans", ["Dans för alla"]),
        ("DANS", ["Dans för alla"]),
        ("för", ["Dans för alla"]),
        ("for alla", ["Dans för alla"]),
        ("oboe", ["Oboé"]),
        ("OBOÉ", ["Oboé"]),
        ("ÄNGLAR", ["Cello och änglar"]),
        ("anglar", ["Cello och änglar"]),
        ("polskor", ["Fiol", "Cello och änglar", "Oboé", "Dans för alla"]),
        ("violin", ["Fiol"]),
        ("soderby", ["Cello och änglar", "Oboé"]),
        ("musik söderby cello", ["Cello och änglar"]),
        ("music norrby", ["Fiol"]),
        ("norrby kulturskola", ["Fiol", "Dans för alla"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("'; DROP TABLE courses; --", []),
        ("cello dans", []),
        ("   ", ["Fiol", "Cello och änglar", "Oboé", "Dans för alla"]),
    ],
)
def test_words(storage: Storage, words: str, titles: list[str]) -> None:
    assert found(storage, Search(words=words)) == titles


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        (Search(art_form="dance"), ["Dans för alla"]),
        (Search(municipality=SODERBY), ["Cello och änglar", "Oboé"]),
        (Search(municipality=NORRBY, art_form="music_instrument"), ["Fiol"]),
        (Search(age=7), []),
        (Search(age=8), ["Fiol", "Cello och änglar", "Oboé", "Dans för alla"]),
        (Search(age=13), []),
        (Search(term=TERM), ["Fiol", "Cello och änglar", "Oboé", "Dans för alla"]),
        (Search(term="VT1999"), []),
        (Search(home="1903"), ["Fiol", "Cello och änglar", "Oboé", "Dans för alla"]),
    ],
)
def test_filters(storage: Storage, wanted: Search, titles: list[str]) -> None:
    assert found(storage, wanted) == titles


def test_the_rule_books_age_limits_count_too(storage: Storage) -> None:
    with storage.unit() as unit:
        old = course_file([course("norrby-violin", min_age="3", max_age="99")])
        commands.import_courses(unit, old, TERM, NORRBY)
    assert [age for age in (5, 6, 19, 20) if "Fiol" in found(storage, Search(age=age))] == [6, 19]
    with storage.reading() as connection:
        view = courses.course(connection, course_id_of(TERM, "norrby-violin"))
    assert (view.youngest, view.oldest) == (6, 19)


def test_only_with_free_places(storage: Storage) -> None:
    violin = course_id_of(TERM, "norrby-violin")
    with storage.unit() as unit:
        on_course_seats_changed(unit, CourseSeatsChanged(violin, 5, 5, 3))
        on_course_seats_changed(unit, CourseSeatsChanged(course_id_of(TERM, "norrby-dance"), 5, 4, 0))
    assert found(storage, Search(free=True, municipality=NORRBY)) == ["Dans för alla"]
    assert found(storage, Search(municipality=NORRBY)) == ["Fiol", "Dans för alla"]


def test_cancelled_courses_and_past_terms_are_not_found(storage: Storage) -> None:
    with storage.unit() as unit:
        reason = LocalText(sv="Skäl", en="Reason")
        commands.cancel_course(unit, course_id_of(TERM, "norrby-violin"), reason, "x")
    assert "Fiol" not in found(storage, Search())
    with storage.reading() as connection:
        assert search(connection, Search(), date(2027, 6, 5), "sv").count == 0


def test_titles_sort_in_the_visitors_language(storage: Storage) -> None:
    by_title = Search(sort="title")
    assert found(storage, by_title) == ["Cello och änglar", "Dans för alla", "Fiol", "Oboé"]
    assert found(storage, by_title, "en") == ["Cello och änglar", "Dans för alla", "Oboé", "Fiol"]


def test_swedish_letters_sort_last_on_either_database(storage: Storage) -> None:
    rows = [
        course(f"k{n}", title_sv=title) for n, title in enumerate(["Örat", "zeta", "Ängel", "Åska", "Alt"])
    ]
    with storage.unit() as unit:
        commands.import_courses(unit, course_file(rows), TERM, NORRBY)
    titles = found(storage, Search(sort="title", municipality=NORRBY))
    assert titles == ["Alt", "Dans för alla", "Fiol", "zeta", "Åska", "Ängel", "Örat"]


def test_a_word_in_the_title_comes_before_one_in_the_text(storage: Storage) -> None:
    with storage.unit() as unit:
        rows = [{**COURSES[0], "description_sv": "Ingen cello här."}]
        commands.import_courses(unit, course_file(rows), TERM, NORRBY)
    assert found(storage, Search(words="cello")) == ["Cello och änglar", "Fiol"]
    assert found(storage, Search(words="cello", sort="when")) == ["Fiol", "Cello och änglar"]


def test_what_to_relax(storage: Storage) -> None:
    with storage.reading() as connection:
        wanted = Search(words="cello", municipality=NORRBY, age=9)
        assert search(connection, wanted, TODAY, "sv").count == 0
        assert relaxations(connection, wanted, TODAY) == [("words", 2), ("municipality", 1)]
        assert relaxations(connection, Search(words="nothing"), TODAY) == [("words", 4)]


def test_parameters_find_the_same_again() -> None:
    wanted = Search(words="dans", age=0, free=True, page=3)
    assert wanted.parameters() == {"words": "dans", "age": "0", "free": "1", "page": "3"}
    assert wanted.without("age") == Search(words="dans", free=True)
    assert wanted.filters == ("words", "age", "free")
    assert Search().parameters() == {}


def test_pages(storage: Storage) -> None:
    with storage.unit() as unit:
        rows = [course(f"more-{n:03}") for n in range(45)]
        commands.import_courses(unit, course_file(rows), TERM, NORRBY)
    seen = []
    with storage.reading() as connection:
        for page in (1, 2, 3):
            results = search(connection, Search(page=page), TODAY, "sv")
            assert (results.count, results.pages, results.page) == (49, 3, page)
            seen += [view.course.course_id for view in results.courses]
        behind = search(connection, Search(page=9999), TODAY, "sv")
    assert len(set(seen)) == len(seen) == 49
    assert (behind.page, len(behind.courses)) == (3, 49 - 2 * PAGE)


def test_some_courses_are_as_different_as_can_be(empty: Storage) -> None:
    county.load(empty, COUNTY_FOLDER)
    with empty.reading() as connection:
        some = courses.some_with_free_places(connection, TODAY, 6)
    assert len({view.course.art_form for view in some}) == 6
    assert all(view.free and view.course.shared for view in some)


def test_alternatives_fit_and_have_room(storage: Storage) -> None:
    cello = course_id_of(TERM, "soderby-cello")
    with storage.reading() as connection:
        view = courses.course(connection, course_id_of(TERM, "norrby-violin"))
        assert [v.course.course_id for v in courses.alternatives(connection, view, TODAY, 3)] == [cello]
    with storage.unit() as unit:
        on_course_seats_changed(unit, CourseSeatsChanged(cello, 5, 5, 0))
    with storage.reading() as connection:
        assert courses.alternatives(connection, view, TODAY, 3) == []


def test_ten_thousand_courses_are_searched_quickly(storage: Storage) -> None:
    """Few statements however much is found, and far below what a visitor notices."""
    for part in range(4):
        rows = [
            course(f"many-{part}-{n}", title_sv=f"Kurs {part}-{n}", weekday=str(n % 7 + 1))
            for n in range(2500)
        ]
        with storage.unit() as unit:
            commands.import_courses(unit, course_file(rows), TERM, NORRBY)
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    sa.event.listen(storage.engine, "before_cursor_execute", count)
    slowest = 0.0
    for wanted in (Search(), Search(words="polskor kurs", free=True, age=9), Search(sort="title", page=400)):
        with storage.reading() as connection:
            statements.clear()
            began = time.perf_counter()
            results = search(connection, wanted, TODAY, "sv")
            slowest = max(slowest, time.perf_counter() - began)
        assert len(results.courses) == PAGE
        assert len(statements) <= 9
    assert slowest < 1.0
