from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import marshmallow
import marshmallow_dataclass
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.eligibility import CourseTerms, Municipality
from services.contracts.fact import LocalText
from services.contracts.price import (
    Price,
    PriceFacts,
    PriceLine,
    cost_of_withdrawal,
    full_price,
    takes_voucher,
)
from services.contracts.rule_book import Eligibility, Fee, RuleBook
from services.contracts.rule_dates import TermDays, season_of
from services.contracts.rule_prices import (
    PriceRule,
    Pricing,
    Rental,
    RentalFee,
    Voucher,
    Withdrawal,
    WithdrawalStep,
)

TEXT = LocalText("Mening", "Sentence")
COURSE = CourseTerms(
    host=Municipality("1980", "Västerås", date(2015, 1, 1), None),
    shared=True,
    min_age=0,
    max_age=120,
    fee_kind="instrument",
    term_starts_on=date(2027, 1, 18),
    term_ends_on=date(2027, 6, 11),
    apply_from=None,
    apply_until=None,
)


def rule(name: str, effect: str, amount: int, **conditions: Any) -> PriceRule:
    return PriceRule(name, TEXT, effect, amount, **conditions)


def book(*rules: PriceRule, fee_ore: int | None = 80000, **pricing: Any) -> RuleBook:
    return RuleBook(
        rule_book_id="book",
        municipality_code="1980",
        school_name="Skolan",
        valid_from=date(2024, 1, 1),
        valid_to=None,
        source="the tests",
        eligibility=Eligibility(),
        order=("queue_date",),
        fees=() if fee_ore is None else (Fee("instrument", fee_ore, TEXT),),
        in_words=(TEXT,),
        pricing=Pricing(rules=rules, **pricing),
    )


def price(rule_book: RuleBook, **facts: Any) -> Price:
    found = full_price(COURSE, rule_book, PriceFacts(**{"age": 10, **facts}))
    assert found is not None
    return found


effects = st.one_of(
    st.tuples(st.just("percent"), st.integers(0, 100)),
    st.tuples(st.sampled_from(["fee_ore", "less_ore", "more_ore"]), st.integers(0, 200000)),
)
rules = st.lists(effects.map(lambda effect: rule("any", *effect)), max_size=6)


@given(rules, st.integers(0, 300000), st.integers(0, 300000))
def test_the_lines_sum_to_the_total_and_nobody_is_paid_for_coming(
    given_rules: list[PriceRule], fee_ore: int, voucher_ore: int
) -> None:
    found = price(book(*given_rules, fee_ore=fee_ore, voucher=Voucher(TEXT)), voucher_ore=voucher_ore)
    assert found.total_ore == sum(line.amount_ore for line in found.lines) >= 0
    so_far = 0
    for line in found.lines:
        so_far += line.amount_ore
        assert so_far >= 0


@pytest.mark.parametrize(
    ("effect", "amount", "total"),
    [
        ("fee_ore", 33000, 33000),
        ("less_ore", 5000, 75000),
        ("less_ore", 90000, 0),
        ("more_ore", 20000, 100000),
        ("percent", 50, 40000),
    ],
)
def test_each_effect(effect: str, amount: int, total: int) -> None:
    assert price(book(rule("r", effect, amount))).total_ore == total


