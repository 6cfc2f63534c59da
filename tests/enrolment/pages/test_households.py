"""Brothers and sisters by address: who lives together, without an address being kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import PlacePriced
from services.contracts.fact import LocalText
from services.contracts.rule_prices import PriceRule, Pricing
from services.enrolment import commands, life
from services.enrolment.commands import NewPupil
from services.enrolment.households import share_household
from services.enrolment.pricer import price_places
from services.enrolment.tables import pupils
from tests.enrolment.commands.doing import refused
from tests.enrolment.pages.visitor import Visitor
from tests.enrolment.story import (
    CLOVER,
    MARIA,
    NOOR,
    NORRBY,
    NORRBYS_RULES,
    SAMIRA,
    SODERBY,
    decide,
    facts,
    number,
    request,
    tell,
)

TEXT = LocalText("Syskon", "Siblings")
EBBA = NewPupil("ebba", number(date(2016, 1, 1)), "Ebba", "Ek", NORRBY, SAMIRA)  # Alma's stepsister
OLLE = NewPupil("olle", number(date(2016, 1, 2)), "Olle", "Hellström", NORRBY, MARIA)  # Alma's brother


@pytest.fixture(autouse=True)
def _by_address(storage: Storage) -> None:
    by(storage, "address")
    for pupil in (EBBA, OLLE):
        do(storage, commands.register_pupil, pupil, "a test")


def by(storage: Storage, siblings_by: str) -> None:
    rule = PriceRule("sibling", TEXT, "percent", 50, child_from=2)
    book = replace(NORRBYS_RULES, pricing=Pricing(rules=(rule,), siblings_by=siblings_by))
    tell(storage, RuleBookPublished("norrby-2024", book))


def do(storage: Storage, command: Any, *arguments: Any, **more: Any) -> None:
    with storage.unit() as unit:
        command(unit, *arguments, **more)


def steps(storage: Storage) -> dict[str, int]:
    """Which child each pupil with a place is, as it was said last. Of places of one moment the older child's
    is first: Alma is the youngest."""
    do(storage, price_places, 100)
    return {fact.pupil_id: fact.child_number for fact in facts(storage, PlacePriced)}


def places(storage: Storage, *pupil_ids: str) -> None:
    for each in pupil_ids:
        decide(storage, request(each, "dance", pupil_id=each))


def lives_with(storage: Storage, pupil_id: str, with_number: str) -> None:
    do(storage, share_household, pupil_id, with_number, "a test", why="the register")


def test_a_guardian_and_a_municipality_in_common_count_while_nothing_is_recorded(storage: Storage) -> None:
    places(storage, "alma", "olle", "ebba")
    assert steps(storage) == {"alma": 2, "olle": 1, "ebba": 1}


def test_one_who_lives_in_another_municipality_does_not(storage: Storage) -> None:
    places(storage, "alma", "olle")
    assert steps(storage)["alma"] == 2
    do(storage, life.move_pupil, "alma", SODERBY, date(2026, 11, 1), "a test", why="moved to its father")
    assert steps(storage) == {"alma": 1, "olle": 1}


def test_by_guardian_the_same_family_counts_wherever_it_lives(storage: Storage) -> None:
    by(storage, "guardian")
    places(storage, "alma", "olle", "ebba")
    lives_with(storage, "ebba", number(date(2017, 3, 14)))
    do(storage, life.move_pupil, "alma", SODERBY, date(2026, 11, 1), "a test", why="moved")
    assert steps(storage) == {"alma": 2, "olle": 1, "ebba": 1}


def test_who_is_recorded_to_live_together_counts_whoever_the_guardians_are(storage: Storage) -> None:
    places(storage, "alma", "ebba")
    assert steps(storage) == {"alma": 1, "ebba": 1}
    lives_with(storage, "ebba", number(date(2017, 3, 14)))
    assert steps(storage) == {"alma": 2, "ebba": 1}


def test_who_lives_with_no_other_pupil_is_the_first_child(storage: Storage) -> None:
    places(storage, "alma", "olle")
    assert steps(storage) == {"alma": 2, "olle": 1}
    lives_with(storage, "olle", "")
    assert steps(storage) == {"alma": 1, "olle": 1}


def test_a_move_ends_the_household(storage: Storage) -> None:
    places(storage, "alma", "ebba")
    lives_with(storage, "ebba", number(date(2017, 3, 14)))
    assert steps(storage)["alma"] == 2
    do(storage, life.move_pupil, "alma", SODERBY, date(2026, 11, 1), "a test", why="moved")
    assert steps(storage)["alma"] == 1


@pytest.mark.parametrize(
    ("pupil", "with_number", "name"),
    [
        ("alma", "not a number", "personal_identity_invalid"),
        ("alma", number(date(2019, 9, 9)), "nobody_with_number"),
        ("alma", number(date(2017, 3, 14)), "nobody_with_number"),
        ("alma", NOOR.personal_identity, "other_municipality"),
        ("noor", CLOVER.personal_identity, "household_protected"),
        ("nobody", "", "pupil_unknown"),
    ],
)
def test_what_cannot_be_recorded(storage: Storage, pupil: str, with_number: str, name: str) -> None:
    refusal = refused(storage, lambda unit: share_household(unit, pupil, with_number, "a test", why="a test"))
    assert refusal.name == name
    with storage.reading() as connection:
        assert set(connection.scalars(sa.select(pupils.c.household))) == {None}


def test_staff_record_it_on_the_pupils_page(storage: Storage, visitor: Visitor) -> None:
    staff = visitor.is_staff()
    page = "/staff/pupils/ebba"
    assert "those with a guardian and a home municipality in common count" in staff.reads(page)
    staff.sends(f"{page}/household", with_number=number(date(2017, 3, 14)), why="seen in the register")
    assert "Recorded: Alma Hellström." in staff.reads(page)
    assert "Antecknat: Alma Hellström." in staff.reads(page, language="sv")
    staff.sends(f"{page}/household", with_number="", why="moved out")
    assert "Recorded: lives with no other pupil." in staff.reads(page)
    assert "Of a pupil" not in staff.reads(page)
    answer = staff.sends(f"{page}/household", 422, with_number=NOOR.personal_identity, why="seen")
    assert "registered in different municipalities" in answer.text
    visitor.is_staff(SODERBY).sends(f"{page}/household", 403, with_number="", why="not theirs")
