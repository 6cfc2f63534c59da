"""Every reason to say no, each on the day and at the age where it begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.clock import age_on
from services.chassis.refusals import Refusal
from services.contracts.eligibility import (
    CourseTerms,
    Municipality,
    basis_for_pupil,
    price_of,
    refusal_for_pupil,
    refusal_to_apply,
)
from services.contracts.rule_book import Eligibility
from tests.enrolment.story import NORRBYS_RULES as RULES

OPENS, CLOSES = date(2026, 11, 1), date(2026, 12, 15)
STARTS, ENDS = date(2027, 1, 18), date(2027, 6, 4)
TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)
NORRBY = Municipality("1901", "Norrby", date(2015, 1, 1), None)
SODERBY = Municipality("1902", "Söderby", date(2015, 1, 1), None)
UTBY = Municipality("1903", "Utby", None, None)
COURSE = CourseTerms(NORRBY, True, 8, 12, "instrument", STARTS, ENDS, OPENS, CLOSES)


def name(refusal: Refusal | None) -> str | None:
    return refusal.name if refusal else None


def said(refusal: Refusal | None) -> str:
    """The reason with its facts in it: raises where one of them is missing."""
    assert refusal is not None
    return refusal.reason % refusal.facts


def for_pupil(
    course: CourseTerms = COURSE, home: Municipality = SODERBY, age: int = 10, today: date = TODAY
) -> Refusal | None:
    return refusal_for_pupil(course, RULES, home, age, today)


@pytest.mark.parametrize(
    ("course", "today", "refused"),
    [
        (COURSE, OPENS - DAY, "Applications open on 2026-11-01."),
        (COURSE, OPENS, None),
        (COURSE, CLOSES, None),
        (COURSE, CLOSES + DAY, "Applications closed on 2026-12-15."),
        (replace(COURSE, apply_from=None), OPENS - DAY, None),
        (replace(COURSE, apply_until=None), ENDS, None),
        (replace(COURSE, apply_until=None), ENDS + DAY, "Applications closed on 2027-06-04."),
        (replace(COURSE, apply_from=None, apply_until=None), date(2020, 1, 1), None),
        # A period that goes on after the term has ended ends with the term all the same.
        (replace(COURSE, apply_until=ENDS + 9 * DAY), ENDS + DAY, "Applications closed on 2027-06-13."),
    ],
)
def test_the_period_of_application_holds_both_its_days(
    course: CourseTerms, today: date, refused: str | None
) -> None:
    refusal = refusal_to_apply(course, RULES, today)
    if refused is None:
        assert refusal is None
    else:
        assert said(refusal) == refused
        assert refusal is not None
        assert (refusal.name, refusal.rule) == (
            "application_period_closed",
            "norrby-2024/application_period",
        )


@given(st.dates(date(2026, 1, 1), date(2028, 1, 1)))
def test_a_cancelled_course_takes_nobody_on_any_day(today: date) -> None:
    refusal = refusal_to_apply(replace(COURSE, cancelled=True), RULES, today)
    assert refusal is not None
    assert (refusal.name, refusal.status) == ("course_cancelled", 410)


def test_a_course_that_is_not_shared_is_for_the_hosts_own() -> None:
    course = replace(COURSE, shared=False)
    assert for_pupil(course, NORRBY) is None
    refusal = for_pupil(course, SODERBY)
    assert (name(refusal), refusal and refusal.rule) == ("course_not_shared", "cooperation/shared_courses")
    assert "pupils who live in Norrby" in said(refusal)


def test_a_home_that_is_no_member() -> None:
    refusal = for_pupil(home=UTBY)
    assert (name(refusal), refusal and refusal.rule) == (
        "home_municipality_not_a_member",
        "cooperation/members",
    )
    assert said(refusal).startswith("Utby is not a member")


def test_a_host_that_is_no_member() -> None:
    course = replace(COURSE, host=UTBY)
    refusal = for_pupil(course, SODERBY)
    assert (name(refusal), refusal and refusal.rule) == (
        "host_municipality_not_a_member",
        "cooperation/members",
    )
    assert said(refusal).startswith("Utby is not a member")
    assert for_pupil(course, UTBY) is None  # its own pupils need no cooperation


@pytest.mark.parametrize(
    ("member_from", "member_to", "member"),
    [
        (TODAY, None, True),
        (TODAY + DAY, None, False),
        (date(2015, 1, 1), TODAY, True),
        (date(2015, 1, 1), TODAY - DAY, False),
        (None, TODAY, False),
    ],
)
def test_membership_holds_both_its_days(
    member_from: date | None, member_to: date | None, member: bool
) -> None:
    home = replace(SODERBY, member_from=member_from, member_to=member_to)
    assert name(for_pupil(home=home)) == (None if member else "home_municipality_not_a_member")
    course = replace(COURSE, host=replace(NORRBY, member_from=member_from, member_to=member_to))
    assert name(for_pupil(course)) == (None if member else "host_municipality_not_a_member")


@pytest.mark.parametrize(
    ("age", "refused"),
    [(7, "pupil_too_young"), (8, None), (12, None), (13, "pupil_too_old")],
)
def test_both_limits_of_age_are_in(age: int, refused: str | None) -> None:
    refusal = for_pupil(age=age)
    assert name(refusal) == refused
    if refusal is not None:
        assert refusal.rule == "norrby-2024/ages"
        assert f"The pupil is {age} when the term starts" in said(refusal)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 30), st.integers(0, 40))
def test_the_narrower_of_the_courses_and_the_rule_books_limits_decides(
    min_age: int, max_age: int, book_min: int, book_max: int, age: int
) -> None:
    course = replace(COURSE, min_age=min_age, max_age=max_age)
    book = replace(RULES, eligibility=Eligibility(book_min, book_max))
    refusal = refusal_for_pupil(course, book, NORRBY, age, TODAY)
    assert (refusal is None) == (min_age <= age <= max_age and book_min <= age <= book_max)
    unlimited = replace(RULES, eligibility=Eligibility())
    assert (refusal_for_pupil(course, unlimited, NORRBY, age, TODAY) is None) == (min_age <= age <= max_age)


def test_where_one_lives_is_said_before_how_old_one_is() -> None:
    assert name(for_pupil(home=UTBY, age=99)) == "home_municipality_not_a_member"


def test_the_basis_says_why_one_may() -> None:
    own, shared = basis_for_pupil(COURSE, RULES, NORRBY), basis_for_pupil(COURSE, RULES, SODERBY)
    assert (own.rule, shared.rule) == ("norrby-2024/residents", "cooperation/shared_courses")
    assert "lives in Norrby" in own.reason % own.facts
    assert "pupils from Söderby may take it" in shared.reason % shared.facts


def test_the_hosts_rule_book_prices_a_course() -> None:
    fee = price_of(COURSE, RULES)
    assert fee is not None
    assert fee.fee_ore == 85000
    assert price_of(replace(COURSE, fee_kind="circus"), RULES) is None


@pytest.mark.parametrize(
    ("day", "age"),
    [
        (date(2024, 2, 28), 7),
        (date(2024, 2, 29), 8),  # a leap year has the birthday
        (date(2025, 2, 28), 8),
        (date(2025, 3, 1), 9),  # in other years it is on 1 March
        (date(2027, 2, 28), 10),
        (date(2027, 3, 1), 11),
    ],
)
def test_who_is_born_on_29_february(day: date, age: int) -> None:
    assert age_on(date(2016, 2, 29), day) == age
    refusal = for_pupil(replace(COURSE, min_age=9, max_age=10), age=age_on(date(2016, 2, 29), day))
    assert name(refusal) == ("pupil_too_young" if age < 9 else "pupil_too_old" if age > 10 else None)


@given(st.dates(date(1920, 1, 1), date(2026, 1, 1)), st.integers(0, 40_000))
def test_one_is_a_year_older_a_year_later_and_never_younger(born_on: date, days: int) -> None:
    day = born_on + timedelta(days=days)
    age = age_on(born_on, day)
    assert age <= age_on(born_on, day + DAY) <= age + 1
    assert abs((day - born_on).days / 365.2425 - age - 0.5) < 0.51
