"""What a place costs is said once it is given, and again whenever it has become another price."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished
from services.contracts.enrolment import PlacePriced
from services.contracts.fact import LocalText
from services.contracts.rule_book import Eligibility
from services.contracts.rule_prices import PriceRule, Pricing, Rental, Voucher
from services.enrolment import commands, life
from services.enrolment.life import PupilRecord
from services.enrolment.pricer import Pricer, price_places
from services.enrolment.tables import applications, pupils
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    NOW,
    SODERBY,
    children,
    decide,
    facts,
    request,
    tell,
)

TEXT = LocalText("Regeln", "The rule")
RULES = (
    PriceRule("sibling", TEXT, "percent", 50, child_from=2),
    PriceRule("relief", TEXT, "fee_ore", 10000, with_relief=True),
)
PRICING = Pricing(rules=RULES, rental=Rental(38000, TEXT, max_school_years=2), voucher=Voucher(TEXT, 0, 120))


def rules(storage: Storage, pricing: Pricing = PRICING) -> None:
    tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, pricing=pricing)))


def price(storage: Storage, most: int = 100) -> list[PlacePriced]:
    """What is newly said."""
    before = len(facts(storage, PlacePriced))
    with storage.unit() as unit:
        price_places(unit, most)
    return facts(storage, PlacePriced)[before:]


def do(storage: Storage, command: Any, *arguments: Any, **more: Any) -> None:
    with storage.unit() as unit:
        command(unit, *arguments, **more)


@both
def test_a_place_is_priced_line_by_line(storage: Storage) -> None:
    rules(storage)
    decide(storage, request("a1", pupil_id="alma", guardian_id=MARIA))
    (fact,) = price(storage)
    assert (fact.application_id, fact.guardian_id, fact.home_municipality) == ("a1", MARIA, NORRBY)
    assert [(line.rule, line.amount_ore) for line in fact.lines] == [("norrby-2024/fees/instrument", 85000)]
    assert (fact.total_ore, fact.child_number, fact.course_number) == (85000, 1, 1)
    assert (fact.rents, fact.rental_ore, fact.voucher_ore, fact.priced_at) == (None, 0, 0, NOW)
    assert price(storage) == []


def test_only_places_are_priced(storage: Storage) -> None:
    rules(storage)
    ids = children(storage, 3)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    assert [fact.application_id for fact in price(storage)] == ["a0", "a1"]


def test_the_second_child_becomes_the_first_when_the_first_gives_up_its_place(storage: Storage) -> None:
    rules(storage)
    first, second = children(storage, 2, guardian=MARIA)
    decide(storage, request("a1", pupil_id=first))
    decide(storage, request("a2", pupil_id=second))
    assert [(fact.application_id, fact.total_ore, fact.child_number) for fact in price(storage)] == [
        ("a1", 85000, 1),
        ("a2", 42500, 2),
    ]
    do(storage, commands.withdraw, "a1", "a test")
    assert [(fact.application_id, fact.total_ore, fact.child_number) for fact in price(storage)] == [
        ("a2", 85000, 1)
    ]


def test_who_waited_first_and_got_the_seat_last_is_the_second_child(
    storage: Storage, clock: FixedClock
) -> None:
    """A place keeps its price when a brother or sister gets one."""
    rules(storage)
    strangers = children(storage, 2, SODERBY)
    first, second = children(storage, 2, guardian=MARIA)
    decide(storage, *(request(f"s{n}", pupil_id=each) for n, each in enumerate(strangers)))
    decide(storage, request("waits", pupil_id=first))
    clock.time += timedelta(days=1)
    decide(storage, request("dance", "dance", pupil_id=second))
    assert {fact.application_id: fact.total_ore for fact in price(storage)}["dance"] == 85000
    clock.time += timedelta(days=1)
    do(storage, commands.withdraw, "s0", "a test")
    do(storage, commands.accept_offer, "waits", "a test")
    assert [(fact.application_id, fact.child_number) for fact in price(storage)] == [("waits", 2)]


def test_of_a_protected_pupil_neither_guardian_nor_home_is_said(storage: Storage) -> None:
    rules(storage)
    decide(storage, request("a1", pupil_id="clover"))
    (fact,) = price(storage)
    assert (fact.guardian_id, fact.home_municipality, fact.total_ore) == (None, None, 85000)


def test_a_decision_on_relief_is_another_price(storage: Storage) -> None:
    rules(storage)
    decide(storage, request("a1", pupil_id="alma"))
    price(storage)
    record = PupilRecord(None, None, False, False, has_relief=True, played_before=False)
    do(storage, life.record_pupil, "alma", record, "a test", why="low income")
    assert [fact.total_ore for fact in price(storage)] == [10000]
    do(storage, life.record_pupil, "alma", replace(record, played_before=True), "a test", why="seen")
    assert price(storage) == []


def test_many_are_priced_a_part_at_a_time(storage: Storage) -> None:
    rules(storage)
    ids = children(storage, 5)
    decide(storage, *(request(f"a{n}", "dance", pupil_id=each) for n, each in enumerate(ids)))
    with storage.unit() as unit:
        assert price_places(unit, 3) == 3
    assert len(facts(storage, PlacePriced)) == 3
    pricer = Pricer(storage, lambda _now: False)
    assert pricer.run_once() > 0
    assert len(facts(storage, PlacePriced)) == 5


def test_prices_wait_while_families_do(storage: Storage) -> None:
    rules(storage)
    decide(storage, request("a1", pupil_id="alma"))
    assert Pricer(storage, lambda _now: True).run_once() > 0
    assert facts(storage, PlacePriced) == []


def test_a_teacher_pays_on_a_study_day_what_the_book_says_and_no_adults_fee(storage: Storage) -> None:
    adults = PriceRule("adult", TEXT, "fee_ore", 145000, adult=True)
    book = replace(
        NORRBYS_RULES,
        eligibility=Eligibility(adult_if_space=True, teacher_kinds=("instrument",)),
        pricing=Pricing(rules=(adults,)),
    )
    tell(storage, RuleBookPublished("norrby-2024", book))
    with storage.unit() as unit:
        unit.execute(
            sa.update(pupils)
            .where(pupils.c.pupil_id == "alma")
            .values(born_on=date(1986, 1, 1), is_teacher=True)
        )
    decide(storage, request("a1", pupil_id="alma", guardian_id="alma"))
    assert [fact.total_ore for fact in price(storage)] == [85000]


def test_a_course_without_a_fee_is_not_priced(storage: Storage) -> None:
    decide(storage, request("a1", "circus", pupil_id="noor"))
    assert price(storage) == []
    with storage.reading() as connection:
        assert connection.scalar(sa.select(applications.c.priced))


@pytest.mark.parametrize("kind", ["postgresql"])
def test_it_waits_for_nobody_who_records_a_move(storage: Storage) -> None:
    """Who moves a pupil locks it, and then wants the rows that the pricer has: nobody waits in a ring."""
    decide(storage, request("a1"))
    with storage.unit() as unit:
        unit.rows(sa.select(pupils).where(pupils.c.pupil_id == "alma").with_for_update())
        with eventlet.Timeout(10, AssertionError("the pricer waits for the pupil")):
            assert [each.application_id for each in price(storage)] == ["a1"]
