"""A split sums exactly and is fair to an öre; amounts are read as they are written, and never guessed."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.money import format_kronor, parse_kronor, split_by_largest_remainder

TOTALS = st.integers(-(10**14), 10**14)
WEIGHTS = st.dictionaries(
    st.text("0123456789", min_size=4, max_size=4), st.integers(0, 10**7), min_size=1, max_size=12
).filter(lambda weights: sum(weights.values()) > 0)


@given(TOTALS, WEIGHTS)
def test_the_parts_sum_exactly(total: int, weights: dict[str, int]) -> None:
    parts = split_by_largest_remainder(total, weights)
    assert sum(parts.values()) == total
    assert parts.keys() == weights.keys()


@given(TOTALS, WEIGHTS)
def test_each_part_is_within_an_ore_of_its_share(total: int, weights: dict[str, int]) -> None:
    total_weight = sum(weights.values())
    for key, part in split_by_largest_remainder(total, weights).items():
        assert abs(part * total_weight - total * weights[key]) < total_weight


@given(TOTALS, WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_weights_does_not_matter(total: int, weights: dict[str, int], random: object) -> None:
    shuffled = list(weights.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert split_by_largest_remainder(total, dict(shuffled)) == split_by_largest_remainder(total, weights)


@given(TOTALS, WEIGHTS)
def test_a_credit_mirrors_its_bill(total: int, weights: dict[str, int]) -> None:
    credit = split_by_largest_remainder(-total, weights)
    assert credit == {key: -part for key, part in split_by_largest_remainder(total, weights).items()}


@given(TOTALS, WEIGHTS)
def test_more_weight_never_pays_less(total: int, weights: dict[str, int]) -> None:
    parts = split_by_largest_remainder(abs(total), weights)
    for lighter, heavier in permutations(weights, 2):
        assert weights[lighter] >= weights[heavier] or parts[lighter] <= parts[heavier]


def test_ties_go_to_the_lowest_code() -> None:
    assert split_by_largest_remainder(1, {"1980": 1, "1907": 1, "1960": 1}) == {
        "1980": 0,
        "1907": 1,
        "1960": 0,
    }


def test_the_largest_remainders_come_first() -> None:
    # Exact shares are 1.4, 3.3 and 5.3 öre: nine are given, and the tenth goes to the 1.4.
    assert split_by_largest_remainder(10, {"a": 14, "b": 33, "c": 53}) == {"a": 2, "b": 3, "c": 5}


def test_who_weighs_nothing_pays_nothing() -> None:
    assert split_by_largest_remainder(100, {"a": 0, "b": 7}) == {"a": 0, "b": 100}


@pytest.mark.parametrize("weights", [{}, {"a": 0, "b": 0}, {"a": 5, "b": -1}, {"a": -5}])
def test_there_must_be_something_to_split_by(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="weights of at least zero"):
        split_by_largest_remainder(100, weights)


@pytest.mark.parametrize(
    ("ore", "swedish", "english"),
    [
        (0, "0,00", "0.00"),
        (5, "0,05", "0.05"),
        (85_000, "850,00", "850.00"),
        (2_576_360, "25\N{NO-BREAK SPACE}763,60", "25,763.60"),
        (-100_000_005, "−1\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}000,05", "−1,000,000.05"),
        (-1, "−0,01", "−0.01"),
    ],
)
def test_amounts_as_each_language_writes_them(ore: int, swedish: str, english: str) -> None:
    assert format_kronor(ore) == swedish
    assert format_kronor(ore, "en") == english


@given(st.integers(-(10**14), 10**14), st.sampled_from(["sv", "en"]))
def test_what_is_written_can_be_read_again(ore: int, language: str) -> None:
    assert parse_kronor(format_kronor(ore, language)) == ore


@pytest.mark.parametrize(
    ("text", "ore"),
    [
        ("1 000 000", 100_000_000),
        ("1000000,50", 100_000_050),
        ("12.5", 1_250),
        (" 7 ", 700),
        ("-3,05", -305),
        ("0", 0),
        ("1\N{NO-BREAK SPACE}000", 100_000),
    ],
)
def test_what_a_person_writes(text: str, ore: int) -> None:
    assert parse_kronor(text) == ore


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "kr",
        "1,2,3",
        "1.000.000",
        "1e6",
        "1_000",
        "٣",
        "NaN",
        "Infinity",
        "--1",
        "5-",
        "0x10",
        "9" * 14,
    ],
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse_kronor(text)


@pytest.mark.parametrize("text", ["1,000", "1.000", "250.000", "0,001"])
def test_three_decimals_are_refused_since_they_could_be_thousands(text: str) -> None:
    with pytest.raises(ValueError, match="smallest part of a krona"):
        parse_kronor(text)


@given(st.text(max_size=20))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    try:
        ore = parse_kronor(text)
    except ValueError:
        return
    assert parse_kronor(format_kronor(ore)) == ore
