from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.populations import Figure
from services.billing.domain.scb.common import MOST_BYTES, Taken
from services.billing.domain.scb.reading import read_populations
from services.chassis.refusals import Refused

TODAY = date(2026, 11, 24)
END_2024, END_2023 = date(2024, 12, 31), date(2023, 12, 31)


def dataset(**changes: Any) -> dict[str, Any]:
    """As PX-Web answers for Västerås, Norberg and the county, the two sexes, 2023 and 2024."""
    whole: dict[str, Any] = {
        "version": "2.0",
        "class": "dataset",
        "label": "Folkmängd efter region, kön, tabellinnehåll och år",
        "source": "SCB",
        "updated": "2025-02-21T07:00:00Z",
        "id": ["Region", "Kon", "ContentsCode", "Tid"],
        "size": [3, 2, 1, 2],
        "role": {"geo": ["Region"], "time": ["Tid"], "metric": ["ContentsCode"]},
        "dimension": {
            "Region": {
                "label": "region",
                "category": {
                    "index": {"19": 0, "1962": 1, "1980": 2},
                    "label": {"19": "Västmanlands län", "1962": "Norberg", "1980": "Västerås"},
                },
            },
            "Kon": {"label": "kön", "category": {"index": ["1", "2"], "label": {"1": "män", "2": "kvinnor"}}},
            "ContentsCode": {"category": {"index": {"BE0101N1": 0}, "label": {"BE0101N1": "Folkmängd"}}},
            "Tid": {"label": "år", "category": {"index": {"2023": 0, "2024": 1}, "label": {}}},
        },
        "value": [None, None, None, None, 2700, 2730, 2750, 2722, 79000, 80300, 79500, 80334],
    }
    return {**whole, **changes}


def take(document: Any, source: str = "") -> Taken:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_populations(content, source, TODAY)


def refusal(content: Any, source: str = "scb.se") -> tuple[str, dict[str, Any]]:
    with pytest.raises(Refused) as refused:
        take(content, source)
    return refused.value.refusal.name, dict(refused.value.refusal.facts)


def test_json_stat_sums_the_sexes_and_skips_the_county() -> None:
    taken = take(dataset())
    said = "SCB, Folkmängd efter region, kön, tabellinnehåll och år, 2025-02-21T07:00:00Z"
    assert taken.figures == (
        Figure("1962", END_2023, 5450, said),
        Figure("1962", END_2024, 5452, said),
        Figure("1980", END_2023, 158500, said),
        Figure("1980", END_2024, 160634, said),
    )
    assert (taken.layout, taken.skipped_regions) == ("json-stat2", ("19",))


def test_json_stat_with_sparse_values_and_a_source_of_ones_own() -> None:
    sparse = {str(place): value for place, value in enumerate(dataset()["value"]) if value is not None}
    taken = take(dataset(value=sparse), "hämtad av mig")
    assert taken.figures[3] == Figure("1980", END_2024, 160634, "hämtad av mig")


def test_json_stat_one_wrapped_in_a_dataset() -> None:
    whole = dataset()
    shape = {"id": whole.pop("id"), "size": whole.pop("size"), "role": whole.pop("role")}
    whole["dimension"] = {**whole["dimension"], **shape}
    assert len(take({"dataset": whole}).figures) == 4


@pytest.mark.parametrize(
    ("code", "day"), [("2024M02", date(2024, 2, 29)), ("2024K3", date(2024, 9, 30)), ("2024", END_2024)]
)
def test_times_are_their_last_day(code: str, day: date) -> None:
    document = dataset()
    document["dimension"]["Tid"]["category"] = {"index": ["2023", code]}
    if code == "2024":
        document["dimension"]["Tid"]["category"]["index"] = ["2023", "2024"]
    assert take(document).figures[1].reference_date == day


def changed_dimension(name: str, category: dict[str, Any]) -> dict[str, Any]:
    document = dataset()
    document["dimension"][name] = {"category": category}
    return document


