from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.agreements import Price
from services.billing.domain.compensation import (
    Asked,
    Basis,
    Ceiling,
    Cut,
    Line,
    Part,
    Term,
    changes,
    compute,
    digest,
    document,
    refusal_for,
)
from services.contracts.fact import LocalText

TERM = Term("vt27", LocalText("VT", "Spring"), date(2027, 1, 11), date(2027, 6, 11))
DAY_AFTER = date(2027, 6, 12)
PRICES = (Price("ensemble", 500_00), Price("instrument", 3_000_00))
CODES = ("1904", "1907", "1962", "1980")
KINDS = st.sampled_from(("ensemble", "instrument"))


def part(number: int, home: str, host: str, kind: str = "instrument", thousandths: int = 1000) -> Part:
    return Part(f"a{number}", home, host, kind, TERM.starts_on, TERM.ends_on, thousandths)


def basis(*parts: Part, ceilings: tuple[Ceiling, ...] = (), prices: tuple[Price, ...] = PRICES) -> Basis:
    return Basis(TERM, 2, prices, 30, parts, ceilings, 0)


@st.composite
def bases(draw: st.DrawFn) -> Basis:
    pairs = st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)).filter(lambda pair: pair[0] != pair[1])
    size = draw(st.integers(0, 25))
    parts = [part(number, *draw(pairs), draw(KINDS), draw(st.integers(0, 1000))) for number in range(size)]
    limits = [
        Ceiling(code, 1, draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6)), "the board")
        for code in draw(st.lists(st.sampled_from(CODES), unique=True))
    ]
    prices = tuple(Price(kind, draw(st.integers(0, 10**6))) for kind in ("ensemble", "instrument"))
    return basis(*parts, ceilings=tuple(limits), prices=prices)


@given(bases())
def test_every_sum_is_exact_for_any_basis(of: Basis) -> None:
    found = compute(of)
    prices = {price.kind: price.price_ore for price in of.prices}
    for host in CODES:
        for kind, price_ore in prices.items():
            many = sum(p.thousandths for p in of.parts if (p.host, p.kind) == (host, kind))
            got = sum(line.amount_ore for line in found.lines if (line.host, line.kind) == (host, kind))
            assert got == many * price_ore // 1000
    assert sum(found.by_home_ore().values()) == sum(found.by_host_ore().values()) == found.total_ore
    gross = sum(line.amount_ore for line in found.lines)
    assert found.total_ore == gross - sum(cut.cut_ore for cut in found.cuts)
    assert all(ore >= 0 for row in found.owed_ore().values() for ore in row.values())
    for ceiling in of.ceilings:
        owed = found.by_home_ore().get(ceiling.home, 0)
        assert owed <= ceiling.left_ore
        if found.cut_ore(ceiling.home):
            assert owed == ceiling.left_ore


@given(bases())
def test_the_same_basis_gives_the_same_bytes(of: Basis) -> None:
    assert document(of) == document(replace(of))
    assert digest(of) == digest(replace(of))
    if of.parts:
        assert digest(replace(of, parts=of.parts[1:])) != digest(of)


def test_places_times_price_is_owed_and_the_parts_of_a_split_place_sum_to_its_price() -> None:
    found = compute(
        basis(
            part(1, "1962", "1980"),
            part(2, "1962", "1980", thousandths=322),
            part(3, "1907", "1980", thousandths=678),
            part(4, "1962", "1904", "ensemble"),
        )
    )
    assert found.lines == (
        Line("1907", "1980", "instrument", 678, 3_000_00, 2_034_00),
        Line("1962", "1904", "ensemble", 1000, 500_00, 500_00),
        Line("1962", "1980", "instrument", 1322, 3_000_00, 3_966_00),
    )
    assert found.by_host_ore() == {"1980": 6_000_00, "1904": 500_00}


def test_a_ceiling_cuts_from_each_host_in_proportion() -> None:
    ceiling = Ceiling("1962", 1, 4_000_00, 1_000_00, "the board")
    found = compute(
        basis(
            part(1, "1962", "1980"),
            part(2, "1962", "1904"),
            part(3, "1962", "1904", "ensemble"),
            ceilings=(ceiling,),
        )
    )
    # 6 500 kr are owed and 3 000 kr are left: 3 500 kr are cut, 3 000 : 3 500.
    assert found.cuts == (Cut("1962", "1904", 1_884_62), Cut("1962", "1980", 1_615_38))
    assert found.by_home_ore() == {"1962": 3_000_00}
    assert found.cut_ore("1962") == 3_500_00


@pytest.mark.parametrize(
    ("ceiling_ore", "used_ore", "owed_ore"), [(0, 0, 0), (5, 9, 0), (3_000_00, 0, 3_000_00)]
)
def test_a_ceiling_that_is_used_up_leaves_nothing(ceiling_ore: int, used_ore: int, owed_ore: int) -> None:
    ceiling = Ceiling("1962", 1, ceiling_ore, used_ore, "the board")
    found = compute(basis(part(1, "1962", "1980"), ceilings=(ceiling,)))
    assert found.by_home_ore() == {"1962": owed_ore}


@pytest.mark.parametrize(
    ("of", "today", "name"),
    [
        (basis(part(1, "1962", "1980")), TERM.ends_on, "term_not_over"),
        (basis(part(1, "1962", "1980"), prices=()), DAY_AFTER, "price_list_missing"),
        (basis(part(1, "1962", "1980", "")), DAY_AFTER, "course_not_known"),
        (basis(part(1, "1962", "1980", "dance")), DAY_AFTER, "price_missing"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(of: Basis, today: date, name: str) -> None:
    refusal = refusal_for(of, today)
    assert refusal is not None
    assert refusal.name == name


def test_a_term_that_is_over_with_a_price_for_every_kind_can_be_computed() -> None:
    assert refusal_for(basis(part(1, "1962", "1980")), DAY_AFTER) is None


def test_only_what_differs_is_asked_anew_host_by_host() -> None:
    found = compute(basis(part(1, "1962", "1980"), part(2, "1907", "1980"), part(3, "1980", "1904")))
    same = Asked("i1", "2027-0001", "1962", {"1980": 3_000_00})
    other_host = Asked("i2", "2027-0002", "1980", {"1962": 3_000_00})
    gone = Asked("i3", "2027-0003", "1904", {"1980": 500_00})
    by_home = {each.home: each for each in changes(found, [same, other_host, gone])}
    assert set(by_home) == {"1904", "1907", "1980"}
    assert (by_home["1904"].amount_ore, by_home["1904"].delta_ore) == (0, -500_00)
    assert (by_home["1907"].credit, by_home["1907"].delta_ore) == (None, 3_000_00)
    assert (by_home["1980"].credit, by_home["1980"].delta_ore) == (other_host, 0)
