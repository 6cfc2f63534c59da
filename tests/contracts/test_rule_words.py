"""A family reads every rule that has an effect: a field that is set changes the text in both languages."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.contracts.fact import LocalText
from services.contracts.rule_book import (
    ORDER_CRITERIA,
    Answering,
    CarryOver,
    Eligibility,
    Fee,
    Limits,
    Ordering,
    ReservedSeats,
    RuleBook,
    TermDays,
    Times,
)
from services.contracts.rule_prices import (
    PriceRule,
    Pricing,
    Relief,
    Rental,
    RentalFee,
    Trial,
    Voucher,
    Withdrawal,
    WithdrawalStep,
)
from services.contracts.rule_words.admission import CRITERIA
from services.contracts.rule_words.names import INSTRUMENTS
from services.contracts.rule_words.parts import money
from services.contracts.rule_words.sentences import chapters
from services.enrolment.words import INSTRUMENTS as CHOICES
from tests.enrolment.rulebooks.books import rule_books

TEXT = LocalText("Regeln på svenska", "The rule in English")
DAYS = TermDays(autumn="05-15", spring="12-01")
RULE = PriceRule("rule", TEXT, "less_ore", 12300)
EFFECTS = ("fee_ore", "less_ore", "more_ore", "percent", "lessons_left")
TRIAL = Trial(3, TEXT)
STEP = WithdrawalStep("step", TEXT, "end", 45600)
BOOK = RuleBook(
    rule_book_id="book",
    municipality_code="1901",
    school_name="Skolan",
    valid_from=date(2024, 1, 1),
    valid_to=None,
    source="the tests",
    eligibility=Eligibility(),
    order=("queue_date",),
    fees=(Fee("dance", 60000, LocalText("Dans", "Dance")),),
    in_words=(),
)
RICH = replace(
    BOOK,
    order=("host_residents_first", "lottery"),
    ordering=Ordering(reserved_seats=(ReservedSeats("1902", 2),)),
    limits=Limits(instruments=1, refuse_clashes=True),
    answering=Answering(answer_days=7),
    carry_over=CarryOver(places="confirm"),
    times=Times(apply_until=DAYS),
    pricing=Pricing(
        rules=(RULE,),
        rental=Rental(38000, TEXT),
        relief=Relief(TEXT),
        voucher=Voucher(TEXT),
    ),
    trials=(TRIAL,),
    withdrawal=Withdrawal(steps=(STEP,)),
)

# What is no rule of its own: names, validity, and what the school writes itself.
NO_RULES = {
    *("rule_book_id", "municipality_code", "school_name", "valid_from", "valid_to", "source", "in_words"),
    *("PriceRule.name", "WithdrawalStep.name", "Fee.kind", "WithdrawalStep.days", "WithdrawalStep.lessons"),
}

# Another value than the one in RICH, by the type that has the field.
VALUES: dict[type, dict[str, Any]] = {
    Eligibility: {
        "min_age": 6, "min_age_in_year": 7, "max_age": 19, "adult_if_space": True, "max_age_in_year": 21,
        "later_max_age_in_year": 25, "until_upper_secondary": "leaving", "born_from": date(2010, 2, 3),
        "born_to": date(2012, 4, 5), "open_to": ("registered", "school"), "teacher_kinds": ("workshop",),
    },
    Fee: {"fee_ore": 77700, "text": LocalText("Annat", "Other")},
    Times: {
        "apply_from": DAYS, "apply_until": TermDays("06-01"), "late_if_space": True,
        "main_admission": DAYS,
    },
    ReservedSeats: {"municipality_code": "1903", "seats": 9, "until": DAYS},
    Ordering: {
        "host_first_until": DAYS, "reserved_seats": (), "lottery_seed": "frö-2026", "siblings_together": True,
    },
    Limits: {
        "courses": 4, "instruments": 3, "another_instrument_if_no_queue": True, "instrument_queues": 5,
        "instrument_kinds": ("harp",), "one_instrument": True, "ranked_choices": 6, "refuse_clashes": False,
        "travel_minutes": 35,
    },
    Answering: {
        "answer_days": 11, "declines_kept": 2, "expiry_is_refusal": False, "offers": "by_staff",
    },
    CarryOver: {
        "places": "end", "queue": "end", "adults": "if_space", "confirm_from": DAYS, "confirm_by": DAYS,
    },
    PriceRule: {
        "text": LocalText("Annat", "Other"), "effect": "fee_ore", "amount": 99900, "kinds": ("dance",),
        "not_kinds": ("dance",), "min_age": 7, "max_age": 8, "adult": True, "course_from": 2, "course_to": 3,
        "child_from": 2, "child_to": 3, "has_another_course": False, "another_not_of": ("dance",),
        "new_pupil": True, "lives_in_host": False, "home_municipalities": ("1902",), "joins_from": DAYS,
        "with_relief": True, "terms": ("spring",),
    },
    Rental: {
        "fee_ore": 11100, "text": LocalText("Annat", "Other"), "per": "school_year", "max_school_years": 2,
        "free_instruments": ("double_bass",), "unlimited_instruments": ("oboe",), "kinds": ("dance",),
        "fees": (RentalFee("harp", 90000),),
    },
    RentalFee: {"instrument": "harp", "fee_ore": 90000},
    Relief: {"text": LocalText("Annat", "Other"), "income_base_amounts": 3},
    Voucher: {"text": LocalText("Annat", "Other"), "min_age_in_year": 9, "max_age_in_year": 15},
    Pricing: {"rules": (), "rental": None, "relief": None, "voucher": None, "siblings_by": "address",
              "not_counted_kinds": ("dance",)},
    Trial: {
        "lessons": 4, "text": LocalText("Annat", "Other"), "kinds": ("dance",), "terms": ("autumn",),
        "new_pupils_only": True, "adults_only": True,
    },
    WithdrawalStep: {
        "text": LocalText("Annat", "Other"), "until": "term_start", "cost_ore": None, "day": DAYS,
        "cost_percent": 40, "kinds": ("dance",),
    },
    Withdrawal: {"deadline": DAYS, "steps": (), "only_guardian": True},
    RuleBook: {
        "eligibility": Eligibility(min_age=5), "order": ("queue_day",), "fees": (), "admission": "round",
        "times": Times(), "ordering": Ordering(), "limits": Limits(), "answering": Answering(),
        "carry_over": CarryOver(), "pricing": Pricing(), "trials": (), "withdrawal": Withdrawal(),
        "lessons_a_school_year": 27,
    },
}  # fmt: skip

WHERE: dict[type, Any] = {
    Eligibility: lambda part: replace(RICH, eligibility=part),
    Fee: lambda part: replace(RICH, fees=(part,)),
    Times: lambda part: replace(RICH, times=part),
    ReservedSeats: lambda part: replace(RICH, ordering=replace(RICH.ordering, reserved_seats=(part,))),
    Ordering: lambda part: replace(RICH, ordering=part),
    Limits: lambda part: replace(RICH, limits=part),
    Answering: lambda part: replace(RICH, answering=part),
    CarryOver: lambda part: replace(RICH, carry_over=part),
    PriceRule: lambda part: replace(RICH, pricing=replace(RICH.pricing, rules=(part,))),
    Rental: lambda part: replace(RICH, pricing=replace(RICH.pricing, rental=part)),
    RentalFee: lambda part: replace(
        RICH, pricing=replace(RICH.pricing, rental=Rental(38000, TEXT, fees=(part,)))
    ),
    Relief: lambda part: replace(RICH, pricing=replace(RICH.pricing, relief=part)),
    Voucher: lambda part: replace(RICH, pricing=replace(RICH.pricing, voucher=part)),
    Pricing: lambda part: replace(RICH, pricing=part),
    Trial: lambda part: replace(RICH, trials=(part,)),
    WithdrawalStep: lambda part: replace(RICH, withdrawal=replace(RICH.withdrawal, steps=(part,))),
    Withdrawal: lambda part: replace(RICH, withdrawal=part),
    RuleBook: lambda part: part,
}
PARTS: dict[type, Any] = {
    Eligibility: RICH.eligibility,
    Fee: RICH.fees[0],
    Times: RICH.times,
    ReservedSeats: RICH.ordering.reserved_seats[0],
    Ordering: RICH.ordering,
    Limits: RICH.limits,
    Answering: RICH.answering,
    CarryOver: RICH.carry_over,
    PriceRule: RULE,
    Rental: RICH.pricing.rental,
    RentalFee: RentalFee("tuba", 12300),
    Relief: RICH.pricing.relief,
    Voucher: RICH.pricing.voucher,
    Pricing: RICH.pricing,
    Trial: TRIAL,
    WithdrawalStep: replace(STEP, until="day"),
    Withdrawal: RICH.withdrawal,
    RuleBook: RICH,
}
FIELDS = [
    (cls, field.name)
    for cls in VALUES
    for field in dataclasses.fields(cls)
    if field.name not in NO_RULES and f"{cls.__name__}.{field.name}" not in NO_RULES
]


def said(book: RuleBook, language: str) -> str:
    return "\n".join(
        sentence.in_language(language) for chapter in chapters(book, {}) for sentence in chapter.sentences
    )


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=[f"{cls.__name__}.{name}" for cls, name in FIELDS])
def test_a_field_that_is_set_is_said_in_both_languages(cls: type, name: str) -> None:
    """A new field of the rule book fails here until it has a value above and a sentence."""
    before, value = PARTS[cls], VALUES[cls][name]
    assert getattr(before, name) != value
    one, other = WHERE[cls](before), WHERE[cls](replace(before, **{name: value}))
    for language in ("sv", "en"):
        assert said(one, language) != said(other, language)


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=[f"{cls.__name__}.{name}" for cls, name in FIELDS])
def test_a_number_stands_in_the_text(cls: type, name: str) -> None:
    value = VALUES[cls][name]
    if isinstance(value, bool) or not isinstance(value, int):
        return
    book = WHERE[cls](replace(PARTS[cls], **{name: value}))
    shown = money(value).en if name.endswith("_ore") or name == "amount" else str(value)
    assert shown in said(book, "en")


def test_every_effect_of_a_price_rule_has_words_of_its_own() -> None:
    for language in ("sv", "en"):
        found = {
            said(WHERE[PriceRule](replace(RULE, effect=effect, amount=50)), language) for effect in EFFECTS
        }
        assert len(found) == len(EFFECTS)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "the part of the fee that is for the lessons that are left of the course"),
        (25, "left of the course, at least 25 % of it"),
    ],
)
def test_who_joins_late_reads_of_the_lessons_that_are_left(amount: int, words: str) -> None:
    found = said(WHERE[PriceRule](replace(RULE, effect="lessons_left", amount=amount)), "en")
    assert words in found
    assert ("%" in found) == bool(amount)


@pytest.mark.parametrize("name", sorted({*CHOICES, *INSTRUMENTS}))
def test_every_instrument_has_a_name(name: str) -> None:
    assert name in INSTRUMENTS
    rental = Rental(38000, TEXT, free_instruments=(name,))
    book = replace(BOOK, pricing=Pricing(rental=rental))
    for language in ("sv", "en"):
        assert f": {INSTRUMENTS[name].in_language(language)}." in said(book, language)
        assert "_" not in said(book, language)


def test_a_kind_without_words_in_the_book_has_ordinary_ones() -> None:
    book = WHERE[PriceRule](replace(RULE, kinds=("course", "sound_lab")))
    assert "(för kurs och sound lab)" in said(book, "sv")
    assert "(for course and sound lab)" in said(book, "en")


def test_what_costs_nothing_is_free_of_charge() -> None:
    book = replace(BOOK, fees=(Fee("dance", 0, LocalText("Dans", "Dance")),))
    assert (said(book, "sv").split("\n")[-1], said(book, "en").split("\n")[-1]) == (
        "Dans: avgiftsfritt.",
        "Dance: free of charge.",
    )


@pytest.mark.parametrize(
    ("book", "sv", "en"),
    [
        (replace(BOOK, trials=(Trial(1, TEXT),)), "Gratis att prova: 1 lektion.", "Free to try: 1 lesson."),
        (replace(BOOK, lessons_a_school_year=1), "garanterar 1 lektion per", "guarantees 1 lesson a"),
        (
            replace(BOOK, pricing=Pricing(rental=Rental(100, TEXT, max_school_years=1))),
            "i högst 1 läsår.",
            "for at most 1 school year.",
        ),
        (
            replace(BOOK, pricing=Pricing(relief=Relief(TEXT, 1))),
            "under 1 inkomstbasbelopp.",
            "under 1 income base amount.",
        ),
    ],
)
def test_one_of_a_thing(book: RuleBook, sv: str, en: str) -> None:
    assert sv in said(book, "sv")
    assert en in said(book, "en")


@pytest.mark.parametrize(("choices", "words"), [(1, "At most 1 choice a term"), (2, "At most 2 choices a")])
def test_one_choice(choices: int, words: str) -> None:
    assert words in said(replace(BOOK, limits=Limits(ranked_choices=choices)), "en")


@pytest.mark.parametrize(
    ("confirm_by", "place", "queue"),
    [
        (TermDays(), "för nästa termin.", "för nästa termin."),
        (DAYS, "för nästa termin.", "för nästa termin."),
        (
            TermDays(autumn="05-01"),
            "för höstterminen; till vårterminen fortsätter den tills den sägs upp.",
            "för höstterminen; till vårterminen står den kvar.",
        ),
        (
            TermDays(spring="12-01"),
            "för vårterminen; till höstterminen fortsätter den tills den sägs upp.",
            "för vårterminen; till höstterminen står den kvar.",
        ),
    ],
)
def test_who_confirms_reads_for_which_terms(confirm_by: TermDays, place: str, queue: str) -> None:
    """A school with a day for one season asks for that one only, see `must_confirm` of the rollover."""
    carry = CarryOver(places="confirm", queue="confirm", confirm_by=confirm_by)
    words = said(replace(BOOK, carry_over=carry), "sv")
    assert f"En plats måste bekräftas {place}" in words
    assert f"En köplats måste bekräftas {queue}" in words


@pytest.mark.parametrize(
    ("order", "keeps"),
    [(("queue_date",), True), (("new_pupils_first", "queue_day", "lottery"), True), (("lottery",), False)],
)
def test_a_queue_date_is_kept_in_a_round_that_goes_by_it(order: tuple[str, ...], keeps: bool) -> None:
    words = said(replace(BOOK, admission="round", order=order), "en")
    assert "how early in the round one applies" in words
    assert ("who has a queue date already keeps it" in words) == keeps


@pytest.mark.parametrize("criterion", ORDER_CRITERIA)
def test_every_criterion_has_words(criterion: str) -> None:
    book = replace(BOOK, order=(criterion,))
    for language in ("sv", "en"):
        assert "_" not in said(book, language)
        assert CRITERIA[criterion].in_language(language) in said(book, language)


@pytest.mark.parametrize(
    "until", ["answer_time", "deadline", "term_start", "first_lesson", "lessons", "day", "before_day", "end"]
)
def test_every_step_of_a_withdrawal_says_until_when(until: str) -> None:
    steps = (replace(STEP, until=until, days=8, lessons=4, day=DAYS),)
    book = replace(BOOK, withdrawal=Withdrawal(steps=steps))
    others = replace(
        BOOK, withdrawal=Withdrawal(steps=(replace(STEP, until="end" if until != "end" else "day"),))
    )
    assert said(book, "en") != said(others, "en")
    if until == "answer_time":
        assert "day 8 after the offer" in said(book, "en")
    if until == "lessons":
        assert "lesson 4" in said(book, "en")


@pytest.mark.parametrize("book", sorted(rule_books()))
def test_the_published_books_read_well(book: str) -> None:
    """No gap, no field's name, and Swedish is not English."""
    for chapter in chapters(rule_books()[book], {}):
        for sentence in chapter.sentences:
            for words in (sentence.sv, sentence.en):
                assert words.strip()
                assert "{" not in words
                assert "None" not in words
                assert "  " not in words
                assert words.endswith(".")


@pytest.mark.parametrize(
    ("ore", "sv", "en"),
    [(65000, "650 kr", "SEK 650"), (145050, "1 450,50 kr", "SEK 1,450.50"), (0, "0 kr", "SEK 0")],
)
def test_amounts(ore: int, sv: str, en: str) -> None:
    assert (money(ore).sv.replace("\N{NO-BREAK SPACE}", " "), money(ore).en) == (sv, en)


def test_municipalities_are_called_by_their_names() -> None:
    reserved = (ReservedSeats("1980", 2), ReservedSeats("1984", 1))
    kept = replace(BOOK, ordering=Ordering(reserved_seats=reserved))
    said = " ".join(each.sv for chapter in chapters(kept, {"1980": "Västerås"}) for each in chapter.sentences)
    assert "hålls 2 platser för elever från Västerås." in said
    assert "hålls 1 plats för elever från kommun 1984." in said
