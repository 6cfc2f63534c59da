"""Seats: whatever comes in whatever order, nobody gets one that is not there or that another waits for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.refusals import Refusal
from services.contracts.eligibility import CourseTerms, Municipality
from services.contracts.rule_book import RuleBook
from services.enrolment.domain.admission import (
    CARRIED_OVER,
    FREE_SEAT,
    KEPT_SEATS,
    MAIN_ADMISSION,
    QUEUE_RULES,
    Applicant,
    CourseState,
    Decision,
    decide,
)
from services.enrolment.domain.offers import CEILING, RESERVED, SEATS_TOGETHER
from services.enrolment.domain.rollover import FEWER_SEATS, QUEUE_CARRIED_OVER, QUEUE_TO_CONFIRM
from services.enrolment.words import RULES
from tests.enrolment.story import NORRBYS_RULES, SODERBYS_RULES

NOW, TODAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC), date(2026, 11, 24)
NORRBY = Municipality("1901", "Norrby", date(2015, 1, 1), None)
SODERBY = Municipality("1902", "Söderby", date(2015, 1, 1), None)
UTBY = Municipality("1903", "Utby", None, None)
TERMS = CourseTerms(
    NORRBY, True, 8, 12, "instrument", date(2027, 1, 18), date(2027, 6, 4), date(2026, 11, 1), None
)


def course(capacity: int, taken: int = 0, waiting: int = 0, rules: RuleBook = NORRBYS_RULES) -> CourseState:
    return CourseState("fiddle", "vt27", TERMS, rules, capacity, capacity, taken, waiting)


def child(born_on: date = date(2017, 3, 14), home: Municipality = SODERBY) -> Applicant:
    return Applicant("somebody", born_on, home)


def decided(state: CourseState, applicant: Applicant | None = None) -> Decision | Refusal:
    return decide(state, applicant or child(), NOW, TODAY, TODAY)


def refused(
    state: CourseState, applicant: Applicant, today: date = TODAY, came_on: date | None = None
) -> str:
    """The refusal's name; nothing of the course has changed."""
    before = replace(state)
    answer = decide(state, applicant, NOW, today, came_on or today)
    assert isinstance(answer, Refusal)
    assert state == before
    return answer.name


@dataclass(frozen=True)
class Leaves:
    """Somebody gives up a seat."""


comers = st.builds(
    child,
    st.dates(date(2010, 1, 1), date(2022, 1, 1)),
    st.sampled_from([NORRBY, SODERBY, UTBY]),
)
days = st.lists(comers | st.just(Leaves()), max_size=60)


@given(st.integers(0, 12), days)
def test_seats_are_counted_whoever_comes_and_goes(capacity: int, day: list[Applicant | Leaves]) -> None:
    state, admitted, left = course(capacity), 0, 0
    for event in day:
        if isinstance(event, Leaves):
            if state.taken:
                state.give_back_seat()
                left += 1
            continue
        had_free_seat, had_waiting = state.taken < state.capacity, state.waiting > 0
        answer = decided(state, event)
        if isinstance(answer, Decision):
            admitted += 1
            assert (answer.state == "placed") == (had_free_seat and not had_waiting)
        assert 0 <= state.taken <= state.capacity == capacity
        assert state.taken + state.waiting == admitted - left


@given(st.integers(0, 12), st.lists(comers, max_size=60))
def test_without_anybody_leaving_the_first_get_the_seats(capacity: int, all_comers: list[Applicant]) -> None:
    state = course(capacity)
    answers = [decided(state, each) for each in all_comers]
    given_ = [answer.state for answer in answers if isinstance(answer, Decision)]
    assert given_ == ["placed"] * min(capacity, len(given_)) + ["queued"] * max(0, len(given_) - capacity)


@given(st.integers(1, 9), st.integers(1, 9))
def test_who_waits_goes_before_who_comes(free: int, waiting: int) -> None:
    """Seats are free and about to be offered: they are not for somebody new."""
    state = course(free, 0, waiting)
    answer = decided(state)
    assert isinstance(answer, Decision)
    assert (answer.state, state.taken, state.waiting) == ("queued", 0, waiting + 1)


@given(st.integers(0, 20), st.integers(1, 20), st.data())
def test_a_seat_given_back_is_not_given_again_beyond_what_was_published(
    published: int, taken: int, data: st.DataObject
) -> None:
    """The room became smaller while more were placed: they stay, and the course shrinks as they leave."""
    state = course(published)
    state.taken, state.capacity = taken, max(published, taken)
    for _ in range(data.draw(st.integers(1, taken))):
        state.give_back_seat()
        assert state.capacity == max(published, state.taken)
    assert state.has_free_seat == (state.taken < published)