@pytest.mark.parametrize(
    ("document", "name", "facts"),
    [
        (dataset(value=[None] * 12), "scb_value_missing", {"where": "Norberg, 2023"}),
        (dataset(value=[1.5] * 12), "scb_value_not_whole", {"where": "Norberg, 2023", "text": "1.5"}),
        (dataset(value=[True] * 12), "scb_value_not_whole", {"text": "True"}),
        (dataset(value=["x"] * 12), "scb_value_not_whole", {"text": "x"}),
        (dataset(value=[0] * 12), "population_not_positive", {"row": 1, "municipality": "1962"}),
        (dataset(value=[-1] * 12), "population_not_positive", {"row": 1, "population": -2}),
        (dataset(value=[10**30] * 12), "population_not_positive", {"row": 1}),
        (dataset(value=[1]), "scb_layout_unknown", {"what": "value"}),
        (dataset(value="many"), "scb_layout_unknown", {"what": "value"}),
        (dataset(size=[3, 2, 1]), "scb_layout_unknown", {"what": "id"}),
        (dataset(size=[3, 2, 1, 0]), "scb_layout_unknown", {"what": "size"}),
        (dataset(size=[3, 2, 1, 3]), "scb_layout_unknown", {"what": "Tid"}),
        (dataset(size=[10**9, 2, 1, 2]), "scb_too_many_figures", {}),
        (dataset(id=["Region", "Kon", "ContentsCode", "Ar"]), "scb_layout_unknown", {"what": "Ar"}),
        (
            changed_dimension("Kon", {"index": ["0-17", "18-"]}),
            "scb_dimension_not_single",
            {"dimension": "Kon"},
        ),
        (
            changed_dimension("ContentsCode", {"index": ["X"], "label": {"X": "Folkökning"}}),
            "scb_dimension_not_single",
            {"label": "Folkökning"},
        ),
        (
            changed_dimension("Region", {"index": ["19", "Norberg", "1980"]}),
            "scb_region_unknown",
            {"text": "Norberg"},
        ),
        (changed_dimension("Tid", {"index": ["2023", "i fjol"]}), "scb_time_unknown", {"text": "i fjol"}),
        (changed_dimension("Tid", {"index": ["2023", "2024M13"]}), "scb_time_unknown", {"text": "2024M13"}),
        (changed_dimension("Tid", {"index": ["2023", "2027"]}), "reference_date_impossible", {"row": 2}),
        (changed_dimension("Tid", {"index": {"2023": 0, "2024": 5}}), "scb_layout_unknown", {"what": "Tid"}),
        (changed_dimension("Tid", {"index": ["2023", "2023"]}), "scb_layout_unknown", {"what": "Tid"}),
        ({"a": 1}, "scb_layout_unknown", {"what": "dimension"}),
        ([1], "scb_layout_unknown", {"what": "dimension"}),
        (b'{"a":', "scb_file_unreadable", {}),
        (b"[" * 200_000, "scb_file_unreadable", {}),
        (b"", "scb_file_empty", {}),
        (b"{" + b" " * MOST_BYTES, "scb_file_too_large", {"most": 1000}),
    ],
)
def test_json_that_is_refused(document: Any, name: str, facts: dict[str, Any]) -> None:
    said, told = refusal(document)
    assert said == name
    assert facts.items() <= told.items()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_numbers_that_are_none(number: str) -> None:
    text = json.dumps(dataset()).replace("2700", number)
    assert refusal(text.encode())[0] == "scb_value_not_whole"