@pytest.mark.parametrize(
    ("conditions", "fits", "fits_not"),
    [
        ({"kinds": ("instrument",)}, {}, None),
        ({"not_kinds": ("instrument",)}, None, {}),
        ({"min_age": 10, "max_age": 12}, {"age": 12}, {"age": 13}),
        ({"adult": True}, {"is_adult": True}, {}),
        ({"course_from": 2}, {"course_number": 2}, {}),
        ({"child_from": 2, "child_to": 2}, {"child_number": 2}, {"child_number": 3}),
        ({"has_another_course": True}, {"other_kinds": ("dance",)}, {}),
        (
            {"has_another_course": True, "another_not_of": ("choir",)},
            {"other_kinds": ("choir", "dance")},
            {"other_kinds": ("choir",)},
        ),
        ({"new_pupil": True}, {}, {"is_new_pupil": False}),
        ({"lives_in_host": False}, {"home_code": "1962"}, {"home_code": "1980"}),
        ({"home_municipalities": ("1962",)}, {"home_code": "1962"}, {"home_code": "1980"}),
        (
            {"joins_from": TermDays(spring="03-15")},
            {"joins_on": date(2027, 3, 15)},
            {"joins_on": date(2027, 3, 14)},
        ),
        ({"joins_from": TermDays(autumn="10-15")}, None, {"joins_on": date(2027, 10, 20)}),
        ({"with_relief": True}, {"has_relief": True}, {}),
        ({"terms": ("spring",)}, {}, None),
        ({"terms": ("autumn", "spring")}, {}, None),
        ({"terms": ("autumn",)}, None, {}),
    ],
)
def test_each_condition(
    conditions: dict[str, Any], fits: dict[str, Any] | None, fits_not: dict[str, Any] | None
) -> None:
    halved = book(rule("half", "percent", 50, **conditions))
    if fits is not None:
        found = price(halved, **fits)
        assert (found.total_ore, found.lines[-1].rule) == (40000, "book/pricing/half")
    if fits_not is not None:
        assert price(halved, **fits_not).total_ore == 80000


def test_a_fee_for_the_school_year_is_paid_by_who_begins_in_spring_only() -> None:
    """Who was there in the autumn has paid; a material fee is added for everybody."""
    yearly = book(
        rule("paid", "fee_ore", 0, terms=("spring",), new_pupil=False), rule("material", "more_ore", 15000)
    )
    assert price(yearly, is_new_pupil=False).total_ore == 15000
    assert price(yearly, is_new_pupil=True).total_ore == 95000


def test_no_fee_and_no_rule_is_no_price() -> None:
    assert full_price(COURSE, book(fee_ore=None), PriceFacts(10)) is None


def test_a_voucher_pays_a_part_for_the_ages_it_is_for() -> None:
    accepting = book(voucher=Voucher(TEXT))
    assert price(accepting, turns_in_year=8, voucher_ore=50000).total_ore == 30000
    assert price(accepting, turns_in_year=17, voucher_ore=50000).total_ore == 80000
    assert price(accepting, turns_in_year=16, voucher_ore=90000).total_ore == 0
    assert price(book(), turns_in_year=10, voucher_ore=50000).total_ore == 80000
    assert takes_voucher(accepting, PriceFacts(16))
    assert price(accepting, turns_in_year=10).notes == (TEXT,)


def test_a_rental_is_an_option_until_it_is_chosen() -> None:
    renting = book(rental=Rental(38000, TEXT))
    assert [line.amount_ore for line in price(renting).options] == [38000]
    assert price(renting).total_ore == 80000
    assert price(renting, rents="violin").total_ore == 118000
    assert price(renting, rents="violin").options == ()


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)), st.dates(date(2021, 1, 1), date(2021, 12, 31)))
def test_a_day_of_a_term_is_the_last_one_before_its_end(starts: date, day: date) -> None:
    text = f"{day:%m-%d}"
    found = TermDays(autumn=text, spring=text).of_term(starts)
    assert found is not None
    assert f"{found:%m-%d}" == text
    over = min(starts + timedelta(days=150), date(starts.year, 12, 31))
    assert 0 <= (over - found).days < 366
    assert season_of(starts) == ("autumn" if starts.month >= 7 else "spring")


@pytest.mark.parametrize(
    ("starts", "day", "found"),
    [
        (date(2026, 8, 24), "01-01", date(2026, 1, 1)),
        (date(2026, 8, 24), "01-15", date(2026, 1, 15)),
        (date(2026, 8, 24), "02-01", date(2026, 2, 1)),
        (date(2026, 8, 24), "05-15", date(2026, 5, 15)),
        (date(2026, 8, 24), "10-15", date(2026, 10, 15)),
        (date(2026, 8, 24), "12-31", date(2026, 12, 31)),
        (date(2027, 1, 11), "12-01", date(2026, 12, 1)),
        (date(2027, 1, 11), "03-15", date(2027, 3, 15)),
        (date(2027, 1, 11), "08-15", date(2026, 8, 15)),
        (date(2026, 6, 22), "12-15", date(2025, 12, 15)),  # a camp in June: the day is before it, not after
        (date(2026, 6, 22), "05-01", date(2026, 5, 1)),
    ],
)
def test_the_day_of_a_term(starts: date, day: str, found: date) -> None:
    assert TermDays(autumn=day, spring=day).of_term(starts) == found


