from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.billing.domain.basis import (
    Agreement,
    Basis,
    Member,
    digest,
    document,
    members_on,
    refusal_for_year,
)
from services.contracts.fact import LocalText

AGREEMENT = Agreement(
    1, date(2015, 1, 1), None, "19", "Region Västmanland", 50, LocalText("hälften", "half"), "a source"
)
BASIS = Basis(
    2025,
    100_000_001,
    date(2024, 12, 31),
    AGREEMENT,
    (Member("1962", "Norberg", 5452, 1, "scb.se"), Member("1980", "Västerås", 160634, 2, "scb.se")),
)
TODAY = date(2026, 11, 24)


def test_the_same_basis_gives_the_same_bytes() -> None:
    """A golden text: a run stored today must be derived to these bytes by every later release."""
    assert document(BASIS, BASIS.shares()) == (
        '{"agreement":{"region_code":"19","region_percent":50,"version":1},"budget_ore":100000001,'
        '"halves":[{"exact_ore":"100000001/2","extra_ore":1,"payer":"19","rounded_down_ore":50000000,'
        '"share_ore":50000001,"weight":50},{"exact_ore":"100000001/2","extra_ore":0,"payer":"members",'
        '"rounded_down_ore":50000000,"share_ore":50000000,"weight":50}],'
        '"members":[{"code":"1962","name":"Norberg","population":5452,"source":"scb.se","vintage":1},'
        '{"code":"1980","name":"Västerås","population":160634,"source":"scb.se","vintage":2}],'
        '"population_date":"2024-12-31","shares":[{"exact_ore":"136300000000/83043","extra_ore":0,'
        '"payer":"1962","rounded_down_ore":1641318,"share_ore":1641318,"weight":5452},'
        '{"exact_ore":"4015850000000/83043","extra_ore":1,"payer":"1980","rounded_down_ore":48358681,'
        '"share_ore":48358682,"weight":160634}],"year":2025}'
    )


def test_the_digest_follows_every_part_of_the_basis() -> None:
    other = replace(BASIS, members=(replace(BASIS.members[0], source="another"), BASIS.members[1]))
    assert digest(BASIS, BASIS.shares()) != digest(other, other.shares())


def test_wording_alone_makes_no_other_basis() -> None:
    reworded = replace(BASIS, members=(replace(BASIS.members[0], source="x", vintage=7), BASIS.members[1]))
    assert reworded.decides == BASIS.decides


@pytest.mark.parametrize(
    "other",
    [
        replace(BASIS, budget_ore=1),
        replace(BASIS, year=2026),
        replace(BASIS, population_date=date(2023, 12, 31)),
        replace(BASIS, members=BASIS.members[:1]),
        replace(BASIS, members=(replace(BASIS.members[0], population=5453), BASIS.members[1])),
        replace(BASIS, agreement=replace(AGREEMENT, region_percent=40)),
        replace(BASIS, agreement=replace(AGREEMENT, version=2)),
    ],
)
def test_what_decides_makes_another_basis(other: Basis) -> None:
    assert other.decides != BASIS.decides


def test_members_are_those_of_new_years_day() -> None:
    assert members_on(2025) == date(2025, 1, 1)


@pytest.mark.parametrize(
    ("day", "valid"),
    [
        (date(2014, 12, 31), False),
        (date(2015, 1, 1), True),
        (date(2020, 12, 31), True),
        (date(2021, 1, 1), False),
    ],
)
def test_both_dates_of_an_agreement_are_included(day: date, valid: bool) -> None:
    assert replace(AGREEMENT, valid_to=date(2020, 12, 31)).is_valid_on(day) is valid
    assert AGREEMENT.is_valid_on(day) is (day >= date(2015, 1, 1))


@pytest.mark.parametrize("year", [1900, 1999, 2032, 9999, 0])
def test_a_year_far_away_is_unknown(year: int) -> None:
    refusal = refusal_for_year(year, date(2024, 12, 31), TODAY)
    assert refusal is not None
    assert refusal.name == "year_unknown"
    assert refusal.facts == {"first": 2000, "last": 2031}


@pytest.mark.parametrize("year", [2000, 2025, 2031])
def test_a_year_near_today_may_be_opened(year: int) -> None:
    assert refusal_for_year(year, TODAY, TODAY) is None


def test_a_population_date_that_has_not_come_is_refused() -> None:
    refusal = refusal_for_year(2027, date(2026, 11, 25), TODAY)
    assert refusal is not None
    assert refusal.name == "population_date_in_future"
