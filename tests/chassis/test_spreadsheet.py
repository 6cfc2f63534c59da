from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.spreadsheet import (
    FORMULA_STARTS,
    Figure,
    Ore,
    Sheet,
    csv_file,
    csv_of,
    kronor_figure,
    safe_cell,
)


def test_a_swedish_spreadsheet_reads_it() -> None:
    content = csv_file(("Å", "kr"), [("Västerås; stad", kronor_figure(-1_250)), ("x", 5)])
    assert content == '\ufeffÅ;kr\r\n"Västerås; stad";-12,50\r\nx;5\r\n'.encode()


def test_a_sheet_is_the_same_as_csv() -> None:
    row = ["=1+1", date(2025, 2, 28), Ore(-1_250), None, 7]
    content = csv_of(Sheet("a", ("text", "day", "kr", "none", "n"), [row]))
    assert content.decode("utf-8-sig") == "text;day;kr;none;n\r\n'=1+1;2025-02-28;-12,50;;7\r\n"


@pytest.mark.parametrize("start", [*FORMULA_STARTS, "  ="])
def test_a_formula_becomes_text(start: str) -> None:
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"
    assert safe_cell(Figure("a")) == "a"


@pytest.mark.parametrize(
    ("ore", "text"), [(0, "0,00"), (5, "0,05"), (-5, "-0,05"), (123_456_789, "1234567,89")]
)
def test_figures(ore: int, text: str) -> None:
    assert kronor_figure(ore) == text


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")), min_size=2, max_size=2)
    )
)
def test_no_cell_that_people_wrote_begins_a_formula(rows: list[list[str]]) -> None:
    text = csv_file(("a", "b"), rows).decode("utf-8-sig")
    back = list(csv.reader(io.StringIO(text), delimiter=";"))[1:]
    for given_row, found in zip(rows, back, strict=True):
        for before, after in zip(given_row, found, strict=True):
            assert after in (before, f"'{before}")
            assert not after.lstrip(" ").startswith(FORMULA_STARTS)