def test_a_place_says_by_which_rule_and_from_what() -> None:
    answer = decided(course(5, 3))
    assert isinstance(answer, Decision)
    assert (answer.state, answer.rule, answer.basis) == ("placed", FREE_SEAT, "cooperation/shared_courses")
    assert answer.decided_at == NOW
    assert answer.facts == {
        "capacity": 5,
        "taken_before": 3,
        "waiting_before": 0,
        "rule_book": "norrby-2024",
        "order": ["queue_date"],
        "fee_ore": 85000,
    }


def test_a_place_in_the_queue_names_the_criterion_that_counts_first() -> None:
    for rules, rule in ((NORRBYS_RULES, "queue_date"), (SODERBYS_RULES, "host_residents_first")):
        answer = decided(course(1, 1, 4, rules), child(home=NORRBY))
        assert isinstance(answer, Decision)
        assert (answer.state, answer.rule, answer.basis) == (
            "queued",
            rule,
            f"{rules.rule_book_id}/residents",
        )
        assert answer.facts["waiting_before"] == 4


def test_every_rule_has_words() -> None:
    others = {
        *(FREE_SEAT, RESERVED, CEILING, SEATS_TOGETHER),
        *("next_in_queue", "kept_after_refusal", "admission_round"),
    }
    carried = {CARRIED_OVER, QUEUE_CARRIED_OVER, QUEUE_TO_CONFIRM, FEWER_SEATS}
    assert {*QUEUE_RULES, *others, *carried, KEPT_SEATS, MAIN_ADMISSION} == set(RULES)


@pytest.mark.parametrize(
    ("applicant", "name"),
    [
        (child(date(2019, 1, 19)), "pupil_too_young"),  # 8 the day after the term has started
        (child(date(2014, 1, 18)), "pupil_too_old"),  # 13 on the day it starts
        (child(home=UTBY), "home_municipality_not_a_member"),
    ],
)
def test_who_may_not_takes_no_seat(applicant: Applicant, name: str) -> None:
    assert refused(course(5), applicant) == name


@pytest.mark.parametrize("born_on", [date(2019, 1, 18), date(2014, 1, 19)])
def test_the_age_is_that_of_the_terms_first_day(born_on: date) -> None:
    assert isinstance(decided(course(5), child(born_on)), Decision)


def test_a_course_that_takes_nobody() -> None:
    state = course(5)
    assert refused(state, child(), date(2026, 10, 31)) == "application_period_closed"
    state.terms = replace(TERMS, shared=False)
    assert refused(state, child()) == "course_not_shared"
    state.terms = replace(TERMS, host=replace(NORRBY, member_to=date(2026, 1, 1)))
    assert refused(state, child()) == "host_municipality_not_a_member"
    state.terms = replace(TERMS, cancelled=True)
    assert refused(state, child(home=UTBY)) == "course_cancelled"


@pytest.mark.parametrize(
    ("starts_on", "name"),
    [(date(2025, 2, 28), "pupil_too_young"), (date(2025, 3, 1), None), (date(2024, 2, 29), None)],
)
def test_a_leap_days_child_is_old_enough_from_1_march(starts_on: date, name: str | None) -> None:
    state = course(5)
    born_on = date(2016, 2, 29) if starts_on.year == 2025 else date(2015, 2, 28)
    state.terms = replace(TERMS, min_age=9, term_starts_on=starts_on)
    if name is None:
        assert isinstance(decided(state, child(born_on)), Decision)
    else:
        assert refused(state, child(born_on)) == name


CLOSES = date(2026, 12, 15)


@pytest.mark.parametrize(
    ("came_on", "today", "name"),
    [
        (date(2026, 11, 1), date(2026, 11, 24), None),
        (date(2026, 12, 15), date(2026, 12, 20), None),  # came on the last day, entered days later
        (date(2026, 10, 31), date(2026, 11, 24), "application_period_closed"),  # no way past those who waited
        (date(2026, 12, 16), date(2026, 12, 20), "application_period_closed"),
        (date(2026, 12, 15), date(2027, 6, 4), None),
        (date(2026, 12, 15), date(2027, 6, 5), "application_period_closed"),  # the term is over
    ],
)
def test_a_paper_application_is_in_time_on_the_day_it_came(
    came_on: date, today: date, name: str | None
) -> None:
    state = course(5)
    state.terms = replace(TERMS, apply_until=CLOSES)
    if name is None:
        assert isinstance(decide(state, child(), NOW, today, came_on), Decision)
    else:
        assert refused(state, child(), today, came_on) == name


def test_membership_and_cancellation_are_those_of_today() -> None:
    """A paper that came while the home was a member is decided by what is shared now."""
    state, left = course(5), replace(SODERBY, member_to=date(2026, 11, 20))
    early = date(2026, 11, 10)
    assert refused(state, child(home=left), TODAY, early) == "home_municipality_not_a_member"
    state.terms = replace(TERMS, cancelled=True)
    assert refused(state, child(), TODAY, early) == "course_cancelled"
