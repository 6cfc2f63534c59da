from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from services.billing import reactions
from services.billing.queries import flow as flow_queries
from services.billing.queries.flow import HomeFlow
from services.billing.tables import members, places, terms
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import MunicipalityRegistered, TermOpened
from services.contracts.enrolment import ApplicationEnded, PlaceGiven
from services.contracts.fact import Fact, LocalText

NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)
TERM = TermOpened(
    "vt27", LocalText("Vårterminen", "Spring"), date(2027, 1, 11), date(2027, 6, 11), None, None
)


def place(number: int, home: str | None, host: str, term: str = "vt27") -> PlaceGiven:
    return PlaceGiven(f"a{number}", "course", f"p{number}", None, home, host, term, NOON, "a rule")


def ended(number: int, had: str = "place") -> ApplicationEnded:
    return ApplicationEnded(f"a{number}", "course", f"p{number}", None, "withdrawn", had, NOON)


def tell(storage: Storage, *facts: Fact) -> None:
    with storage.unit() as unit:
        for fact in facts:
            reactions.REACTIONS[type(fact)](unit, fact)


def flow(storage: Storage, year: int) -> flow_queries.Flow:
    with storage.reading() as connection:
        return flow_queries.flow_of_year(connection, year)


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
    assert term.homes == {"1962": HomeFlow(1, {"1980": 2, "1983": 1}), "1980": HomeFlow(1, {})}
    assert term.homes["1962"].elsewhere_count == 3
    assert term.not_shown == 1


def test_every_fact_twice_changes_nothing(empty: Storage) -> None:
    facts = (TERM, place(1, "1962", "1980"), place(2, "1962", "1980"), ended(1))
    tell(empty, *facts)
    once = flow(empty, 2027)
    tell(empty, *facts)
    assert flow(empty, 2027) == once
    assert once.terms[0].homes == {"1962": HomeFlow(0, {"1980": 1})}


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
    assert flow(empty, 2027).terms[0].homes == {"1962": HomeFlow(0, {"1980": 1})}


@pytest.mark.parametrize(("year", "of_year", "shown"), [(2025, False, ["vt27"]), (2026, True, ["ht26"])])
def test_a_year_without_places_shows_the_newest_term(
    empty: Storage, year: int, of_year: bool, shown: list[str]
) -> None:
    autumn = replace(TERM, term_id="ht26", starts_on=date(2026, 8, 17), ends_on=date(2026, 12, 18))
    tell(empty, TERM, autumn, place(1, "1962", "1980"), place(2, "1962", "1980", "ht26"))
    found = flow(empty, year)
    assert found.of_year is of_year
    assert [term.term_id for term in found.terms] == shown


def test_no_pupil_is_kept() -> None:
    assert {"pupil_id", "guardian_id"}.isdisjoint(places.c.keys())
