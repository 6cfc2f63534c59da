"""What staff should do next about each course, as it is read from what is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.fact import LocalText
from services.contracts.rule_book import Answering
from services.enrolment import ceilings
from services.enrolment.next_actions import next_actions, of_school
from services.enrolment.rounds import commands as round_commands
from services.enrolment.rounds.commands import NewRound
from tests.enrolment.pages.visitor import Visitor, withdraw
from tests.enrolment.story import (
    CANCELLED,
    FIDDLE,
    NORRBY,
    NORRBYS_RULES,
    SODERBY,
    TODAY,
    children,
    decide,
    request,
    tell,
)

BY_STAFF = replace(NORRBYS_RULES, answering=Answering(answer_days=7, offers="by_staff"))


def actions(storage: Storage, today: date = TODAY, municipality: str = NORRBY) -> dict[str, tuple[str, int]]:
    with storage.reading() as connection:
        found = next_actions(connection, today, of_school(municipality))
    return {course_id: (action.name, action.count) for course_id, action in found.items()}


def filled(storage: Storage, count: int = 4, home: str = NORRBY) -> None:
    ids = children(storage, count, home)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))


def test_free_seats_and_a_queue(storage: Storage) -> None:
    tell(storage, RuleBookPublished("norrby-2024", BY_STAFF))
    filled(storage)
    assert actions(storage) == {"dance": ("nothing", 0), "fiddle": ("nothing", 0)}
    tell(storage, replace(FIDDLE, capacity=3))
    assert actions(storage)["fiddle"] == ("offer", 1)
    assert actions(storage, municipality="19")["fiddle"] == ("offer", 1)
    assert actions(storage, municipality=SODERBY) == {"circus": ("nothing", 0)}
    assert actions(storage, date(2028, 1, 1))["fiddle"] == ("nothing", 0)
    tell(storage, CANCELLED)
    assert actions(storage)["fiddle"] == ("nothing", 0)


def test_offers_that_expire(storage: Storage) -> None:
    tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, answering=Answering(7))))
    filled(storage)
    withdraw(storage, "a0")
    assert actions(storage, TODAY + timedelta(days=5))["fiddle"] == ("nothing", 0)
    assert actions(storage, TODAY + timedelta(days=6))["fiddle"] == ("expires_tomorrow", 1)
    assert actions(storage, TODAY + timedelta(days=7))["fiddle"] == ("expires_today", 1)


def test_nobody_may_have_the_free_seat(storage: Storage) -> None:
    with storage.unit() as unit:
        ceilings.set_ceiling(unit, SODERBY, "vt27", "the tests", most_places=1, most_ore=None)
    filled(storage, 3, SODERBY)
    assert actions(storage)["fiddle"] == ("nobody_may", 2)


def test_an_admission_round(storage: Storage) -> None:
    tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, admission="round")))
    assert actions(storage)["fiddle"] == ("open_round", 2)
    with storage.unit() as unit:
        round_commands.open_round(unit, NewRound("r1", "vt27", NORRBY, 3, "seed", {}), "the tests")
    assert actions(storage)["fiddle"] == ("rehearse_round", 2)


def test_as_many_statements_for_a_hundred_courses_as_for_two(storage: Storage) -> None:
    def statements() -> int:
        seen: list[str] = []
        with storage.reading() as connection:
            sa.event.listen(connection, "before_cursor_execute", lambda *given: seen.append(given[2]))
            next_actions(connection, TODAY, of_school(NORRBY))
        return len(seen)

    before = statements()
    tell(storage, *(replace(FIDDLE, course_id=f"more{n}") for n in range(100)))
    assert statements() == before


class TestPages:
    def test_on_the_list_and_on_the_course(self, storage: Storage, staff: Visitor) -> None:
        tell(storage, RuleBookPublished("norrby-2024", BY_STAFF))
        filled(storage)
        tell(storage, replace(FIDDLE, capacity=3))
        for path in ("/staff", "/staff/courses/fiddle"):
            text = staff.reads(path)
            assert "1 seat is free, and 2 wait: offer" in text
            assert 'href="/staff/courses/fiddle/offers"' in text
        assert "Nothing to do" in staff.reads("/staff/courses/dance")
        tell(storage, replace(FIDDLE, course_id="a-course", title=LocalText("A", "A"), capacity=9))
        text = staff.reads("/staff")
        assert text.index("/staff/courses/fiddle/offers") < text.index("/staff/courses/a-course")
        assert "1 plats är ledig, och 2 väntar: erbjud" in staff.reads("/staff", language="sv")

    @pytest.mark.parametrize(
        ("path", "said"),
        [("/staff", "1 offer expires tomorrow"), ("/staff/courses/fiddle", 'id="offers"')],
    )
    def test_an_offer_that_expires(self, storage: Storage, staff: Visitor, path: str, said: str) -> None:
        tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, answering=Answering(1))))
        filled(storage)
        withdraw(storage, "a0")
        assert said in staff.reads(path)
