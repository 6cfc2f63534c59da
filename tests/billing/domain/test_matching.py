from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import matching
from services.billing.domain.camt.statement import Payment
from services.billing.domain.matching import (
    Allocation,
    Book,
    Earlier,
    Match,
    OpenItem,
    Payer,
    match,
    match_all,
)
from services.billing.domain.references import ReferenceKind, make_reference

KIND = ReferenceKind()
DAY = date(2025, 4, 30)
PAYERS = {
    "1962": Payer("1962", "Norberg", "2120001984", frozenset({"SE1"})),
    "1980": Payer("1980", "Västerås", "2120002080"),
}


def item(number: int, payer: str, ore: int, due: date = DAY) -> OpenItem:
    name = f"2025{number:04d}"
    return OpenItem(f"id-{number}", name, payer, make_reference(name, KIND), ore, due)


ITEMS = [
    item(1, "1962", 1000),
    item(2, "1962", 2000, date(2025, 6, 30)),
    item(3, "1980", 5000),
    item(4, "1980", 700),
]
BOOK = Book(ITEMS, PAYERS)
PAYMENT = Payment("k", 1000, "SEK", True, False, DAY, (), "", "", "", "")


def paid(ore: int, **changes: object) -> Match:
    return match(replace(PAYMENT, amount_ore=ore, **changes), BOOK)  # type: ignore[arg-type]  # free changes


def by_reference(ore: int, *numbers: int) -> Match:
    return paid(ore, references=tuple(ITEMS[number - 1].reference for number in numbers))


def test_a_reference_decides() -> None:
    exact = by_reference(1000, 1)
    assert (exact.outcome, exact.allocations, exact.rest_ore) == ("exact", (Allocation("id-1", 1000),), 0)
    assert (exact.payer_code, exact.because) == ("1962", "reference")


def test_partial_and_over() -> None:
    assert by_reference(999, 1) == Match(
        "partial", (Allocation("id-1", 999),), 0, "1962", because="reference"
    )
    assert by_reference(1001, 1) == Match("over", (Allocation("id-1", 1000),), 1, "1962", because="reference")


def test_several_references_are_paid_in_the_order_they_fall_due() -> None:
    assert by_reference(2500, 2, 1).allocations == (Allocation("id-1", 1000), Allocation("id-2", 1500))
    assert by_reference(3000, 2, 1).outcome == "exact"


def test_a_reference_or_number_in_words() -> None:
    assert paid(1000, message=f"faktura {ITEMS[0].reference}").because == "reference_in_message"
    assert paid(1000, references=("20250001",)).because == "invoice_number_in_message"


def test_a_wrong_check_digit_decides_nothing() -> None:
    wrong = ITEMS[0].reference[:-1] + str((int(ITEMS[0].reference[-1]) + 1) % 10)
    assert paid(999, references=(wrong,)).outcome == "unknown"


@pytest.mark.parametrize(
    "who",
    [
        {"payer_organisation_number": "2120001984"},
        {"payer_account": "SE1"},
        {"payer_name": "NORBERGS KOMMUN"},
        {"payer_name": "Norberg"},
    ],
)
def test_amount_and_payer_suggest_and_a_person_confirms(who: dict[str, str]) -> None:
    found = paid(2000, **who)
    assert (found.outcome, found.allocations, found.rest_ore) == ("suggested", (), 2000)
    (suggestion,) = found.suggestions
    assert (suggestion.allocations, suggestion.because) == ((Allocation("id-2", 2000),), "amount_and_payer")


def test_other_suggestions() -> None:
    assert paid(3000, payer_account="SE1").suggestions[0].because == "sum_of_payer"
    assert paid(700).suggestions[0].because == "amount"
    oldest = paid(1500, payer_account="SE1").suggestions[0]
    assert oldest.because == "payer"
    assert oldest.allocations == (Allocation("id-1", 1000), Allocation("id-2", 500))


def test_nobody_claims_it() -> None:
    assert paid(123) == Match("unknown", (), 123)


