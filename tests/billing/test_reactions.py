from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import permutations

import pytest
import sqlalchemy as sa

from services.billing import reactions
from services.billing.copy_tables import (
    courses,
    members,
    place_stays,
    place_subjects,
    places,
    pupil_moves,
    terms,
)
from services.billing.flow_checks import check_flow
from services.billing.queries import flow as flow_queries
from services.billing.queries.flow import HomeFlow
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import CoursePublished, MunicipalityRegistered, TermOpened
from services.contracts.enrolment import (
    ApplicationEnded,
    PlaceGiven,
    PupilMoved,
    PupilProtectionChanged,
    PupilsMerged,
)
from services.contracts.envelope import envelop
from services.contracts.fact import Fact, LocalText

NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)
TERM = TermOpened(
    "vt27", LocalText("Vårterminen", "Spring"), date(2027, 1, 11), date(2027, 6, 11), None, None
)


def place(number: int, home: str | None, host: str, term: str = "vt27") -> PlaceGiven:
    return PlaceGiven(f"a{number}", "course", f"p{number}", None, home, host, term, NOON, "a rule")


def ended(number: int, had: str = "place") -> ApplicationEnded:
    return ApplicationEnded(f"a{number}", "course", f"p{number}", None, "withdrawn", had, NOON)


def tell(storage: Storage, *facts: Fact, first: int = 1) -> None:
    """As the worker does; `first` is the number of the first fact in its stream."""
    with storage.unit() as unit:
        for number, fact in enumerate(facts, start=first):
            unit.because_of(
                envelop(
                    fact,
                    message_id=f"m{number}",
                    sequence=number,
                    now=NOON,
                    correlation_id="c",
                    causation_id=None,
                    traceparent=None,
                )
            )
            reactions.REACTIONS[type(fact)](unit, fact)


def flow(storage: Storage, year: int) -> flow_queries.Flow:
    with storage.reading() as connection:
        return flow_queries.flow_of_year(connection, year)


def check(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return check_flow(connection)


def test_a_municipality_is_kept_as_it_was_last_said(empty: Storage) -> None:
    first = MunicipalityRegistered("1907", "Surahammar", None, None, None)
    joined = replace(first, member_from=date(2027, 1, 1))
    tell(empty, first, joined, joined)
    with empty.reading() as connection:
        assert connection.execute(sa.select(members)).all() == [
            ("1907", "Surahammar", date(2027, 1, 1), None)
        ]


def test_a_term_is_kept_as_it_was_last_said(empty: Storage) -> None:
    tell(empty, TERM, replace(TERM, ends_on=date(2027, 6, 18)))
    with empty.reading() as connection:
        assert connection.execute(sa.select(terms)).all() == [
            ("vt27", "Vårterminen", "Spring", date(2027, 1, 11), date(2027, 6, 18))
        ]


def test_places_are_counted_by_home_and_host(empty: Storage) -> None:
    tell(
        empty,
        TERM,
        place(1, "1962", "1980"),
        place(2, "1962", "1980"),
        place(3, "1962", "1983"),
        place(4, "1962", "1962"),
        place(5, "1980", "1980"),
        place(6, None, "1980"),
    )
    (term,) = flow(empty, 2027).terms
    assert term.homes == {"1962": HomeFlow(1000, {"1980": 2000, "1983": 1000}), "1980": HomeFlow(1000, {})}
    assert term.homes["1962"].elsewhere_thousandths == 3000
    assert (term.not_shown, term.places, term.split) == (1, 6, 0)


def test_every_fact_twice_changes_nothing(empty: Storage) -> None:
    facts = (TERM, place(1, "1962", "1980"), place(2, "1962", "1980"), ended(1))
    tell(empty, *facts)
    once = flow(empty, 2027)
    tell(empty, *facts)
    assert flow(empty, 2027) == once
    assert once.terms[0].homes == {"1962": HomeFlow(0, {"1980": 1000})}


def test_an_ended_place_counts_no_more(empty: Storage) -> None:
    tell(empty, TERM, place(1, "1962", "1980"), ended(1))
    assert flow(empty, 2027).terms == ()


def test_the_end_of_an_application_without_a_place_is_nothing(empty: Storage) -> None:
    tell(empty, ended(1, had="queue"))
    with empty.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(places)) == 0


def test_places_may_arrive_before_their_term(empty: Storage) -> None:
    tell(empty, place(1, "1962", "1980"))
    assert flow(empty, 2027).terms == ()
    tell(empty, TERM)
    assert flow(empty, 2027).terms[0].homes == {"1962": HomeFlow(0, {"1980": 1000})}


