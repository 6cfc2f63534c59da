from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.references import (
    LONGEST,
    ReferenceKind,
    is_organisation_number,
    is_reference,
    make_reference,
    read_organisation_number,
    read_reference,
    references_in,
    vat_number,
    written_organisation_number,
)
from services.chassis.refusals import Refused

PLAIN, WITH_LENGTH = ReferenceKind(), ReferenceKind(length_digit=True)
NUMBERS = st.text("0123456789", min_size=1, max_size=LONGEST - 2)
KINDS = st.sampled_from([PLAIN, WITH_LENGTH])


def luhn_sum(digits: str) -> int:
    """The textbook's way, from the right: every second digit doubled, nines cast out."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total


@pytest.mark.parametrize(
    ("number", "kind", "reference"),
    [("1234", PLAIN, "12344"), ("1234", WITH_LENGTH, "123463"), ("20250001", PLAIN, "202500013")],
)
def test_worked_references(number: str, kind: ReferenceKind, reference: str) -> None:
    assert make_reference(number, kind) == reference
    assert luhn_sum(reference) % 10 == 0


@given(NUMBERS, KINDS)
def test_what_is_made_is_verified(number: str, kind: ReferenceKind) -> None:
    reference = make_reference(number, kind)
    assert luhn_sum(reference) % 10 == 0
    assert is_reference(reference, kind)
    assert read_reference(f" {reference[:3]} {reference[3:]}", kind) == reference
    if kind.length_digit:
        assert reference[-2] == str(len(reference))[-1]


@given(NUMBERS, KINDS, st.data())
def test_one_wrong_digit_is_always_seen(number: str, kind: ReferenceKind, data: st.DataObject) -> None:
    reference = make_reference(number, kind)
    place = data.draw(st.integers(0, len(reference) - 1))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != reference[place]]))
    broken = reference[:place] + wrong + reference[place + 1 :]
    assert not is_reference(broken, kind)
    with pytest.raises(Refused) as refused:
        read_reference(broken, kind)
    assert (refused.value.refusal.name, refused.value.refusal.rule) == (
        "reference_invalid",
        "bankgirot-ocr-modulus-10",
    )


@given(NUMBERS)
def test_a_missing_digit_is_seen_by_the_length_digit(number: str) -> None:
    reference = make_reference(number, WITH_LENGTH)
    assert not is_reference("0" + reference, WITH_LENGTH)


@pytest.mark.parametrize("number", ["", "12a", "1 2", "1" * 25, "½"])
def test_what_makes_no_reference(number: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        make_reference(number, PLAIN)


@pytest.mark.parametrize("text", ["", "0", "1", "12a44", "٣٣٣", "1" * 26])
def test_what_is_no_reference(text: str) -> None:
    assert not is_reference(text, PLAIN)


def test_references_among_words() -> None:
    text = "Faktura 202500013, tack. Ring 021-390001 eller 12344. 2025 0002 1 x202500013y"
    assert references_in(text, PLAIN) == ("202500013", "12344", "202500021")
    assert references_in("18 av 26", PLAIN) == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [("212000-2098", "2120002098"), ("2120002098", "2120002098"), ("16212000-2098", "2120002098")],
)
def test_organisation_numbers(text: str, number: str) -> None:
    assert read_organisation_number(text) == number
    assert written_organisation_number(number) == "212000-2098"
    assert vat_number(number) == "SE212000209801"


@pytest.mark.parametrize(
    "text", ["", "212000-2099", "212000209", "8112189876", "5500000-2098", "abc", "2" * 40]
)
def test_what_is_no_organisation(text: str) -> None:
    assert not is_organisation_number(text)
    with pytest.raises(Refused) as refused:
        read_organisation_number(text)
    assert refused.value.refusal.name == "organisation_number_invalid"