def test_a_name_that_two_have_names_nobody() -> None:
    twins = {"1": Payer("1", "Norberg"), "2": Payer("2", "Norberg")}
    assert matching.payer_of(replace(PAYMENT, payer_name="Norberg"), twins) is None


def test_foreign_currency_and_what_goes_out_wait() -> None:
    reference = (ITEMS[0].reference,)
    assert paid(1000, currency="EUR", references=reference).outcome == "foreign_currency"
    assert paid(1000, is_credit=False, references=reference).outcome == "outgoing"


EARLIER = Earlier("old", 1000, (ITEMS[0].reference,), "SE1", "", date(2025, 4, 1), "E1")


@pytest.mark.parametrize(
    "fits", [{"references": EARLIER.references}, {"payer_account": "SE1"}, {"end_to_end": "E1"}]
)
def test_what_is_taken_back_finds_what_it_takes_back(fits: dict[str, object]) -> None:
    book = replace(BOOK, earlier=[EARLIER, replace(EARLIER, key="older", booked_on=date(2025, 3, 1))])
    back = replace(PAYMENT, is_credit=False, is_reversal=True, **fits)  # type: ignore[arg-type]
    found = match(back, book)
    assert (found.outcome, found.reverses, found.rest_ore) == ("reversed", "old", 0)
    assert match(replace(back, amount_ore=999), book).outcome == "reversal_unknown"
    assert match(replace(back, booked_on=date(2025, 1, 1)), book).outcome == "reversal_unknown"


AMOUNTS = st.integers(1, 10**9)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Payment], Book]:
    items = [
        item(number, draw(st.sampled_from(sorted(PAYERS))), draw(AMOUNTS), draw(st.dates()))
        for number in range(1, draw(st.integers(0, 6)) + 1)
    ]
    references = st.sampled_from([each.reference for each in items] + ["", "nonsense", "12344"])
    amounts = AMOUNTS | st.sampled_from([each.open_ore for each in items] or [1])
    payments = [
        Payment(
            f"k{place}",
            draw(amounts),
            draw(st.sampled_from(["SEK", "SEK", "SEK", "EUR"])),
            draw(st.sampled_from([True, True, True, False])),
            draw(st.booleans()),
            DAY,
            tuple(draw(st.lists(references, max_size=2))),
            draw(references),
            draw(st.sampled_from(["", "Norbergs kommun", "Okänd AB"])),
            draw(st.sampled_from(["", "SE1"])),
            draw(st.sampled_from(["", "2120002080"])),
        )
        for place in range(draw(st.integers(0, 6)))
    ]
    return payments, Book(items, PAYERS)


@given(situations())
def test_no_ore_is_lost_doubled_or_paid_too_much(situation: tuple[list[Payment], Book]) -> None:
    payments, book = situation
    left = {each.invoice_id: each.open_ore for each in book.items}
    for payment, found in zip(payments, match_all(payments, book), strict=True):
        assert found.outcome in matching.OUTCOMES
        allocated = sum(each.amount_ore for each in found.allocations)
        if found.outcome != matching.REVERSED:
            assert allocated + found.rest_ore == payment.amount_ore
        for each in found.allocations:
            assert each.amount_ore > 0
            left[each.invoice_id] -= each.amount_ore
        if payment.currency != "SEK" or not payment.is_credit:
            assert allocated == 0
        assert (found.outcome in {"exact", "partial", "over"}) == bool(found.allocations)
        assert (found.outcome == "over") <= (found.rest_ore > 0)
        for suggestion in found.suggestions:
            assert sum(each.amount_ore for each in suggestion.allocations) <= payment.amount_ore
    assert all(ore >= 0 for ore in left.values())


@given(situations())
def test_the_same_in_gives_the_same_out(situation: tuple[list[Payment], Book]) -> None:
    payments, book = situation
    turned = replace(book, items=list(reversed(book.items)))
    assert match_all(payments, book) == match_all(payments, turned)
