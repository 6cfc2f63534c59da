"""Who is of the right age: by the day, by the year, as an adult, as a teacher, with a later limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.chassis.clock import age_on
from services.chassis.refusals import Refusal
from services.contracts.eligibility import CourseTerms, Known, Municipality, refusal_for_pupil
from services.contracts.rule_book import Eligibility
from tests.enrolment.story import NORRBYS_RULES as RULES

NORRBY = Municipality("1901", "Norrby", None, None)
AUTUMN, ENDS, TODAY = date(2026, 8, 24), date(2026, 12, 18), date(2026, 5, 4)
ALL_AGES = CourseTerms(NORRBY, True, 0, 120, "instrument", AUTUMN, ENDS, None, None)
CHILDREN = replace(ALL_AGES, min_age=6, max_age=19)
YOUNG_ONES = replace(ALL_AGES, min_age=8, max_age=12)


def asked(
    rules: Eligibility, born_on: date, course: CourseTerms = ALL_AGES, **known: bool | int
) -> Refusal | None:
    facts = Known(born_on=born_on, **known)  # type: ignore[arg-type]  # what each test says of the pupil
    book = replace(RULES, eligibility=rules)
    return refusal_for_pupil(course, book, NORRBY, age_on(born_on, AUTUMN), TODAY, known=facts)


def name(refusal: Refusal | None) -> str | None:
    return refusal.name if refusal else None


class TestFromAYear:
    RULES = Eligibility(min_age_in_year=6)

    @pytest.mark.parametrize(
        ("born_on", "refused"),
        [(date(2020, 12, 31), None), (date(2020, 1, 1), None), (date(2021, 1, 1), "pupil_too_young")],
    )
    def test_the_year_decides(self, born_on: date, refused: str | None) -> None:
        assert name(asked(self.RULES, born_on)) == refused

    def test_also_on_a_course_that_is_for_all_from_that_age(self) -> None:
        """Five years on the first day of the term, and six before the year is over."""
        assert asked(self.RULES, date(2020, 12, 31), CHILDREN) is None

    def test_not_on_one_for_older_children(self) -> None:
        refusal = asked(self.RULES, date(2020, 12, 31), YOUNG_ONES)
        assert refusal is not None
        assert (refusal.name, refusal.facts) == ("pupil_too_young", {"limit": 8, "age": 5})

    def test_the_reason_says_so(self) -> None:
        refusal = asked(self.RULES, date(2021, 5, 1))
        assert refusal is not None
        assert (
            refusal.reason % refusal.facts == f"{RULES.school_name} is for pupils from the year they turn 6."
        )


class TestTeachers:
    RULES = Eligibility(max_age=19, max_age_in_year=19, teacher_kinds=("workshop",))
    STUDY_DAY = replace(CHILDREN, fee_kind="workshop")

    def test_a_teacher_is_of_any_age(self) -> None:
        assert asked(self.RULES, date(1986, 1, 1), self.STUDY_DAY, is_teacher=True) is None

    def test_a_pupil_is_no_teacher(self) -> None:
        assert name(asked(self.RULES, date(2012, 1, 1), self.STUDY_DAY)) == "wrong_audience"

    @pytest.mark.parametrize("is_teacher", [False, True])
    @pytest.mark.parametrize(
        ("changes", "course", "refused"),
        [
            ({}, ALL_AGES, "pupil_too_old"),
            ({"adult_if_space": True}, ALL_AGES, None),
            ({"adult_if_space": True}, CHILDREN, "pupil_too_old"),
            ({"max_age": None, "max_age_in_year": None}, replace(ALL_AGES, min_age=18), None),
        ],
    )
    def test_elsewhere_a_teacher_is_as_anybody_of_the_age(
        self, changes: dict[str, Any], course: CourseTerms, refused: str | None, is_teacher: bool
    ) -> None:
        """The last one is an adults' choir at a school that gives no ages."""
        rules = replace(self.RULES, **changes)
        assert name(asked(rules, date(1986, 1, 1), course, is_teacher=is_teacher)) == refused


class TestBorn:
    RULES = Eligibility(born_from=date(2007, 1, 1))

    def test_the_earliest_day(self) -> None:
        assert asked(self.RULES, date(2007, 1, 1)) is None
        assert name(asked(self.RULES, date(2006, 12, 31))) == "born_too_early"

    @pytest.mark.parametrize(
        ("born_on", "refused"), [(date(1980, 1, 1), None), (date(2006, 12, 31), "born_too_early")]
    )
    def test_is_not_for_adults_where_there_is_space(self, born_on: date, refused: str | None) -> None:
        """An adult is from 20; who is 19 and born too early is neither."""
        assert name(asked(replace(self.RULES, adult_if_space=True), born_on)) == refused

    def test_is_not_for_who_has_a_later_limit(self) -> None:
        later = replace(self.RULES, later_max_age_in_year=25)
        assert asked(later, date(2004, 3, 1), later_limit=True) is None
        assert name(asked(later, date(2004, 3, 1))) == "born_too_early"
        assert name(asked(later, date(2000, 3, 1), later_limit=True)) == "pupil_too_old"


class TestLaterLimit:
    RULES = Eligibility(max_age=19, later_max_age_in_year=25)

    def test_holds_on_a_course_that_is_for_all_ages_of_the_school(self) -> None:
        assert asked(self.RULES, date(2004, 3, 1), CHILDREN, later_limit=True) is None
        assert name(asked(self.RULES, date(2004, 3, 1), CHILDREN)) == "pupil_too_old"

    def test_does_not_make_a_childrens_course_one_for_adults(self) -> None:
        assert name(asked(self.RULES, date(2004, 3, 1), YOUNG_ONES, later_limit=True)) == "pupil_too_old"

    def test_ends(self) -> None:
        assert name(asked(self.RULES, date(2000, 3, 1), CHILDREN, later_limit=True)) == "pupil_too_old"
