from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pytest

from services.billing.presenting import decimals, population_matrix, sources_by_date, swedish_order, who


@dataclass
class Vintage:
    municipality_code: str
    reference_date: date
    vintage: int
    population: int
    source: str


NEW, OLD = date(2024, 12, 31), date(2023, 12, 31)
VINTAGES = [
    Vintage("1981", OLD, 1, 22853, "x"),
    Vintage("1981", NEW, 1, 22843, "x"),
    Vintage("1981", NEW, 2, 22900, "revised"),
    Vintage("1984", NEW, 1, 13980, "x"),
]


@pytest.mark.parametrize(
    ("value", "cut", "language", "text"),
    [
        (Fraction(257636014497, 100000), True, "sv", "2\N{NO-BREAK SPACE}576\N{NO-BREAK SPACE}360,1449"),
        (Fraction(257636014497, 100000), True, "en", "2,576,360.1449"),
        (Fraction(99999, 100000), True, "sv", "0,9999"),
        (Fraction(99999, 100000), False, "sv", "1,0000"),
        (Fraction(0), True, "sv", "0,0000"),
        (Fraction(1, 20000), False, "en", "0.0001"),
    ],
)
def test_decimals_are_rounded_or_cut(value: Fraction, cut: bool, language: str, text: str) -> None:
    assert decimals(value, 4, language, cut=cut) == text


def test_swedish_order() -> None:
    names = ["Öckerö", "Älmhult", "Åmål", "Köping", "Kungsör", "Arboga", "Västerås", "Norberg"]
    assert sorted(names, key=swedish_order) == [
        "Arboga",
        "Kungsör",
        "Köping",
        "Norberg",
        "Västerås",
        "Åmål",
        "Älmhult",
        "Öckerö",
    ]


@pytest.mark.parametrize(
    ("by", "text"),
    [
        ("finance:19:an-id:Anders Vestin", "Anders Vestin, Region Västmanland"),
        ("finance:19:API client:API client", "API client, Region Västmanland"),
        ("finance:25:an-id:Eva", "Eva, 25"),
        ("samklang load", "samklang load"),
    ],
)
def test_who_did_it(by: str, text: str) -> None:
    assert who(by, {"19": "Region Västmanland"}) == text


def test_the_matrix_shows_the_newest_figure_and_those_it_replaced() -> None:
    dates, rows = population_matrix(VINTAGES, {"1981": "Sala", "1984": "Arboga"})
    assert dates == [NEW, OLD]
    assert [name for _, name, _ in rows] == ["Arboga", "Sala"]
    arboga, sala = (cells for _, _, cells in rows)
    assert arboga[1] is None
    assert sala[0] is not None
    assert (sala[0].population, sala[0].source, sala[0].earlier) == (22900, "revised", ((22843, "x"),))


def test_sources_name_their_municipalities_where_there_are_several() -> None:
    assert sources_by_date(VINTAGES, {"1981": "Sala"}) == [
        {"day": NEW, "sources": ["x", "revised (Sala)"]},
        {"day": OLD, "sources": ["x"]},
    ]
