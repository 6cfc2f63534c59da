from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.domain.agreements import (
    BY_DAY,
    BY_PERIOD,
    FIXED,
    KRONA,
    ORE,
    DayOfYear,
    Membership,
    PopulationRule,
    Price,
    Terms,
    refusal_for_members,
    refusal_for_terms,
    terms_document,
    terms_from,
)
from services.billing.domain.basis import Agreement, Basis, Member, digest, document, paying_members
from services.chassis.refusals import Refused
from services.contracts.fact import LocalText
from tests.billing.examples import BUDGET_ORE, NINE_ORE, POPULATIONS, REGION, SURAHAMMAR

RULE = PopulationRule(FIXED, DayOfYear(12, 31), 1)
QUARTERLY = tuple(DayOfYear(month, 28) for month in (1, 4, 7, 10))
TERMS = Terms(RULE, QUARTERLY, ORE, BY_PERIOD, 30, netting=True)
NINE = {code: people for code, people in POPULATIONS.items() if code != SURAHAMMAR}
SINCE = date(2015, 1, 1)
ARBOGA = "1984"


def since_2015(populations: Mapping[str, int]) -> tuple[Membership, ...]:
    return tuple(Membership(code, code, SINCE, None) for code in sorted(populations))


def basis_of(
    terms: Terms,
    populations: Mapping[str, int] = NINE,
    memberships: tuple[Membership, ...] | None = None,
    budget_ore: int = BUDGET_ORE,
    percent: int = 50,
    year: int = 2025,
) -> Basis:
    agreement = Agreement(1, SINCE, None, REGION, "R", percent, LocalText("", ""), "", terms)
    spans = since_2015(populations) if memberships is None else memberships
    try:
        pay = paying_members(year, terms, spans)
    except Refused:
        pay = tuple(sorted(populations))
    members = tuple(Member(code, code, populations[code], 1, "scb.se") for code in pay)
    return Basis(year, budget_ore, date(year - 1, 12, 31), agreement, members, spans)


def leaving(code: str, day: date) -> tuple[Membership, ...]:
    return tuple(replace(span, left_on=day) if span.code == code else span for span in since_2015(NINE))


def sums(basis: Basis) -> dict[str, int]:
    totals: dict[str, int] = {}
    for instalment in basis.instalments():
        for payer, ore in instalment.amounts_ore.items():
            totals[payer] = totals.get(payer, 0) + ore
    return totals


days = st.dates(date(2024, 1, 1), date(2026, 12, 31))