@pytest.mark.parametrize(("year", "of_year", "shown"), [(2025, False, ["vt27"]), (2026, True, ["ht26"])])
def test_a_year_without_places_shows_the_newest_term(
    empty: Storage, year: int, of_year: bool, shown: list[str]
) -> None:
    autumn = replace(TERM, term_id="ht26", starts_on=date(2026, 8, 17), ends_on=date(2026, 12, 18))
    tell(empty, TERM, autumn, place(1, "1962", "1980"), place(2, "1962", "1980", "ht26"))
    found = flow(empty, year)
    assert found.of_year is of_year
    assert [term.term_id for term in found.terms] == shown


def moved(number: int, home: str, to: str, day: date) -> PupilMoved:
    return PupilMoved(f"p{number}", home, to, day)


MOVE = moved(1, "1962", "1907", date(2027, 3, 1))
# 11 January to 28 February are 49 of the 152 days of TERM.
SPLIT = {"1907": HomeFlow(0, {"1980": 678}), "1962": HomeFlow(0, {"1980": 322})}


@pytest.mark.parametrize("order", list(permutations((TERM, place(1, "1962", "1980"), MOVE))))
def test_a_move_splits_the_place_in_whatever_order_it_is_told(
    empty: Storage, order: tuple[Fact, ...]
) -> None:
    tell(empty, *order)
    tell(empty, *order)
    (term,) = flow(empty, 2027).terms
    assert term.homes == SPLIT
    assert (term.places, term.split) == (1, 1)
    assert check(empty) == []


def test_a_move_splits_only_the_places_of_the_pupil_in_the_term(empty: Storage) -> None:
    autumn = replace(TERM, term_id="ht26", starts_on=date(2026, 8, 17), ends_on=date(2026, 12, 18))
    given_before = replace(place(2, "1962", "1980", "ht26"), pupil_id="p1")
    tell(empty, autumn, TERM, place(1, "1962", "1980"), given_before, place(3, "1962", "1980"), MOVE)
    assert flow(empty, 2026).terms[0].homes == {"1962": HomeFlow(0, {"1980": 1000})}
    (term,) = flow(empty, 2027).terms
    assert term.homes == {"1907": HomeFlow(0, {"1980": 678}), "1962": HomeFlow(0, {"1980": 1322})}


def test_a_term_with_other_days_weighs_the_parts_anew(empty: Storage) -> None:
    tell(empty, TERM, place(1, "1962", "1980"), MOVE, replace(TERM, ends_on=date(2027, 2, 28)))
    assert flow(empty, 2027).terms[0].homes == {"1962": HomeFlow(0, {"1980": 1000})}
    assert check(empty) == []


def test_a_move_that_is_told_again_does_not_come_after_a_later_one(empty: Storage) -> None:
    back = moved(1, "1907", "1962", date(2027, 3, 1))
    facts = (TERM, place(1, "1962", "1980"), MOVE, back)
    tell(empty, *facts)
    tell(empty, *facts)
    assert flow(empty, 2027).terms[0].homes == {"1962": HomeFlow(0, {"1980": 1000})}


def test_a_place_that_was_split_ends_whole(empty: Storage) -> None:
    tell(empty, TERM, place(1, "1962", "1980"), MOVE, ended(1))
    assert flow(empty, 2027).terms == ()
    assert check(empty) == []


def test_a_place_that_ended_after_its_term_was_held_in_it(empty: Storage) -> None:
    after = replace(ended(1), ended_at=datetime(2027, 6, 11, 22, 0, tzinfo=UTC))  # midnight in Sweden
    before = replace(ended(2), ended_at=datetime(2027, 6, 11, 21, 59, tzinfo=UTC))
    tell(empty, TERM, place(1, "1962", "1980"), place(2, "1962", "1980"), after, before)
    assert flow(empty, 2027).terms[0].homes == {"1962": HomeFlow(0, {"1980": 1000})}
    with empty.reading() as connection:
        facts = flow_queries.facts_behind(connection, "vt27", "1962", "1980")
    assert [(each.application_id, each.counts) for each in facts] == [("a1", True), ("a2", False)]


@pytest.mark.parametrize("merged_first", [True, False])
def test_merged_records_are_one_pupil_who_moved(empty: Storage, merged_first: bool) -> None:
    merge = PupilsMerged("p1", "p2")
    others = (place(2, "1962", "1980"), MOVE)
    tell(empty, TERM, *((merge, *others) if merged_first else (*others, merge)))
    assert flow(empty, 2027).terms[0].homes == SPLIT
    tell(empty, PupilsMerged("p9", "p1"), moved(9, "1907", "1980", date(2027, 6, 11)), first=9)
    assert "1980" in flow(empty, 2027).terms[0].homes
    assert check(empty) == []


