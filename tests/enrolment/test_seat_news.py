"""How full courses are is said a moment after it has changed, once for all that changed it."""

from __future__ import annotations

import time
from collections.abc import Callable

import eventlet
import pytest

from services.chassis.storage.engine import Storage
from services.contracts.enrolment import CourseSeatsChanged
from services.enrolment import repository
from services.enrolment.seat_news import APART_IN_A_RUSH_SECONDS, REST_SECONDS, SeatNews, say_seats
from tests.enrolment.conftest import both
from tests.enrolment.story import decide, facts, request, seats_said


@pytest.fixture
def applied(storage: Storage) -> Storage:
    """A place on fiddle, a place and one who waits on circus; nothing said of it yet."""
    seats_said(storage)
    decide(storage, request("a1", pupil_id="alma"))
    decide(storage, request("a2", "circus", "noor"), request("a3", "circus", "alma"))
    return storage


def said(storage: Storage) -> list[CourseSeatsChanged]:
    return facts(storage, CourseSeatsChanged)


def news(storage: Storage, is_rush: Callable[[float], bool] = lambda _now: False) -> SeatNews:
    return SeatNews(storage, is_rush)


@both
def test_one_fact_says_what_came_of_many_decisions(applied: Storage) -> None:
    before = said(applied)
    assert news(applied).run_once() == REST_SECONDS
    assert said(applied)[len(before) :] == [
        CourseSeatsChanged("circus", 1, 1, 1),
        CourseSeatsChanged("fiddle", 2, 1, 0),
    ]


def test_what_has_been_said_is_not_said_again(applied: Storage) -> None:
    news(applied).run_once()
    before = said(applied)
    news(applied).run_once()
    assert said(applied) == before


def test_many_courses_are_said_a_part_at_a_time(applied: Storage) -> None:
    before = len(said(applied))
    with applied.unit() as unit:
        assert say_seats(unit, 1) == 1
    with applied.unit() as unit:
        assert say_seats(unit, 1) == 1
    with applied.unit() as unit:
        assert say_seats(unit, 1) == 0
    assert [fact.course_id for fact in said(applied)[before:]] == ["circus", "fiddle"]


def test_in_a_rush_it_is_said_now_and_then(applied: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    rushed = news(applied, lambda _now: True)
    before = len(said(applied))
    rushed.run_once()  # nothing was said for long: the first time at once
    assert len(said(applied)) == before + 2
    decide(applied, request("a4", "fiddle", "noor"))
    now += APART_IN_A_RUSH_SECONDS - 0.1
    assert rushed.run_once() == REST_SECONDS
    assert len(said(applied)) == before + 2
    now += 0.2
    rushed.run_once()
    assert said(applied)[-1] == CourseSeatsChanged("fiddle", 2, 2, 0)


def test_when_the_rush_is_over_the_last_word_follows(applied: Storage) -> None:
    rush = True
    teller = news(applied, lambda _now: rush)
    teller.run_once()
    decide(applied, request("a4", "fiddle", "noor"))
    teller.run_once()
    assert said(applied)[-1] == CourseSeatsChanged("fiddle", 2, 1, 0)
    rush = False
    teller.run_once()
    assert said(applied)[-1] == CourseSeatsChanged("fiddle", 2, 2, 0)


@pytest.mark.parametrize("kind", ["postgresql"])  # SQLite has one writer: nobody else can be deciding
def test_a_course_that_is_being_decided_on_is_left_to_the_next_time(applied: Storage) -> None:
    before = len(said(applied))
    with applied.unit() as deciding:
        repository.lock_courses(deciding, ["circus"])
        with eventlet.Timeout(5):
            news(applied).run_once()
        assert [fact.course_id for fact in said(applied)[before:]] == ["fiddle"]
    news(applied).run_once()
    assert [fact.course_id for fact in said(applied)[before:]] == ["fiddle", "circus"]
