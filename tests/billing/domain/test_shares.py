from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.shares import MEMBERS, MOST_BUDGET_ORE, compute_shares
from services.chassis.refusals import Refused
from tests.billing.examples import BUDGET_ORE, NINE_ORE, POPULATIONS, REGION, SURAHAMMAR, TEN_ORE

NINE = {code: people for code, people in POPULATIONS.items() if code != SURAHAMMAR}

codes = st.integers(1900, 1999).map(str)
populations = st.dictionaries(codes, st.integers(1, 2_000_000), min_size=1, max_size=40)
budgets = st.integers(1, 10**11)
percents = st.integers(0, 100)


def test_nine_members_as_in_the_worked_example() -> None:
    shares = compute_shares(BUDGET_ORE, REGION, 50, NINE)
    assert shares.by_payer == {REGION: 500_000_00, **NINE_ORE}
    assert sum(NINE_ORE.values()) == 500_000_00


def test_ten_members_as_in_the_worked_example() -> None:
    shares = compute_shares(BUDGET_ORE, REGION, 50, POPULATIONS)
    assert shares.by_payer == {REGION: 500_000_00, **TEN_ORE}
    assert sum(TEN_ORE.values()) == 500_000_00


def test_rounding_each_share_on_its_own_would_be_wrong() -> None:
    members = compute_shares(BUDGET_ORE, REGION, 50, NINE).members
    each_alone = sum(round(part.exact_ore) for part in members.parts)
    assert each_alone == 500_000_02


@given(budgets, percents, populations)
def test_parts_sum_exactly_to_the_budget(budget: int, percent: int, people: Mapping[str, int]) -> None:
    shares = compute_shares(budget, REGION, percent, people)
    assert sum(shares.by_payer.values()) == budget
    assert sum(part.share_ore for part in shares.members.parts) == budget - shares.region_ore


@given(budgets, percents, populations)
def test_every_part_is_within_an_ore_of_the_exact_share(
    budget: int, percent: int, people: Mapping[str, int]
) -> None:
    shares = compute_shares(budget, REGION, percent, people)
    for part in (*shares.halves.parts, *shares.members.parts):
        assert abs(part.share_ore - part.exact_ore) < 1
    assert abs(shares.region_ore - Fraction(budget * percent, 100)) < 1


@given(budgets, percents, populations, st.randoms(use_true_random=False))
def test_the_order_of_input_does_not_matter(
    budget: int, percent: int, people: Mapping[str, int], random: st.DataObject
) -> None:
    shuffled = list(people.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert compute_shares(budget, REGION, percent, people) == compute_shares(
        budget, REGION, percent, dict(shuffled)
    )


@given(budgets, percents, populations)
def test_the_derivation_leads_to_the_share(budget: int, percent: int, people: Mapping[str, int]) -> None:
    members = compute_shares(budget, REGION, percent, people).members
    assert 0 <= members.left_ore < len(members.parts)
    assert sum(part.extra_ore for part in members.parts) == members.left_ore
    for part in members.parts:
        assert part.rounded_down_ore + part.extra_ore == part.share_ore
        assert part.rounded_down_ore + part.remainder_ore == part.exact_ore
        assert 0 <= part.remainder_ore < 1


@given(budgets, populations)
def test_no_smaller_remainder_gets_an_ore_before_a_larger_one(budget: int, people: Mapping[str, int]) -> None:
    parts = compute_shares(budget, REGION, 50, people).members.parts
    with_extra = [part.remainder_ore for part in parts if part.extra_ore]
    without = [part.remainder_ore for part in parts if not part.extra_ore]
    if with_extra and without:
        assert min(with_extra) >= max(without)


def test_equal_remainders_go_by_municipality_code() -> None:
    shares = compute_shares(5, REGION, 0, {"1984": 10, "1904": 10, "1960": 10})
    assert shares.by_payer == {REGION: 0, "1904": 2, "1960": 2, "1984": 1}


def test_the_odd_ore_of_an_odd_budget_is_the_regions() -> None:
    shares = compute_shares(100_000_001, REGION, 50, NINE)
    assert (shares.region_ore, shares.members.total_ore) == (50_000_001, 50_000_000)
    assert [part.payer_code for part in shares.halves.parts] == [REGION, MEMBERS]


def test_the_odd_ore_goes_to_the_members_where_their_remainder_is_larger() -> None:
    """30 percent of 101 öre is 30.3 and 70 percent 70.7."""
    shares = compute_shares(101, REGION, 30, {"1980": 1})
    assert shares.by_payer == {REGION: 30, "1980": 71}


def test_the_smallest_budget() -> None:
    assert compute_shares(1, REGION, 50, {"1962": 3, "1980": 4}).by_payer == {REGION: 1, "1962": 0, "1980": 0}


@pytest.mark.parametrize(
    ("budget", "percent", "people", "refusal"),
    [
        (0, 50, NINE, "budget_not_positive"),
        (-1, 50, NINE, "budget_not_positive"),
        (MOST_BUDGET_ORE + 1, 50, NINE, "budget_too_large"),
        (100, -1, NINE, "region_percent_impossible"),
        (100, 101, NINE, "region_percent_impossible"),
        (100, 50, {}, "no_members"),
        (100, 50, {**NINE, "1981": None}, "population_missing"),
        (100, 50, {**NINE, "1981": 0}, "population_not_positive"),
        (100, 50, {**NINE, "1981": -5}, "population_not_positive"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    budget: int, percent: int, people: Mapping[str, int | None], refusal: str
) -> None:
    with pytest.raises(Refused) as caught:
        compute_shares(budget, REGION, percent, people)
    assert caught.value.refusal.name == refusal


def test_missing_populations_are_named() -> None:
    with pytest.raises(Refused) as caught:
        compute_shares(100, REGION, 50, {"1981": None, "1980": 5, "1962": None}, {"1981": "Sala"})
    assert caught.value.refusal.facts == {"municipality": "1962, Sala"}


def test_a_wrong_population_is_named() -> None:
    with pytest.raises(Refused) as caught:
        compute_shares(100, REGION, 50, {"1981": 0}, {"1981": "Sala"})
    assert caught.value.refusal.facts == {"municipality": "Sala", "population": 0}