def test_a_protected_place_has_neither_home_nor_pupil_nor_parts(empty: Storage) -> None:
    """Its pupil's move would say where it lived: a fact that says one changes nothing."""
    tell(empty, TERM, place(1, None, "1980"), MOVE)
    (term,) = flow(empty, 2027).terms
    assert (term.homes, term.not_shown, term.split) == ({}, 1, 0)
    with empty.reading() as connection:
        assert connection.scalars(sa.select(places.c.home_municipality)).all() == [None]
        assert connection.scalars(sa.select(place_subjects.c.pupil_id)).all() == [None]
        assert connection.execute(sa.select(place_stays)).all() == []


def test_a_home_that_is_protected_later_is_shown_no_more(empty: Storage) -> None:
    told = (TERM, place(1, "1962", "1980"), MOVE, place(1, None, "1980"))
    tell(empty, *told)
    tell(empty, *told)
    (term,) = flow(empty, 2027).terms
    assert (term.homes, term.not_shown) == ({}, 1)
    with empty.reading() as connection:
        assert connection.scalars(sa.select(place_subjects.c.pupil_id)).all() == [None]
    assert check(empty) == []


PROTECTED = PupilProtectionChanged("p1", is_protected=True)


@pytest.mark.parametrize(
    "order", list(permutations((place(1, "1962", "1980"), MOVE, PROTECTED, PupilsMerged("p1", "p2"))))
)
def test_a_pupil_who_is_protected_later_is_forgotten_in_whatever_order_it_is_told(
    empty: Storage, order: tuple[Fact, ...]
) -> None:
    tell(empty, TERM, place(3, "1962", "1980"), *order)
    tell(empty, TERM, place(3, "1962", "1980"), *order)
    (term,) = flow(empty, 2027).terms
    assert (term.homes, term.not_shown, term.split) == ({"1962": HomeFlow(0, {"1980": 1000})}, 1, 0)
    with empty.reading() as connection:
        assert set(connection.scalars(sa.select(place_subjects.c.pupil_id))) == {None, "p3"}
        assert connection.execute(sa.select(place_stays)).all() == []
    assert check(empty) == []


def test_with_the_pupil_its_moves_other_records_and_guardian_are_forgotten(empty: Storage) -> None:
    merged = replace(place(2, "1962", "1980"), pupil_id="p2")
    told = (TERM, place(1, "1962", "1980"), merged, PupilsMerged("p1", "p2"), MOVE, PROTECTED)
    tell(empty, *told)
    (term,) = flow(empty, 2027).terms
    assert (term.homes, term.not_shown) == ({}, 2)
    with empty.reading() as connection:
        assert connection.execute(sa.select(pupil_moves)).all() == []
    assert check(empty) == []


def test_after_the_end_of_a_protection_nothing_comes_back_but_what_is_new(empty: Storage) -> None:
    over = replace(PROTECTED, is_protected=False)
    told = (TERM, place(1, "1962", "1980"), PROTECTED, over)
    tell(empty, *told)
    tell(empty, replace(place(2, "1907", "1980"), pupil_id="p1"), first=9)
    tell(empty, *told)
    (term,) = flow(empty, 2027).terms
    assert (term.homes, term.not_shown) == ({"1907": HomeFlow(0, {"1980": 1000})}, 1)


def test_of_a_pupil_an_id_is_kept_and_of_a_guardian_nothing() -> None:
    assert {"pupil_id", "guardian_id"}.isdisjoint(places.c.keys())
    assert set(place_subjects.c.keys()) == {"application_id", "sequence", "pupil_id", "course_id"}
    assert set(pupil_moves.c.keys()) == {
        *("sequence", "pupil_id", "from_municipality", "to_municipality", "moved_on")
    }


def test_facts_handled_together_are_as_those_handled_one_by_one(empty: Storage) -> None:
    """A unit reckons the parts once, at its end, with all that its facts have said."""
    facts = (
        place(1, "1962", "1980"),
        MOVE,
        place(2, "1962", "1980"),
        moved(2, "1962", "1983", NOON.date()),
        TERM,
    )
    for number, fact in enumerate(facts, start=1):
        tell(empty, fact, first=number)
    one_by_one = flow(empty, 2027)
    tell(empty, *facts)
    assert flow(empty, 2027) == one_by_one
    assert one_by_one.terms[0].homes == {**SPLIT, "1983": HomeFlow(0, {"1980": 1000})}
    assert check(empty) == []


def test_the_kind_of_a_course_is_kept_as_it_was_last_said(empty: Storage) -> None:
    course = course_fact("course", "instrument")
    tell(empty, course, replace(course, fee_kind="ensemble"))
    with empty.reading() as connection:
        assert connection.execute(sa.select(courses)).all() == [("course", "ensemble")]


def course_fact(course_id: str, fee_kind: str) -> CoursePublished:
    text = LocalText("Fiol", "Violin")
    day = date(2027, 1, 12)
    return CoursePublished(
        *(course_id, "vt27", "1980", "Kulturskolan", text, text, "music", fee_kind, 2, "16:00", 40, day, day),
        *("Sal 1", 7, 19, 10, True, "book"),
    )