WIDE = (
    '"region","civilstånd","ålder","kön","Folkmängd 2023","Folkmängd 2024"\r\n'
    '"19 Västmanlands län","samtliga","totalt ålder","totalt","279000","279334"\r\n'
    '"1962 Norberg","samtliga","totalt ålder","totalt","5450","5452"\r\n'
    '"1980 Västerås","samtliga","totalt ålder","totalt","158 500","160634"\r\n'
)
RELATIONAL = "region;år;Folkmängd\n1962 Norberg;2023;5450\n1962 Norberg;2024;5452\n1980;2024;160634\n"
SIMPLE = (
    "municipality_code,reference_date,population,source\n"
    "1962,2024-12-31,5452,scb.se\n"
    "1980,2024-12-31,160634,s\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_px_web_csv_with_a_column_a_year(encoding: str) -> None:
    taken = take(WIDE.encode(encoding), "scb.se")
    assert [(f.municipality_code, f.reference_date, f.population) for f in taken.figures] == [
        ("1962", END_2023, 5450),
        ("1962", END_2024, 5452),
        ("1980", END_2023, 158500),
        ("1980", END_2024, 160634),
    ]
    assert (taken.layout, taken.skipped_regions) == ("px-web-csv", ("19 Västmanlands län",))


def test_px_web_csv_with_a_row_a_figure() -> None:
    taken = take(RELATIONAL.encode(), "scb.se")
    assert taken.layout == "px-web-csv-relational"
    assert taken.figures[2] == Figure("1980", END_2024, 160634, "scb.se")


def test_the_simple_list_stays() -> None:
    taken = take(SIMPLE.encode())
    assert taken.layout == "simple-csv"
    assert taken.figures == (Figure("1962", END_2024, 5452, "scb.se"), Figure("1980", END_2024, 160634, "s"))


@pytest.mark.parametrize(
    ("text", "name", "facts"),
    [
        (WIDE.replace("5452", ".."), "scb_value_missing", {"where": "3:Folkmängd 2024"}),
        (WIDE.replace("5452", "5452.5"), "scb_value_not_whole", {"where": "3:Folkmängd 2024"}),
        (WIDE.replace("5452", "0"), "population_not_positive", {"municipality": "1962"}),
        (WIDE.replace("1962 Norberg", "Norberg"), "scb_region_unknown", {"where": "3:region"}),
        (WIDE.replace("Folkmängd 2024", "Folkökning 2024"), "scb_dimension_not_single", {}),
        (WIDE.replace("1980 Västerås", "1962 Norberg"), "scb_figure_twice", {"municipality": "1962"}),
        (WIDE.replace('"totalt","5450"', '"män","5450"'), "scb_dimension_not_single", {"dimension": "kön"}),
        (WIDE.replace('"5450",', ""), "scb_layout_unknown", {"row": 3, "cells": 5}),
        (WIDE + '"1981', "scb_file_unreadable", {}),
        (RELATIONAL.replace("Folkmängd", "Folkökning"), "scb_layout_unknown", {"heading": "Folkökning"}),
        (RELATIONAL.replace(";2023;", ";nu;"), "scb_time_unknown", {"where": "2:år"}),
        (RELATIONAL.replace("region", "ort"), "scb_layout_unknown", {}),
        ("region;år;Folkmängd\n", "scb_file_empty", {}),
        ("region;år;Folkmängd\n19;2024;1\n", "scb_file_empty", {}),
        (SIMPLE.replace("2024-12-31", "31/12"), "scb_time_unknown", {"row": 2}),
        (SIMPLE.replace(",s\n", ",\n"), "source_missing", {"row": 2}),
        (SIMPLE.replace("1962", "19x2"), "municipality_code_invalid", {"row": 1}),
        ("a\x00b", "scb_file_unreadable", {}),
    ],
)
def test_tables_that_are_refused(text: str, name: str, facts: dict[str, Any]) -> None:
    said, told = refusal(text.encode())
    assert said == name
    assert facts.items() <= told.items()


def test_a_layout_that_names_no_source_needs_one() -> None:
    assert refusal(RELATIONAL.encode(), "")[0] == "source_missing"


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    try:
        taken = read_populations(content, "scb.se", TODAY)
    except Refused:
        return
    assert all(figure.population > 0 for figure in taken.figures)


@given(
    st.dictionaries(
        st.integers(100, 9999).map("{:04d}".format), st.integers(1, 10**7), min_size=1, max_size=30
    )
)
def test_all_layouts_say_the_same(people: dict[str, int]) -> None:
    document = dataset(id=["Region", "Tid"], size=[len(people), 1], value=list(people.values()))
    document["dimension"] = {
        "Region": {"category": {"index": list(people)}},
        "Tid": {"category": {"index": ["2024"]}},
    }
    wide = "region,Folkmängd 2024\n" + "".join(f"{code},{count}\n" for code, count in people.items())
    rows = "region\tår\tFolkmängd\n" + "".join(f"{code}\t2024\t{count}\n" for code, count in people.items())
    given = {(f.municipality_code, f.population) for f in take(document, "s").figures}
    assert given == set(people.items())
    assert {(f.municipality_code, f.population) for f in take(wide.encode(), "s").figures} == given
    assert {(f.municipality_code, f.population) for f in take(rows.encode(), "s").figures} == given