@st.composite
def bases(draw: st.DrawFn) -> Basis:
    """Any agreement, any budget, any members; one of them is always there, so that every day is paid for."""
    codes = draw(st.lists(st.integers(1900, 1999).map(str), min_size=1, max_size=8, unique=True))
    populations = {code: draw(st.integers(1, 200_000)) for code in codes}
    spans = [Membership(codes[0], codes[0], SINCE, None)]
    for code in codes[1:]:
        joined = draw(days)
        left = draw(st.none() | st.integers(0, 900).map(lambda n, joined=joined: joined + timedelta(days=n)))
        spans.append(Membership(code, code, joined, left))
    count = draw(st.sampled_from((1, 2, 4, 12)))
    due = tuple(DayOfYear(1 + n * (12 // count), draw(st.integers(1, 28))) for n in range(count))
    terms = Terms(
        RULE, due, draw(st.sampled_from((ORE, KRONA))), draw(st.sampled_from((BY_PERIOD, BY_DAY))), 30, True
    )
    year = draw(st.sampled_from((2024, 2025)))
    budget = draw(st.integers(1, 10**10) | st.integers(1, 200))
    spans.sort(key=lambda span: span.code)
    return basis_of(terms, populations, tuple(spans), budget, draw(st.integers(0, 100)), year)


@settings(deadline=None)
@given(bases())
def test_every_equation_holds_for_any_agreement(basis: Basis) -> None:
    shares = basis.shares()
    assert sum(shares.by_payer.values()) == basis.budget_ore
    assert sums(basis) == {payer: ore for payer, ore in shares.by_payer.items() if payer in sums(basis)}
    assert sum(sums(basis).values()) == basis.budget_ore
    for instalment in basis.instalments():
        assert all(ore >= 0 for ore in instalment.amounts_ore.values())
    for part in shares.members.parts:
        segments = max(1, len(shares.segments))
        assert abs(part.share_ore - part.exact_ore) < segments


@settings(deadline=None)
@given(bases())
def test_the_same_basis_gives_the_same_bytes(basis: Basis) -> None:
    again = replace(basis, agreement=replace(basis.agreement, terms=_read_back(basis.agreement.terms)))
    assert document(again, again.shares()) == document(basis, basis.shares())
    assert digest(again, again.shares()) == digest(basis, basis.shares())


def _read_back(terms: Terms | None) -> Terms:
    assert terms is not None
    return terms_from(terms_document(terms))


@pytest.mark.parametrize("count", [1, 2, 4, 12])
@pytest.mark.parametrize("change", [BY_PERIOD, BY_DAY])
def test_where_nobody_comes_or_goes_the_shares_are_those_of_the_example(count: int, change: str) -> None:
    due = tuple(DayOfYear(1 + n * (12 // count), 28) for n in range(count))
    basis = basis_of(replace(TERMS, due_days=due, change=change))
    assert basis.shares().by_payer == {REGION: 500_000_00, **NINE_ORE}
    assert sums(basis) == {REGION: 500_000_00, **NINE_ORE}
    assert [each.total_ore for each in basis.instalments()] == [BUDGET_ORE // count] * count or count == 12


def test_quarterly_instalments_are_a_quarter_each_to_the_ore() -> None:
    first, second, third, fourth = basis_of(TERMS).instalments()
    assert [each.total_ore for each in (first, second, third, fourth)] == [250_000_00] * 4
    assert [each.amounts_ore["1962"] for each in (first, second, third, fourth)] == [
        2_511_86,
        2_511_86,
        2_511_86,
        2_511_86,
    ]
    assert first.period.due_on == date(2025, 1, 28)
    assert (second.period.first, second.period.last) == (date(2025, 4, 1), date(2025, 6, 30))


def test_whole_kronor_leave_the_rest_on_the_last_instalment() -> None:
    *earlier, last = basis_of(replace(TERMS, rounding=KRONA)).instalments()
    assert [each.amounts_ore["1984"] for each in earlier] == [6_440_00] * 3
    assert last.amounts_ore["1984"] == 25_763_60 - 3 * 6_440_00


def test_a_leaver_on_30_june_pays_the_first_half() -> None:
    basis = basis_of(TERMS, memberships=leaving(ARBOGA, date(2025, 6, 30)))
    before = basis_of(TERMS).instalments()
    after = basis.instalments()
    assert [dict(each.amounts_ore) for each in after[:2]] == [dict(each.amounts_ore) for each in before[:2]]
    assert all(ARBOGA not in each.amounts_ore for each in after[2:])
    assert [each.total_ore for each in after] == [250_000_00] * 4
    assert basis.shares().by_payer[ARBOGA] == sum(each.amounts_ore[ARBOGA] for each in before[:2])
    first, second = basis.shares().segments
    assert (first.last, second.first) == (date(2025, 6, 30), date(2025, 7, 1))


def test_a_leaver_within_a_period_pays_it_whole_or_by_the_day() -> None:
    leavers = leaving(ARBOGA, date(2025, 8, 15))
    by_period = basis_of(TERMS, memberships=leavers)
    by_day = basis_of(replace(TERMS, change=BY_DAY), memberships=leavers)
    whole = basis_of(TERMS).instalments()[2].amounts_ore[ARBOGA]
    assert by_period.instalments()[2].amounts_ore[ARBOGA] == whole
    # 46 of the 92 days of the third quarter.
    assert abs(by_day.instalments()[2].amounts_ore[ARBOGA] - whole / 2) <= 1
    assert by_day.instalments()[0].amounts_ore == basis_of(TERMS).instalments()[0].amounts_ore


def test_29_february_counts_as_a_day() -> None:
    spans = leaving(ARBOGA, date(2024, 2, 29))
    basis = basis_of(replace(TERMS, change=BY_DAY), memberships=spans, year=2024)
    first = basis.shares().segments[0]
    assert (first.last - first.first).days + 1 == 60
    assert sum(basis.shares().by_payer.values()) == BUDGET_ORE


def test_days_that_nobody_pays_for_are_refused() -> None:
    spans = tuple(replace(span, left_on=date(2025, 6, 30)) for span in since_2015(NINE))
    with pytest.raises(Refused) as caught:
        basis_of(TERMS, memberships=spans).shares()
    assert caught.value.refusal.name == "no_members"
    assert caught.value.refusal.facts == {"first": date(2025, 7, 1), "last": date(2025, 12, 31)}


def test_an_agreement_without_terms_has_no_instalments() -> None:
    basis = basis_of(TERMS)
    without = replace(basis, agreement=replace(basis.agreement, terms=None))
    assert without.shares().by_payer == {REGION: 500_000_00, **NINE_ORE}
    with pytest.raises(Refused) as caught:
        without.instalments()
    assert caught.value.refusal.name == "instalments_not_agreed"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"due_days": (DayOfYear(2, 29),)}, "day_not_every_year"),
        ({"population": PopulationRule(FIXED, DayOfYear(2, 29), 1)}, "day_not_every_year"),
        ({"population": PopulationRule(FIXED, DayOfYear(13, 1), 1)}, "day_not_every_year"),
        ({"due_days": (DayOfYear(1, 1),) * 3}, "instalments_impossible"),
        ({"due_days": (DayOfYear(6, 1), DayOfYear(5, 1))}, "due_dates_out_of_order"),
        ({"rounding": "euro"}, "term_unknown"),
        ({"change": "week"}, "term_unknown"),
        ({"population": PopulationRule("guess", DayOfYear(12, 31), 1)}, "term_unknown"),
        ({"payment_days": -1}, "term_out_of_range"),
        ({"population": PopulationRule(FIXED, DayOfYear(12, 31), 9)}, "term_out_of_range"),
        ({"prices": (Price("music", 1), Price("music", 2))}, "price_list_impossible"),
        ({"prices": (Price("music", -1),)}, "price_list_impossible"),
        ({"members": (Membership("84", "A", SINCE, None),)}, "member_code_invalid"),
        ({"members": (Membership("1984", "A", SINCE, date(2014, 1, 1)),)}, "member_left_before_joining"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(changes: dict[str, Any], name: str) -> None:
    refusal = refusal_for_terms(replace(TERMS, **changes))
    assert refusal is not None
    assert refusal.name == name


def test_terms_that_can_be_kept_are_not_refused() -> None:
    assert refusal_for_terms(replace(TERMS, members=since_2015(NINE))) is None


def test_memberships_that_overlap_are_refused_and_those_that_follow_are_not() -> None:
    first = Membership("1984", "Arboga", SINCE, date(2020, 12, 31))
    assert refusal_for_members([first, Membership("1984", "Arboga", date(2021, 1, 1), None)]) is None
    refusal = refusal_for_members([Membership("1984", "Arboga", date(2020, 12, 31), None), first])
    assert refusal is not None
    assert (refusal.name, refusal.facts["day"]) == ("memberships_overlap", date(2020, 12, 31))
