"""Each sentence of the published rules that can be tried, tried on the rule book that says it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.contracts.eligibility import Known
from services.contracts.price import PriceFacts, cost_of_withdrawal, may_rent
from services.enrolment.domain.limits import Engagement, Lesson, Wish, refusal_by_limits
from services.enrolment.domain.offers import keeps_place_in_queue, last_day_to_answer, refusal_to_give_up
from services.enrolment.domain.queue import Waiting, in_order, order_on
from tests.enrolment.rulebooks.books import AUTUMN, ELSEWHERE, SPRING, home, rule_books, school

PUBLISHED = {
    *("fagersta-2022", "fagersta-2024", "arboga-2024", "sala-2019", "vasteras-2024", "vasteras-2017"),
    *("lund", "upplands-vasby", "karlskoga", "sater", "hallefors"),
}
NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)


def waiting(name: str, day: int = 0, **facts: Any) -> Waiting:
    values: dict[str, Any] = {"age": 10, "lives_in_host": True, "has_place_at_school": False, **facts}
    return Waiting(name, NOON + timedelta(days=day), **values)


def queue(book: str, *names: Waiting, today: date = AUTUMN) -> str:
    return "".join(
        each.application_id for each in in_order(names, order_on(rule_books()[book], AUTUMN, today))
    )


def engagement(book: str, course: str, state: str, kind: str = "instrument") -> Engagement:
    lesson = Lesson("ht26", rule_books()[book].municipality_code, 1, "16:00", 40)
    return Engagement(course, course, state, kind, kind, lesson, NOON)


def limit(book: str, gets_seat: bool, *others: Engagement, kind: str = "instrument") -> str | None:
    lesson = Lesson("ht26", rule_books()[book].municipality_code, 3, "16:00", 40)
    refusal = refusal_by_limits(rule_books()[book], Wish("new", kind, lesson, gets_seat), others)
    return refusal.name if refusal else None


def test_the_eleven_published_books_are_there() -> None:
    assert set(rule_books()) >= PUBLISHED


@pytest.mark.parametrize("book", sorted(PUBLISHED))
def test_a_family_reads_the_rules_in_both_languages(book: str) -> None:
    assert all(text.sv and text.en and text.sv != text.en for text in rule_books()[book].in_words)
    assert rule_books()[book].in_words


class TestFagersta2022:
    @pytest.mark.parametrize(
        ("kind", "facts", "kronor"),
        [
            ("course", {}, 650),
            ("course", {"child_number": 2}, 330),
            ("course", {"child_number": 3}, 0),
            ("course", {"child_number": 4}, 0),
            ("course", {"course_number": 2}, 330),
            ("course", {"course_number": 2, "child_number": 3}, 330),  # "for any child"
            ("ensemble", {}, 0),
            ("advanced_line", {}, 1150),
            ("dance_and_music_play", {"child_number": 2}, 375),  # the sibling price is that of a course
            ("image_and_music_production", {}, 375),
            ("course", {"age": 40, "is_adult": True}, 1450),
            ("course", {"rents": "violin"}, 980),
        ],
    )
    def test_fees(self, kind: str, facts: dict[str, Any], kronor: float) -> None:
        assert school("fagersta-2022").kronor(kind, **facts) == kronor

    def test_each_line_has_its_rule(self) -> None:
        price = school("fagersta-2022").price("course", child_number=2)
        assert price is not None
        assert [(line.rule, line.amount_ore) for line in price.lines] == [
            ("fagersta-2022/fees/course", 65000),
            ("fagersta-2022/pricing/second_child", -32000),
        ]

    def test_the_free_ensemble_is_neither_a_course_nor_a_child_with_one(self) -> None:
        assert rule_books()["fagersta-2022"].pricing.not_counted_kinds == ("ensemble",)

    @pytest.mark.parametrize(("weeks", "kronor"), [(-1, 0), (0, 0), (1, 650)])
    def test_one_trial_lesson_then_the_fee_is_due(self, weeks: int, kronor: float) -> None:
        assert school("fagersta-2022").cost("course", AUTUMN + timedelta(weeks=weeks)) == kronor

    def test_only_the_guardian_gives_up_the_place(self) -> None:
        book = rule_books()["fagersta-2022"]
        refusal = refusal_to_give_up(book, "placed", by_child=True)
        assert refusal is not None
        assert (refusal.name, refusal.rule) == ("only_guardian", "fagersta-2022/withdrawal")
        assert refusal_to_give_up(book, "placed", by_child=False) is None
        assert refusal_to_give_up(book, "queued", by_child=True) is None
        assert refusal_to_give_up(rule_books()["fagersta-2024"], "placed", by_child=True) is None

    def test_it_was_valid_until_the_end_of_2023(self) -> None:
        book = rule_books()["fagersta-2022"]
        assert [
            book.is_valid_on(date(y, m, 1)) for y, m in ((2022, 6), (2022, 7), (2023, 12), (2024, 1))
        ] == [*(False, True, True, False)]


class TestFagersta2024:
    @pytest.mark.parametrize(("age", "is_adult", "kronor"), [(5, False, 0), (25, False, 0), (26, True, 1450)])
    def test_free_from_5_to_25_years(self, age: int, is_adult: bool, kronor: float) -> None:
        born_on = date(2026 - age, 1, 1)
        assert school("fagersta-2024").is_adult(born_on) == is_adult
        assert school("fagersta-2024").kronor("dance", age=age, is_adult=is_adult) == kronor

    def test_adults_may_come_and_children_under_5_may_not(self) -> None:
        assert school("fagersta-2024").refusal(date(1980, 1, 1)) is None
        assert school("fagersta-2024").refusal(date(2022, 1, 1)) == "pupil_too_young"

    def test_children_first_and_adults_if_there_is_space(self) -> None:
        adult = waiting("b", 0, is_adult=True, age=40)
        assert queue("fagersta-2024", adult, waiting("a", 9)) == "ab"

    def test_who_goes_to_school_in_fagersta_is_its_own_pupil(self) -> None:
        fagersta = school("fagersta-2024")
        at_school = Known(school_municipality="1982")
        born_on = date(2015, 1, 1)
        assert fagersta.refusal(born_on, lives_in=ELSEWHERE, known=at_school, shared=False) is None
        assert fagersta.refusal(born_on, lives_in=ELSEWHERE, shared=False) == "course_not_shared"

    def test_the_trial_lesson_is_for_adults(self) -> None:
        facts: dict[str, Any] = {"age": 40, "is_adult": True}
        assert school("fagersta-2024").cost("dance", AUTUMN, **facts) == 0
        assert school("fagersta-2024").cost("dance", AUTUMN + timedelta(weeks=1), **facts) == 1450
        assert (
            school("fagersta-2024").cost("dance", AUTUMN + timedelta(weeks=1)) == 0
        )  # what is free stays so


class TestArboga:
    @pytest.mark.parametrize(
        ("born", "starts", "known", "name"),
        [
            (2008, AUTUMN, Known(), None),
            (2007, SPRING, Known(), "pupil_too_old"),  # left school in June 2026
            (2007, AUTUMN, Known(), "pupil_too_old"),
            (2007, date(2026, 1, 12), Known(), None),  # the last spring at school
            (2007, AUTUMN, Known(leaves_upper_secondary=2027), None),
            (2001, AUTUMN, Known(later_limit=True), None),  # turns 25 this year
            (2000, AUTUMN, Known(later_limit=True), "pupil_too_old"),
        ],
    )
    def test_until_leaving_school_and_later_with_a_disability(
        self, born: int, starts: date, known: Known, name: str | None
    ) -> None:
        assert school("arboga-2024").refusal(date(born, 3, 1), known=known, starts=starts) == name

    def test_it_is_for_the_pupils_of_arboga(self) -> None:
        assert (
            school("arboga-2024").refusal(date(2015, 1, 1), lives_in=ELSEWHERE, shared=False)
            == "course_not_shared"
        )

    def test_order_of_arrival_and_applications_all_year(self) -> None:
        assert queue("arboga-2024", waiting("b", 1), waiting("a", 0)) == "ab"
        assert not school("arboga-2024").closed(date(2026, 2, 1))

    @pytest.mark.parametrize(
        ("kind", "kronor"),
        [("instrument", 650), ("dance", 650), ("film", 650), ("group_up_to_grade_1", 340)],
    )
    def test_fees(self, kind: str, kronor: float) -> None:
        assert school("arboga-2024").kronor(kind) == kronor

    def test_rental(self) -> None:
        assert school("arboga-2024").kronor("instrument", rents="flute") == 650 + 375

    def test_one_free_lesson_for_new_pupils_then_binding_without_refund(self) -> None:
        arboga = school("arboga-2024")
        assert arboga.cost("dance", AUTUMN) == 0
        assert arboga.cost("dance", AUTUMN, is_new_pupil=False) == 650
        assert arboga.cost("dance", AUTUMN + timedelta(weeks=1)) == 650

    def test_lessons_a_school_year(self) -> None:
        assert rule_books()["arboga-2024"].lessons_a_school_year == 27


class TestSala:
    @pytest.mark.parametrize(
        ("born", "is_adult"),
        [(2007, False), (2006, True)],  # turn 19 and 20 in 2026
    )
    def test_to_and_including_the_year_of_turning_19(self, born: int, is_adult: bool) -> None:
        assert school("sala-2019").is_adult(date(born, 12, 1)) == is_adult
        assert school("sala-2019").refusal(date(born, 12, 1)) is None  # adults where it serves the children

    def test_by_day_of_arrival_then_those_who_are_not_enrolled(self) -> None:
        enrolled = waiting("b", 0, has_place_at_school=True)
        later_that_day = Waiting("a", NOON + timedelta(hours=3), 10, True, False)
        assert queue("sala-2019", enrolled, later_that_day) == "ab"
        assert queue("sala-2019", waiting("a", 0, has_place_at_school=True), waiting("b", 1)) == "ab"

    def test_children_of_sala_first_of_all(self) -> None:
        elsewhere = waiting("b", 0, lives_in_host=False)
        assert queue("sala-2019", elsewhere, waiting("a", 5)) == "ab"

    def test_no_renewal_and_adults_give_way(self) -> None:
        carry_over = rule_books()["sala-2019"].carry_over
        assert (carry_over.places, carry_over.queue, carry_over.adults) == (
            "continue",
            "continue",
            "if_space",
        )
        assert rule_books()["sala-2019"].lessons_a_school_year == 25


class TestVasteras2024:
    @pytest.mark.parametrize(
        ("kind", "kronor"),
        [
            *(("instrument", 850), ("dance", 850), ("animation", 950), ("image", 950), ("ceramics", 950)),
            *(("drawing", 950), ("dance_adult", 2250), ("art_line", 1700), ("music_line", 2550)),
            *(("theatre_line", 2550), ("suzuki", 1075), ("choir_orchestra", 425)),
        ],
    )
    def test_fees(self, kind: str, kronor: float) -> None:
        assert school("vasteras-2024").kronor(kind) == kronor

    def test_the_choir_is_free_for_who_pays_for_another_course(self) -> None:
        vasteras = school("vasteras-2024")
        assert vasteras.kronor("choir_orchestra", other_kinds=("dance",), course_number=2) == 0
        assert vasteras.kronor("choir_orchestra", other_kinds=("choir_orchestra",), course_number=2) == 425

    @pytest.mark.parametrize(
        ("instrument", "years", "may", "kronor"),
        [
            ("violin", 0, True, 1230),
            ("violin", 1, True, 1230),
            ("violin", 2, False, 850),
            ("double_bass", 5, True, 850),
            ("oboe", 5, True, 1230),
            ("bassoon", 9, True, 1230),
        ],
    )
    def test_rental(self, instrument: str, years: int, may: bool, kronor: float) -> None:
        rental = rule_books()["vasteras-2024"].pricing.rental
        assert rental is not None
        assert may_rent(rental, instrument, years) == may
        assert (
            school("vasteras-2024").kronor("instrument", rents=instrument, rented_school_years=years)
            == kronor
        )

    @pytest.mark.parametrize(
        ("kind", "starts", "weeks", "kronor"),
        [
            ("dance", AUTUMN, 1, 0),  # the second session
            ("dance", AUTUMN, 2, 850),
            ("dance", SPRING, 0, 850),  # trying is for the autumn term
            ("instrument", AUTUMN, 0, 850),
            ("instrument", AUTUMN, -1, 0),
        ],
    )
    def test_trial_and_no_refund(self, kind: str, starts: date, weeks: int, kronor: float) -> None:
        day = starts + timedelta(weeks=weeks)
        assert school("vasteras-2024").cost(kind, day, starts=starts) == kronor

    def test_relief_is_told_of(self) -> None:
        price = school("vasteras-2024").price("instrument")
        assert price is not None
        assert [note.en for note in price.notes] == ["You may apply for a reduced fee."]


class TestVasteras2017:
    @pytest.mark.parametrize(
        ("kind", "kronor"),
        [
            *(("most_courses", 750), ("image", 850), ("ceramics", 850), ("art_line", 1500)),
            *(("choir_new_pupil", 375), ("musical_older", 1400), ("musical_middle", 950)),
            *(("musical_younger", 750), ("music_line", 2250), ("theatre_line", 2250), ("suzuki", 950)),
        ],
    )
    def test_fees(self, kind: str, kronor: float) -> None:
        assert school("vasteras-2017").kronor(kind) == kronor

    def test_siblings_are_counted_by_address(self) -> None:
        """What it does is tried in tests/enrolment/pages/test_households.py."""
        assert rule_books()["vasteras-2017"].pricing.siblings_by == "address"


class TestLund:
    @pytest.mark.parametrize(
        ("born", "known", "name"),
        [
            (date(2021, 8, 24), Known(), None),  # 5 on the first day
            (date(2021, 8, 25), Known(), "pupil_too_young"),
            (date(2007, 1, 1), Known(), None),  # turns 19 in the year
            (date(2006, 12, 31), Known(), "pupil_too_old"),
            (date(2006, 1, 1), Known(leaves_upper_secondary=2026), None),
        ],
    )
    def test_from_5_to_leaving_school_or_turning_19(self, born: date, known: Known, name: str | None) -> None:
        assert school("lund").refusal(born, known=known) == name

    def test_it_is_for_the_pupils_of_lund(self) -> None:
        assert (
            school("lund").refusal(date(2015, 1, 1), lives_in=ELSEWHERE, shared=False) == "course_not_shared"
        )

    def test_at_most_two_instrument_queues_and_any_number_of_others(self) -> None:
        two = [engagement("lund", "violin", "queued"), engagement("lund", "cello", "queued")]
        assert limit("lund", False, *two) == "too_many_instrument_queues"
        assert limit("lund", False, two[0]) is None
        assert limit("lund", False, *two, kind="dance") is None
        assert limit("lund", True, *two) is None  # a free seat is no queue

    def test_one_instrument(self) -> None:
        assert rule_books()["lund"].limits.one_instrument

    def test_who_moves_in_and_played_before_goes_first(self) -> None:
        assert queue("lund", waiting("b", 0), waiting("a", 9, moved_in_and_played=True)) == "ab"

    def test_seven_days_to_answer_to_a_working_day(self) -> None:
        book = rule_books()["lund"]
        assert last_day_to_answer(book, date(2026, 6, 8)) == date(2026, 6, 15)
        assert last_day_to_answer(book, date(2026, 6, 12)) == date(2026, 6, 22)  # 19 June is Midsummer Eve
        assert not keeps_place_in_queue(book, 0, expired=True)

    def test_renewal_of_places_and_positions_in_april(self) -> None:
        carry_over = rule_books()["lund"].carry_over
        assert (carry_over.places, carry_over.queue) == ("confirm", "confirm")
        assert carry_over.confirm_from.of_term(AUTUMN) == date(2026, 4, 1)
        assert carry_over.confirm_by.of_term(AUTUMN) == date(2026, 5, 1)
        assert carry_over.confirm_by.of_term(SPRING) is None  # once a year

    @pytest.mark.parametrize(
        ("starts", "decided_on", "today", "kronor"),
        [
            (AUTUMN, date(2026, 6, 10), date(2026, 6, 18), 0),  # day 8
            (AUTUMN, date(2026, 6, 10), date(2026, 6, 19), 250),
            (AUTUMN, date(2025, 6, 10), date(2026, 5, 1), 0),
            (AUTUMN, date(2025, 6, 10), date(2026, 5, 2), 250),
            (AUTUMN, date(2025, 6, 10), AUTUMN, 500),
            (AUTUMN, date(2025, 6, 10), date(2026, 9, 14), 500),
            (SPRING, date(2025, 6, 10), date(2026, 12, 1), 0),
            (SPRING, date(2025, 6, 10), date(2026, 12, 2), 250),
            (SPRING, date(2025, 6, 10), date(2027, 1, 31), 500),
        ],
    )
    def test_late_withdrawal(self, starts: date, decided_on: date, today: date, kronor: float) -> None:
        assert school("lund").cost("violin", today, decided_on=decided_on, starts=starts) == kronor

    @pytest.mark.parametrize(("starts", "today"), [(AUTUMN, date(2026, 9, 15)), (SPRING, date(2027, 2, 1))])
    def test_later_it_is_the_whole_fee(self, starts: date, today: date) -> None:
        steps = {step.name: step for step in rule_books()["lund"].withdrawal.steps}
        assert steps["later"].cost_ore is None
        # The page names no fees, so the whole fee of nothing is nothing.
        assert school("lund").cost("violin", today, starts=starts) == 0

    def test_lessons_a_school_year(self) -> None:
        assert rule_books()["lund"].lessons_a_school_year == 24


class TestUpplandsVasby:
    def test_applications_at_any_time_later_ones_if_there_is_space(self) -> None:
        assert not school("upplands-vasby").closed(date(2026, 5, 16))
        late = waiting("b", 0, is_late=True)
        assert queue("upplands-vasby", late, waiting("a", 9, has_place_at_school=True)) == "ab"

    def test_main_admission_in_mid_june(self) -> None:
        times = rule_books()["upplands-vasby"].times
        assert times.main_admission.of_term(AUTUMN) == date(2026, 6, 15)
        assert times.apply_until.of_term(AUTUMN) == date(2026, 5, 15)
        assert rule_books()["upplands-vasby"].admission == "round"

    def test_who_does_not_take_part_yet_goes_first(self) -> None:
        enrolled = waiting("b", 0, has_place_at_school=True)
        assert queue("upplands-vasby", enrolled, waiting("a", 9)) == "ab"

    def test_one_instrument_and_a_second_only_without_a_queue(self) -> None:
        one = engagement("upplands-vasby", "violin", "placed")
        two = engagement("upplands-vasby", "cello", "placed")
        assert limit("upplands-vasby", True, one) is None
        assert limit("upplands-vasby", False, one) == "too_many_instruments"
        assert limit("upplands-vasby", True, one, two) == "too_many_instruments"
        assert limit("upplands-vasby", False, one, kind="dance") is None

    @pytest.mark.parametrize(
        ("starts", "today", "name"),
        [
            (AUTUMN, date(2026, 5, 15), "in_time"),
            (AUTUMN, date(2026, 5, 16), "no_refund"),
            (SPRING, date(2026, 12, 1), "in_time"),
            (SPRING, date(2026, 12, 2), "no_refund"),
        ],
    )
    def test_withdrawal_deadlines_and_no_refund(self, starts: date, today: date, name: str) -> None:
        vasby = school("upplands-vasby")
        course = vasby.course(starts=starts)
        found = cost_of_withdrawal(course, vasby.book, PriceFacts(10), today, date(2025, 1, 1))
        assert found is not None
        assert found.rule == f"upplands-vasby/withdrawal/{name}"

    def test_no_renewal_and_no_trial(self) -> None:
        book = rule_books()["upplands-vasby"]
        assert (book.carry_over.places, book.carry_over.queue, book.trials) == ("continue", "continue", ())


class TestKarlskoga:
    @pytest.mark.parametrize(
        ("kind", "facts", "kronor"),
        [
            ("course", {"age": 6}, 400),
            ("course", {"age": 7}, 700),
            ("course", {"age": 25}, 700),
            ("course", {"course_number": 2}, 550),
            ("course", {"course_number": 3}, 400),
            ("course", {"course_number": 5}, 400),
            ("course", {"age": 26, "is_adult": True}, None),  # the page names no amount for adults
            ("choir_ensemble", {}, 400),
            ("choir_ensemble", {"other_kinds": ("course",), "course_number": 2}, 0),
            ("course", {"rents": "flute"}, 950),
        ],
    )
    def test_fees(self, kind: str, facts: dict[str, Any], kronor: float | None) -> None:
        assert school("karlskoga").kronor(kind, **facts) == kronor

    def test_adults_from_the_term_after_turning_26(self) -> None:
        assert not school("karlskoga").is_adult(date(2000, 8, 25))  # turns 26 the day after the term starts
        assert school("karlskoga").is_adult(date(2000, 8, 25), SPRING)

    def test_adults_by_the_term_and_only_while_no_child_waits(self) -> None:
        assert rule_books()["karlskoga"].carry_over.adults == "end"
        assert queue("karlskoga", waiting("b", 0, is_adult=True), waiting("a", 9)) == "ab"

    def test_one_trial_session(self) -> None:
        assert school("karlskoga").cost("course", AUTUMN) == 0
        assert school("karlskoga").cost("course", AUTUMN + timedelta(weeks=1)) == 700

    def test_relief_and_lessons(self) -> None:
        book = rule_books()["karlskoga"]
        assert book.pricing.relief is not None
        assert (book.pricing.relief.income_base_amounts, book.lessons_a_school_year) == (3, 27)

    def test_advanced_lines_for_the_county_at_the_same_fee_in_may(self) -> None:
        lines = school("karlskoga-advanced-lines")
        assert lines.refusal(date(2010, 1, 1), lives_in=home("1880"), kind="advanced_line") is None
        assert lines.kronor("advanced_line", home_code="1880", age=15) == 1300
        assert lines.kronor("advanced_line", home_code="1883", age=15) == 1300
        assert lines.refusal(date(2014, 1, 1), kind="advanced_line") == "pupil_too_young"
        days = (date(2026, 4, 30), date(2026, 5, 1), date(2026, 5, 31), date(2026, 6, 1))
        assert [lines.closed(day) for day in days] == [True, False, False, True]


class TestSater:
    @pytest.mark.parametrize(
        ("kind", "facts", "kronor"),
        [
            ("course", {}, 700),
            ("group_course", {}, 400),
            ("course", {"child_number": 2}, 200),
            ("course", {"course_number": 2}, 100),
            ("course", {"rents": "drum"}, 900),
        ],
    )
    def test_fees(self, kind: str, facts: dict[str, Any], kronor: float) -> None:
        assert school("sater").kronor(kind, **facts) == kronor

    @pytest.mark.parametrize(("weeks", "kronor"), [(3, 0), (4, 700)])
    def test_the_whole_fee_after_four_lessons(self, weeks: int, kronor: float) -> None:
        assert school("sater").cost("course", AUTUMN + timedelta(weeks=weeks)) == kronor

    def test_admitted_whenever_a_place_comes_free(self) -> None:
        assert rule_books()["sater"].admission == "first_come"
        assert queue("sater", waiting("b", 1), waiting("a", 0)) == "ab"
        assert rule_books()["sater"].lessons_a_school_year == 24


class TestHallefors:
    @pytest.mark.parametrize(
        ("kind", "facts", "kronor"),
        [
            *((kind, {}, 200) for kind in ("dance", "image", "ceramics", "theatre", "film", "small_choir")),
            ("instrument", {}, 300),
            ("short_course", {}, 150),
            ("instrument", {"course_number": 2}, 250),
            ("dance", {"child_number": 2}, 150),
            ("dance", {"child_number": 3, "course_number": 2}, 150),
            ("instrument", {"rents": "tuba"}, 500),
        ],
    )
    def test_fees_and_discount(self, kind: str, facts: dict[str, Any], kronor: float) -> None:
        assert school("hallefors").kronor(kind, **facts) == kronor

    def test_rental_is_for_a_school_year(self) -> None:
        rental = rule_books()["hallefors"].pricing.rental
        assert rental is not None
        assert rental.per == "school_year"

    def test_relief_under_three_income_base_amounts(self) -> None:
        relief = rule_books()["hallefors"].pricing.relief
        assert relief is not None
        assert relief.income_base_amounts == 3
