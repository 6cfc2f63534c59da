"""The 20th birthday: the term's place is kept, and what ends at 20 ends with the next term, by the rule book.

Ages are as of the first day of a term. Schools are for children and young people to and including 19 unless
they say otherwise, so at 20 a pupil is an adult (the cooperation's agreement: 7 to 20; Kulturrådet: 6 to 19).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished, TermOpened
from services.contracts.fact import LocalText
from services.contracts.rule_book import Answering, Eligibility, Fee, Pricing, RuleBook
from services.contracts.rule_prices import PriceRule
from services.enrolment import commands, life, queries
from services.enrolment.commands import NewPupil
from services.enrolment.expiry import OfferExpiry
from services.enrolment.life import PupilRecord
from tests.enrolment.story import (
    CIRCUS,
    FIDDLE,
    NORRBY,
    NORRBYS_RULES,
    applied,
    children,
    decide,
    names,
    number,
    request,
    rows_of,
    states,
    tell,
)

BIRTHDAY = date(2027, 3, 1)
# 19 when spring starts, 20 from the first of March.
IDA = NewPupil("ida", number(date(2007, 3, 1)), "Ida", "Lind", NORRBY, None)
AUTUMN = TermOpened("ht27", LocalText("Hösten 2027", "Autumn 2027"), date(2027, 8, 16),
                    date(2027, 12, 17), None, None)  # fmt: skip
FOR_ALL = replace(FIDDLE, min_age=0, max_age=99)
NEXT = replace(FOR_ALL, course_id="next", term_id="ht27", first_lesson_on=date(2027, 8, 20),
               last_lesson_on=date(2027, 12, 10))  # fmt: skip


@pytest.fixture
def ida(storage: Storage) -> Storage:
    with storage.unit() as unit:
        commands.register_pupil(unit, IDA, "the tests")
    tell(storage, FOR_ALL, AUTUMN)
    return storage


def rules(storage: Storage, eligibility: Eligibility, **more: object) -> RuleBook:
    book = replace(NORRBYS_RULES, eligibility=eligibility, **more)  # type: ignore[arg-type]  # its fields
    tell(storage, RuleBookPublished("norrby-2024", book), NEXT)
    return book


def it_is(clock: FixedClock, day: date) -> None:
    clock.time = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


def test_place_offer_and_queue_of_the_term_are_kept(ida: Storage, clock: FixedClock) -> None:
    """The school is for those to 19; Ida was 19 when the term started."""
    rules(ida, Eligibility(6, 19), answering=Answering(answer_days=365))
    tell(ida, replace(CIRCUS, min_age=0, max_age=99))
    applied(ida, "place", "fiddle", "ida")
    applied(ida, "theirs", "circus", "anton")
    applied(ida, "waits", "circus", "ida")
    it_is(clock, BIRTHDAY)
    OfferExpiry(ida).run_once()
    assert (states(ida)["place"], states(ida, "circus")["waits"]) == ("placed", "queued")
    with ida.unit() as unit:
        commands.withdraw(unit, "theirs", "the tests")
    with ida.unit() as unit:
        commands.accept_offer(unit, "waits", "the tests")
    assert states(ida, "circus")["waits"] == "placed"


@pytest.mark.parametrize(
    ("eligibility", "record", "comes_to"),
    [
        (Eligibility(6, 25), {}, "placed"),
        (Eligibility(6, 20), {}, "placed"),
        (Eligibility(6, 19), {}, "pupil_too_old"),
        (Eligibility(6, 19, adult_if_space=True), {}, "placed"),
        (Eligibility(max_age_in_year=20), {}, "placed"),
        (Eligibility(max_age_in_year=19), {}, "pupil_too_old"),
        (Eligibility(max_age_in_year=19, later_max_age_in_year=25), {"later_limit": True}, "placed"),
        # Until leaving upper secondary school: in the year of turning 19 where staff recorded nothing else.
        (Eligibility(until_upper_secondary="leaving"), {}, "pupil_too_old"),
        (Eligibility(until_upper_secondary="leaving"), {"leaves_upper_secondary": 2027}, "pupil_too_old"),
        (Eligibility(until_upper_secondary="leaving"), {"leaves_upper_secondary": 2028}, "placed"),
        (Eligibility(until_upper_secondary="leaving_year"), {"leaves_upper_secondary": 2027}, "placed"),
        (Eligibility(until_upper_secondary="leaving_year"), {}, "pupil_too_old"),
        (Eligibility(until_upper_secondary="leaving", later_max_age_in_year=25), {"later_limit": True},
         "placed"),
    ],
)  # fmt: skip
def test_the_next_term(
    ida: Storage, clock: FixedClock, eligibility: Eligibility, record: dict[str, object], comes_to: str
) -> None:
    rules(ida, eligibility)
    nothing = PupilRecord(
        None, None, later_limit=False, is_teacher=False, has_relief=False, played_before=False
    )
    with ida.unit() as unit:
        known = replace(nothing, **record)  # type: ignore[arg-type]  # its fields
        life.record_pupil(unit, "ida", known, "staff", why="seen")
    it_is(clock, date(2027, 5, 3))
    assert names(decide(ida, request("autumn", "next", "ida"))) == [comes_to]


@pytest.mark.parametrize("eligibility", [Eligibility(), Eligibility(6, 19, adult_if_space=True)])
def test_from_then_on_children_go_first(ida: Storage, clock: FixedClock, eligibility: Eligibility) -> None:
    rules(ida, eligibility, order=("children_before_adults", "queue_date"))
    it_is(clock, date(2027, 5, 3))
    full = children(ida, 3)
    decide(ida, request("p0", "next", full[0]), request("p1", "next", full[1]))
    decide(ida, request("ida", "next", "ida"))
    assert names(decide(ida, request("child", "next", full[2]))) == ["queued 1"]
    with ida.reading() as connection:
        found = queries.application(connection, "ida", date(2027, 5, 3))
    assert found is not None
    assert (found.position, found.ahead) == (2, {"children_before_adults": 1})


def test_and_an_adult_pays_as_one(ida: Storage, clock: FixedClock) -> None:
    adult = PriceRule("adult", LocalText("Vuxna", "Adults"), adult=True, effect="fee_ore", amount=145_000)
    fees = (Fee("instrument", 85_000, LocalText("Instrument", "Instrument")),)
    rules(ida, Eligibility(6, 19, adult_if_space=True), fees=fees, pricing=Pricing(rules=(adult,)))
    applied(ida, "spring", "fiddle", "ida")
    it_is(clock, date(2027, 5, 3))
    applied(ida, "autumn", "next", "ida")
    assert set(rows_of(ida)) == {"spring", "autumn"}
    with ida.reading() as connection:
        spring, autumn = (
            queries.application(connection, each, date(2027, 5, 3)) for each in ("spring", "autumn")
        )
    assert spring is not None
    assert autumn is not None
    assert (spring.fee_ore, autumn.fee_ore) == (85_000, 145_000)
