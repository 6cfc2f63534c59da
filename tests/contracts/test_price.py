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
from services.contracts.price import Price, PriceFacts, PriceLine, full_price, takes_voucher
from services.contracts.rule_book import Eligibility, Fee, RuleBook
from services.contracts.rule_dates import TermDays, season_of
from services.contracts.rule_prices import PriceRule, Pricing, Rental, Voucher

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
    st.tuples(st.sampled_from(["fee_ore", "less_ore"]), st.integers(0, 200000)),
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
    [("fee_ore", 33000, 33000), ("less_ore", 5000, 75000), ("less_ore", 90000, 0), ("percent", 50, 40000)],
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
    assert 150 - 366 < (found - starts).days <= 150
    assert season_of(starts) == ("autumn" if starts.month >= 7 else "spring")


@pytest.mark.parametrize(
    ("starts", "day", "found"),
    [
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
    """Who joins late pays for the lessons that are left of those that the school holds in a term."""

    STARTS = date(2027, 1, 18)

    def price(self, joins_on: date | None, amount: int = 0, a_year: int | None = 24) -> int:
        rules = replace(book(rule("late", "lessons_left", amount)), lessons_a_school_year=a_year)
        found = full_price(COURSE, rules, PriceFacts(age=10, joins_on=joins_on))
        assert found is not None
        return found.total_ore

    @pytest.mark.parametrize(
        ("weeks", "ore"), [(0, 80000), (1, 73333), (6, 40000), (11, 6666), (12, 0), (19, 0)]
    )
    def test_twelve_lessons_a_term_where_the_school_holds_24_a_year(self, weeks: int, ore: int) -> None:
        assert self.price(self.STARTS + timedelta(weeks=weeks)) == ore

    def test_before_the_term_and_on_the_day_of_the_first_lesson_it_is_the_whole_fee(self) -> None:
        assert self.price(date(2026, 11, 24)) == self.price(None) == self.price(self.STARTS) == 80000

    def test_a_lesson_counts_as_missed_from_the_day_after_it(self) -> None:
        assert self.price(self.STARTS + timedelta(days=1)) == 73333

    def test_an_odd_number_a_year_is_rounded_up_for_a_term(self) -> None:
        assert self.price(self.STARTS + timedelta(weeks=7), a_year=27) == 40000

    def test_a_part_is_paid_in_any_case_where_the_rule_says_so(self) -> None:
        assert self.price(self.STARTS + timedelta(weeks=11), amount=25) == 20000

    def test_without_a_number_the_weeks_of_the_term_count(self) -> None:
        assert self.price(self.STARTS + timedelta(weeks=10), a_year=None) == 80000 * 11 // 21

    def test_the_line_names_the_rule(self) -> None:
        rules = replace(book(rule("late", "lessons_left", 0)), lessons_a_school_year=24)
        found = full_price(COURSE, rules, PriceFacts(age=10, joins_on=self.STARTS + timedelta(weeks=6)))
        assert found is not None
        assert [(line.rule, line.amount_ore) for line in found.lines] == [
            ("book/fees/instrument", 80000),
            ("book/pricing/late", -40000),
        ]

    @given(st.dates(date(2026, 9, 1), date(2027, 8, 1)), st.integers(1, 60), st.integers(0, 100))
    def test_never_below_nothing_and_never_above_the_fee(self, joins: date, a_year: int, least: int) -> None:
        found = self.price(joins, least, a_year)
        assert 80000 * least // 100 <= found <= 80000
