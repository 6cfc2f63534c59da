"""A school that gives its places on one day: until then all wait, and on it the rule book's order decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished, TermOpened
from services.contracts.enrolment import PlaceOffered
from services.contracts.rule_book import Answering, Times
from services.contracts.rule_dates import TermDays
from services.enrolment import commands
from services.enrolment.expiry import OfferExpiry
from tests.enrolment.conftest import both
from tests.enrolment.rollover.story import NEXT_FIDDLE, autumn_comes, by_pupil, run
from tests.enrolment.story import (
    MARIA,
    NORRBY,
    NORRBYS_RULES,
    TERM,
    applied,
    children,
    decide,
    facts,
    names,
    request,
    rows_of,
    seats,
    states,
    tell,
)
from tests.web import sign_in

ON_10_DECEMBER = Times(main_admission=TermDays(spring="12-10"))


@pytest.fixture(autouse=True)
def _one_day(storage: Storage) -> None:
    """New pupils first, on 10 December, with a week to answer."""
    order = ("new_pupils_first", "queue_date")
    book = replace(NORRBYS_RULES, order=order, times=ON_10_DECEMBER, answering=Answering(answer_days=7))
    tell(storage, RuleBookPublished("norrby-2024", book))


@both
def test_all_wait_until_the_day_and_then_the_order_decides(storage: Storage, clock: FixedClock) -> None:
    ids = children(storage, 3)
    expiry = OfferExpiry(storage)
    answers = decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    assert names(answers) == ["queued 1", "queued 2", "queued 3"]
    assert {row.rule for row in rows_of(storage).values()} == {"main_admission"}
    clock.time = datetime(2026, 12, 9, 22, 59, tzinfo=UTC)
    expiry.run_once()
    assert set(states(storage).values()) == {"queued"}
    clock.time = datetime(2026, 12, 9, 23, 1, tzinfo=UTC)  # 10 December in Sweden
    expiry.run_once()
    assert states(storage) == {"a0": "offered", "a1": "offered", "a2": "queued"}
    assert {fact.answer_by for fact in facts(storage, PlaceOffered)} == {date(2026, 12, 17)}
    expiry.run_once()
    OfferExpiry(storage).run_once()
    assert len(facts(storage, PlaceOffered)) == 2
    assert seats(storage) == (2, 2, 1)


def test_a_new_pupil_goes_before_one_who_came_first(storage: Storage, clock: FixedClock) -> None:
    """Which first come, first served would have decided the other way."""
    ids = children(storage, 2)
    tell(storage, replace(NEXT_FIDDLE, course_id="third", term_id="vt27", continues=None, capacity=1))
    clock.time = datetime(2026, 12, 10, 9, 0, tzinfo=UTC)
    applied(storage, "other", "dance", ids[0])
    clock.time = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    decide(storage, request("old", "third", ids[0]))
    clock.time = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    decide(storage, request("new", "third", ids[1]))
    clock.time = datetime(2026, 12, 10, 9, 0, tzinfo=UTC)
    OfferExpiry(storage).run_once()
    assert states(storage, "third") == {"old": "queued", "new": "offered"}


@pytest.mark.parametrize(
    ("ends_on", "first"),
    [(date(2025, 12, 20), "old"), (date(2026, 12, 20), "new"), (date(2027, 6, 4), "new")],
)
def test_who_left_the_school_terms_ago_is_a_new_pupil(
    storage: Storage, clock: FixedClock, ends_on: date, first: str
) -> None:
    """A place stays where it was given when its term is over: one of the term before counts, no older one."""
    before, after = children(storage, 2)
    began, opened = ends_on - timedelta(days=120), ends_on - timedelta(days=200)
    old_term = TermOpened("then", TERM.name, began, ends_on, opened, ends_on)
    course = replace(NEXT_FIDDLE, continues=None, weekday=4)
    tell(storage, old_term, replace(course, course_id="long-ago", term_id="then"))
    tell(storage, replace(course, course_id="third", term_id="vt27", capacity=1))
    clock.time = datetime.combine(ends_on - timedelta(days=60), time(9), UTC)
    assert applied(storage, "place", "long-ago", before).state == "placed"
    clock.time = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    decide(storage, request("old", "third", before))
    clock.time += timedelta(days=1)
    decide(storage, request("new", "third", after))
    clock.time = datetime(2026, 12, 10, 9, 0, tzinfo=UTC)
    OfferExpiry(storage).run_once()
    offered = {name for name, state in states(storage, "third").items() if state == "offered"}
    assert offered == {first}


def test_from_the_day_on_who_comes_has_a_free_seat_at_once(storage: Storage, clock: FixedClock) -> None:
    clock.time = datetime(2026, 12, 10, 9, 0, tzinfo=UTC)
    assert names(decide(storage, request("a1"))) == ["placed"]


def test_a_seat_that_comes_free_before_the_day_waits_for_it(storage: Storage, clock: FixedClock) -> None:
    for n, each in enumerate(children(storage, 2)):
        applied(storage, f"a{n}", pupil_id=each)
    with storage.unit() as unit:
        commands.withdraw(unit, "a0", "the tests")
    assert states(storage)["a1"] == "queued"
    tell(storage, replace(NEXT_FIDDLE, course_id="fiddle", term_id="vt27", continues=None, capacity=9))
    assert states(storage)["a1"] == "queued"


def test_who_goes_on_needs_no_admission(storage: Storage, clock: FixedClock) -> None:
    """Places that continue are settled before; the seats that are left wait for the day."""
    clock.time = datetime(2026, 12, 10, 9, 0, tzinfo=UTC)
    ids = children(storage, 3)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
    june = Times(main_admission=TermDays(autumn="06-15"))
    autumn_comes(storage, replace(NEXT_FIDDLE, capacity=3), times=june)
    run(storage)
    assert by_pupil(storage) == {ids[0]: "placed", ids[1]: "placed", ids[2]: "queued"}
    clock.time = datetime(2027, 6, 15, 9, 0, tzinfo=UTC)
    OfferExpiry(storage).run_once()
    assert by_pupil(storage)[ids[2]] == "offered"


def test_the_family_reads_it_before_it_applies(
    client: Client, composition: Composition, storage: Storage
) -> None:
    sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
    page = client.get("/apply/fiddle").text
    assert "The school gives its places on 10 December 2026. Until then all who apply wait." in page
    assert "The main admission is" in page
    assert "Put Alma in the queue" in page
    assert "seats are free" not in page