@pytest.mark.parametrize("name", ["rental", "voucher"])
def test_no_rule_has_the_name_of_the_rental_or_the_voucher(name: str) -> None:
    """By these names the price knows what of it is rental, and what a Fritidskort pays."""
    schema = marshmallow_dataclass.class_schema(PriceRule)()
    rule = {"name": name, "text": {"sv": "a", "en": "b"}, "effect": "fee_ore", "amount": 1}
    with pytest.raises(marshmallow.ValidationError, match="name"):
        schema.load(rule)


def test_rental_and_voucher_are_known_in_the_price() -> None:
    lines = (
        PriceLine("book/fees/dance", LocalText("a", "b"), 60000),
        PriceLine("book/pricing/rental", LocalText("a", "b"), 38000),
        PriceLine("book/pricing/voucher", LocalText("a", "b"), -50000),
    )
    price = Price(lines)
    assert (price.total_ore, price.rental_ore, price.voucher_ore) == (48000, 38000, 50000)


class TestLessonsLeft:
    """Who joins late pays for the lessons that are left of all that the course has, week by week."""

    STARTS = date(2027, 1, 18)
    LAST = STARTS + timedelta(weeks=19)

    def price(
        self, joins_on: date | None, amount: int = 0, last: date | None = LAST, a_year: int | None = None
    ) -> int:
        rules = replace(book(rule("late", "lessons_left", amount)), lessons_a_school_year=a_year)
        course = replace(COURSE, last_lesson_on=last)
        found = full_price(course, rules, PriceFacts(age=10, joins_on=joins_on))
        assert found is not None
        return found.total_ore

    @pytest.mark.parametrize(
        ("weeks", "ore"), [(0, 80000), (1, 76000), (10, 40000), (15, 20000), (19, 4000), (20, 0)]
    )
    def test_a_course_of_twenty_lessons(self, weeks: int, ore: int) -> None:
        """What the school guarantees a year is less, and changes nothing."""
        joins_on = self.STARTS + timedelta(weeks=weeks)
        assert self.price(joins_on) == self.price(joins_on, a_year=24) == ore

    @pytest.mark.parametrize(("weeks", "ore"), [(0, 80000), (5, 40000), (9, 8000)])
    def test_a_course_of_ten_is_measured_by_its_own_ten(self, weeks: int, ore: int) -> None:
        last = self.STARTS + timedelta(weeks=9)
        assert self.price(self.STARTS + timedelta(weeks=weeks), last=last, a_year=24) == ore

    def test_before_the_term_and_on_the_day_of_the_first_lesson_it_is_the_whole_fee(self) -> None:
        assert self.price(date(2026, 11, 24)) == self.price(None) == self.price(self.STARTS) == 80000

    def test_a_lesson_counts_as_missed_from_the_day_after_it(self) -> None:
        assert self.price(self.STARTS + timedelta(days=1)) == 76000

    def test_a_part_is_paid_in_any_case_where_the_rule_says_so(self) -> None:
        assert self.price(self.STARTS + timedelta(weeks=18), amount=25) == 20000

    def test_without_a_last_lesson_the_weeks_of_the_term_count(self) -> None:
        assert self.price(self.STARTS + timedelta(weeks=10), last=None) == 80000 * 11 // 21

    def test_the_line_names_the_rule(self) -> None:
        rules = book(rule("late", "lessons_left", 0))
        course = replace(COURSE, last_lesson_on=self.LAST)
        found = full_price(course, rules, PriceFacts(age=10, joins_on=self.STARTS + timedelta(weeks=10)))
        assert found is not None
        assert [(line.rule, line.amount_ore) for line in found.lines] == [
            ("book/fees/instrument", 80000),
            ("book/pricing/late", -40000),
        ]

    @given(st.dates(date(2026, 9, 1), date(2027, 8, 1)), st.integers(-4, 60), st.integers(0, 100))
    def test_never_below_nothing_and_never_above_the_fee(self, joins: date, weeks: int, least: int) -> None:
        found = self.price(joins, least, self.STARTS + timedelta(weeks=weeks))
        assert 80000 * least // 100 <= found <= 80000


