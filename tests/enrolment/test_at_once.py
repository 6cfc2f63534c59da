"""Two things at the same moment, on PostgreSQL: the second waits for the first, and sees what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import eventlet
import pytest

from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import PlaceGiven
from services.contracts.rule_book import Limits
from services.enrolment import ceilings, commands, life, protection
from services.enrolment.admission import decide_applications
from services.enrolment.commands import NewPupil
from services.enrolment.rollover.commands import NewRollover, carry_over
from services.enrolment.rollover.loading import load
from services.enrolment.rounds.commands import NewRound, open_round
from tests.enrolment.rollover.story import autumn_comes
from tests.enrolment.rounds.story import schools_give_places_in_rounds
from tests.enrolment.story import (
    DANCE,
    FIDDLE,
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    SAMIRA,
    SODERBY,
    all_is_well,
    applied,
    children,
    coordination_number,
    decide,
    facts,
    names,
    number,
    request,
    states,
    tell,
)

BORN = date(2016, 4, 5)
STAFF = "staff:19:the tests"


@pytest.fixture
def kind() -> str:
    """SQLite has one writer: there nothing happens at once."""
    return "postgresql"


def meanwhile(storage: Storage, first: Callable[[Unit], Any], second: Callable[[], Any]) -> Any:
    """What `second` comes to, which begins when `first` has done its work and not committed yet."""
    came_to: list[Any] = []

    def late() -> None:
        try:
            came_to.append(second())
        except Refused as refused:
            came_to.append(refused.refusal.name)

    with storage.unit() as unit:
        first(unit)
        thread = eventlet.spawn(late)
        eventlet.sleep(0.3)
        assert came_to == [], "it waits"
    with eventlet.Timeout(20):
        thread.wait()
    return came_to[0]


def test_two_applications_of_a_pupil_who_may_have_one_course(storage: Storage) -> None:
    rules = replace(NORRBYS_RULES, limits=Limits(courses=1))
    tell(storage, RuleBookPublished("norrby-2024", rules), replace(DANCE, weekday=6))
    first = request("a1", "fiddle", "alma")
    second = meanwhile(
        storage,
        lambda unit: decide_applications(unit, [first]),
        lambda: names(decide(storage, request("a2", "dance", "alma"))),
    )
    assert second == ["too_many_courses"]


def test_two_courses_for_the_last_place_that_a_municipality_pays_for(storage: Storage) -> None:
    with storage.unit() as unit:
        ceilings.set_ceiling(unit, SODERBY, "vt27", STAFF, most_places=1, most_ore=None)
    tell(storage, replace(FIDDLE, course_id="viola", weekday=2))
    one, other = children(storage, 2, SODERBY)
    second = meanwhile(
        storage,
        lambda unit: decide_applications(unit, [request("a1", "fiddle", one)]),
        lambda: names(decide(storage, request("a2", "viola", other))),
    )
    assert second == ["queued 1"]


def test_who_withdraws_while_the_term_is_changed_is_asked_to_try_again(storage: Storage) -> None:
    tell(storage, replace(FIDDLE, capacity=1))
    ids = children(storage, 3)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    autumn_comes(storage)

    def carried_over(unit: Unit) -> None:
        digest = load(unit.connection, "ht27", NORRBY, unit.today).given.digest
        carry_over(unit, NewRollover("r1", "ht27", NORRBY, digest, "the tests"), STAFF)

    def withdraw() -> None:
        with storage.unit() as unit:
            commands.withdraw(unit, "a1", "family")

    assert meanwhile(storage, carried_over, withdraw) == "changed_meanwhile"
    assert all_is_well(storage)
    withdraw()
    assert all_is_well(storage)


def test_who_comes_under_protection_while_it_applies(storage: Storage) -> None:
    second = meanwhile(
        storage,
        lambda unit: protection.protect_pupil(unit, "alma", "Eken", STAFF, why="a call"),
        lambda: names(decide(storage, request("a1", "fiddle", "alma", guardian_id=MARIA))),
    )
    assert second == ["pupil_unknown"]  # her guardian's access has ended
    assert facts(storage, PlaceGiven) == []


class TestTwoRecordsOfOneChild:
    @pytest.fixture(autouse=True)
    def _two(self, storage: Storage) -> None:
        for pupil_id, identity, home, guardian in (
            ("temp", coordination_number(BORN), SODERBY, SAMIRA),
            ("real", number(BORN), NORRBY, MARIA),
        ):
            with storage.unit() as unit:
                commands.register_pupil(
                    unit, NewPupil(pupil_id, identity, "Ada", "Ek", home, guardian), STAFF
                )

    def merge(self, unit: Unit) -> None:
        life.correct_identity(unit, "temp", number(BORN), STAFF, scope="19", why="a number came")

    def test_the_one_that_goes_applies_meanwhile(self, storage: Storage) -> None:
        applied(storage, "t1", "circus", "temp")
        second = meanwhile(
            storage,
            self.merge,
            lambda: names(decide(storage, request("new", "fiddle", "real", guardian_id=MARIA))),
        )
        assert second == ["pupil_unknown"]
        assert states(storage) == {}

    def test_the_one_that_has_gone_does_not_come_back(self, storage: Storage) -> None:
        with storage.unit() as unit:
            self.merge(unit)
        answers = decide(
            storage,
            request("gone", "fiddle", "real", guardian_id="real"),
            request("here", "fiddle", "temp", guardian_id=SAMIRA),
        )
        assert names(answers) == ["pupil_unknown", "placed"]


def test_two_rounds_of_a_term_are_not_opened_at_once(storage: Storage) -> None:
    schools_give_places_in_rounds(storage)

    def opens(unit: Unit, round_id: str, scope: str) -> None:
        open_round(unit, NewRound(round_id, "vt27", scope, 3, "a seed", {}), STAFF)

    def second() -> str:
        with storage.unit() as unit:
            opens(unit, "r2", "19")
        return "open"

    assert meanwhile(storage, lambda unit: opens(unit, "r1", NORRBY), second) == "round_going_on"
