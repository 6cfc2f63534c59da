"""Importing, publishing and cancelling courses."""

from __future__ import annotations

import pytest

from services.catalogue import checks, commands
from services.catalogue.domain.course_file import read_course_file
from services.catalogue.domain.course_import import course_id_of
from services.catalogue.planning import plan_file
from services.catalogue.queries import courses
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.contracts.fact import LocalText
from tests.catalogue.conftest import Published
from tests.catalogue.small_county import (
    COURSES,
    NORRBY,
    SODERBY,
    SODERBY_ROW,
    TERM,
    UTBY,
    course,
    course_file,
)

REASON = LocalText(sv="Läraren är sjuk.", en="The teacher is ill.")
VIOLIN = course_id_of(TERM, "norrby-violin")


def import_rows(
    storage: Storage, *rows: dict[str, str], scope: str = NORRBY, term: str = TERM
) -> dict[str, int]:
    with storage.unit() as unit:
        return dict(commands.import_courses(unit, course_file(list(rows)), term, scope).counts)


def refused_import(storage: Storage, *rows: dict[str, str], scope: str = NORRBY, term: str = TERM) -> Refused:
    with pytest.raises(Refused) as raised:
        import_rows(storage, *rows, scope=scope, term=term)
    return raised.value


def test_new_changed_and_unchanged(storage: Storage, published: Published) -> None:
    published()
    done = import_rows(storage, COURSES[0], {**COURSES[1], "capacity": "9"}, course("norrby-new"))
    assert done == {"unchanged": 1, "changed": 1, "new": 1}
    assert [data["course_id"] for _, data in published()] == [
        course_id_of(TERM, "norrby-dance"),
        course_id_of(TERM, "norrby-new"),
    ]


def test_a_plan_says_what_would_change_and_changes_nothing(storage: Storage, published: Published) -> None:
    published()
    data = course_file([{**COURSES[0], "room": "Sal 9", "weekday": "2"}])
    with storage.reading() as connection:
        plan = plan_file(connection, data, TERM, NORRBY)
    assert set(plan.courses[0].changes) == {"room", "weekday", "first_lesson_on", "last_lesson_on"}
    assert published() == []


def test_courses_that_the_file_leaves_out_stay(storage: Storage) -> None:
    import_rows(storage, course("norrby-new"))
    with storage.reading() as connection:
        assert not courses.course(connection, VIOLIN).is_cancelled


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"municipality_code": "2222"}, "municipality_code"),
        ({"municipality_code": UTBY}, "municipality_code"),
        ({"art_form": "knitting"}, "art_form"),
        ({"rule_book_id": "nobody"}, "rule_book_id"),
        ({"rule_book_id": "soderby"}, "rule_book_id"),
        ({"rule_book_id": "norrby-2017"}, "rule_book_id"),
        ({"fee_kind": "flying"}, "fee_kind"),
        ({"course_key": "soderby-cello"}, "course_key"),
    ],
)
def test_a_row_that_does_not_fit_what_is_known(
    storage: Storage, published: Published, changes: dict[str, str], column: str
) -> None:
    published()
    refusal = refused_import(storage, course("fine"), {**course("odd"), **changes}, scope="19").refusal
    assert (refusal.name, refusal.facts["row"], refusal.facts["column"]) == (
        "course_file_row_invalid", 3, column,
    )  # fmt: skip
    assert published() == []


def test_the_earliest_broken_row_is_named_first(storage: Storage) -> None:
    rows = [course("one", fee_kind="flying"), course("two", weekday="9")]
    assert refused_import(storage, *rows).refusal.facts["row"] == 2
    assert refused_import(storage, *reversed(rows)).refusal.facts["column"] == "weekday"


def test_another_municipalitys_row_is_refused_by_name(storage: Storage, published: Published) -> None:
    published()
    refusal = refused_import(storage, course("one"), course("two", **SODERBY_ROW)).refusal
    assert refusal.name == "course_file_municipality_not_yours"
    assert refusal.facts == {"row": 3, "municipality": "Söderby", "code": SODERBY}
    assert published() == []


def test_a_key_does_not_reach_another_municipalitys_course(storage: Storage) -> None:
    """A row that says it is mine but has the key of theirs."""
    refusal = refused_import(storage, course("soderby-cello")).refusal
    assert refusal.name == "course_file_municipality_not_yours"


def test_an_unknown_term(storage: Storage) -> None:
    assert refused_import(storage, course("one"), term="VT1999").refusal.name == "term_unknown"


def test_publish_one_course(storage: Storage, published: Published) -> None:
    published()
    row = read_course_file(course_file([course("norrby-solo")]))[0][0]
    for outcome in ("new", "unchanged"):
        with storage.unit() as unit:
            assert commands.publish_course(unit, row, TERM, NORRBY).outcome == outcome
    assert [name for name, _ in published()] == ["course_published"]


def test_cancelling_is_said_once(storage: Storage, published: Published) -> None:
    published()
    for changed in (True, False):
        with storage.unit() as unit:
            assert commands.cancel_course(unit, VIOLIN, REASON, "staff:1901:x") is changed
    assert published() == [
        ("course_cancelled", {"course_id": VIOLIN, "reason": {"sv": REASON.sv, "en": REASON.en}})
    ]
    with storage.reading() as connection:
        assert courses.course(connection, VIOLIN).cancel_reason == REASON
        assert checks.check(connection) == []


def test_an_unknown_course_cannot_be_cancelled(storage: Storage) -> None:
    with storage.unit() as unit, pytest.raises(Refused) as refused:
        commands.cancel_course(unit, "nobody", REASON, "staff:1901:x")
    assert (refused.value.refusal.name, refused.value.refusal.status) == ("course_unknown", 404)


def test_a_cancelled_course_is_not_brought_back_by_a_file(storage: Storage, published: Published) -> None:
    with storage.unit() as unit:
        commands.cancel_course(unit, VIOLIN, REASON, "staff:1901:x")
    published()
    assert import_rows(storage, {**COURSES[0], "room": "Sal 9"}) == {"cancelled": 1}
    assert published() == []
    with storage.reading() as connection:
        assert courses.course(connection, VIOLIN).is_cancelled