class TestWithdrawal:
    def cost(self, *steps: WithdrawalStep, kind: str = "instrument", **facts: Any) -> int | None:
        rules = replace(
            book(rule("late", "percent", 50, joins_from=TermDays(spring="03-15")), voucher=Voucher(TEXT)),
            withdrawal=Withdrawal(steps=steps),
        )
        course, facts = replace(COURSE, fee_kind=kind), {"age": 10, **facts}
        found = cost_of_withdrawal(course, rules, PriceFacts(**facts), date(2027, 4, 1), date(2026, 12, 1))
        return found.cost_ore if found else None

    @pytest.mark.parametrize(("percent", "ore"), [(0, 0), (50, 40000), (100, 80000)])
    def test_a_part_of_the_fee(self, percent: int, ore: int) -> None:
        step = WithdrawalStep("late", TEXT, "end", None, cost_percent=percent)
        assert self.cost(step) == self.cost(step, voucher_ore=30000) == ore

    def test_who_joined_late_pays_a_part_of_its_own_lower_fee(self) -> None:
        whole = WithdrawalStep("late", TEXT, "end", None)
        half = replace(whole, cost_percent=50)
        joined = {"joins_on": date(2027, 3, 20)}
        assert (self.cost(whole, **joined), self.cost(half, **joined)) == (40000, 20000)

    @given(st.integers(0, 100), st.integers(0, 200))
    def test_a_percent_never_costs_more_than_the_place(self, percent: int, discount: int) -> None:
        rules = replace(
            book(rule("less", "percent", discount)),
            withdrawal=Withdrawal(steps=(WithdrawalStep("s", TEXT, "end", None, cost_percent=percent),)),
        )
        found = cost_of_withdrawal(COURSE, rules, PriceFacts(10), date(2027, 4, 1), date(2026, 12, 1))
        assert found is not None
        assert 0 <= found.cost_ore <= price(rules).total_ore

    def test_a_step_for_some_kinds_is_passed_over_by_the_others(self) -> None:
        own = WithdrawalStep("dance", TEXT, "end", 0, kinds=("dance",))
        others = WithdrawalStep("others", TEXT, "end", 20000)
        assert self.cost(own, others) == 20000
        assert self.cost(own, others, kind="dance") == 0
        assert self.cost(own) is None


def test_an_instrument_with_a_rent_of_its_own() -> None:
    rental = Rental(38000, TEXT, free_instruments=("oboe",), fees=(RentalFee("harp", 90000),))
    renting = book(rental=rental)
    assert [price(renting, rents=each).rental_ore for each in ("violin", "harp", "oboe")] == [38000, 90000, 0]
    assert [line.amount_ore for line in price(renting).options] == [38000]


@pytest.mark.parametrize(
    ("rules", "fees"),
    [
        ((), (80000,)),
        ((rule("sibling", "fee_ore", 40000, kinds=("instrument",), child_from=2),), (80000,)),
    ],
)
def test_the_fee_of_a_kind_is_its_fee(rules: tuple[PriceRule, ...], fees: tuple[int, ...]) -> None:
    assert book(*rules).fees_of("instrument") == fees


def test_without_a_fee_it_is_what_rules_set_before_anything_lowers_it() -> None:
    kinds = {"kinds": ("course",)}
    rules = book(
        rule("young", "fee_ore", 40000, max_age=6, **kinds),
        rule("first", "fee_ore", 70000, min_age=7, course_to=1, **kinds),
        rule("second", "fee_ore", 55000, course_from=2, **kinds),
        rule("sibling", "fee_ore", 10000, child_from=2, **kinds),
        rule("relief", "fee_ore", 5000, with_relief=True, **kinds),
        rule("late", "fee_ore", 35000, joins_from=TermDays(spring="03-15"), **kinds),
        rule("adult", "fee_ore", 145000, adult=True, **kinds),
        rule("with_another", "fee_ore", 0, has_another_course=True, **kinds),
    )
    assert rules.fees_of("course") == (40000, 70000)
    assert rules.fees_of("dance") == ()
