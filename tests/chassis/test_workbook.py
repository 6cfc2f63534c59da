from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.spreadsheet import Cell, Ore, Sheet, workbook


def cells(content: bytes) -> list[list[Any]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]


def test_numbers_are_numbers_and_texts_are_texts() -> None:
    row: list[Cell] = ["Västerås", 160634, date(2024, 12, 31), Ore(29_603_078), None, "007"]
    content = workbook([Sheet("Andelar 2025", ("a", "b", "c", "d", "e", "f"), [row])])
    assert cells(content) == [
        ["a", "b", "c", "d", "e", "f"],
        ["Västerås", 160634, datetime(2024, 12, 31), 296030.78, None, "007"],  # noqa: DTZ001 - a cell has none
    ]
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert (book.sheetnames, book.worksheets[0].freeze_panes) == (["Andelar 2025"], "A2")
    assert book.worksheets[0]["D2"].number_format == "#,##0.00"


@pytest.mark.parametrize(
    "text", ["=1+1", "{=1+1}", "http://example.se", "-1", "+1", "@x", "12", "mailto:a@b.se"]
)
def test_no_text_becomes_a_formula_a_link_or_a_number(text: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook([Sheet("s", ("a",), [[text]])])))
    cell = book.worksheets[0]["A2"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


def test_the_same_figures_give_the_same_bytes() -> None:
    sheets = [Sheet("a/b:c" * 10, ("x",), [[1]]), Sheet("", (), [])]
    assert workbook(sheets) == workbook(sheets)


@given(st.lists(st.integers(-(10**13), 10**13), max_size=20))
def test_every_ore_survives(amounts: list[int]) -> None:
    content = workbook([Sheet("s", ("kr",), [[Ore(ore)] for ore in amounts])])
    assert [round(row[0] * 100) for row in cells(content)[1:]] == amounts
