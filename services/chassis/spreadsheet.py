"""What spreadsheets open, as CSV and as workbook (XLSX): no cell that people wrote runs as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from typing import Any

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# With these a spreadsheet begins a formula, a field of its own, or a command (OWASP, CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """Text that a spreadsheet takes for text: a leading sign of a formula gets an apostrophe before it."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


class Figure(str):
    """A figure as we write it, `-12,50`: its minus begins no formula."""

    __slots__ = ()


def kronor_figure(ore: int) -> Figure:
    """An amount with a decimal comma and no thousands separators, as an import reads it."""
    return Figure(f"{'-' if ore < 0 else ''}{abs(ore) // 100},{abs(ore) % 100:02d}")


def csv_file(headings: Sequence[str], rows: Iterable[Sequence[str | int]]) -> bytes:
    """Semicolons, CRLF and a byte order mark: so a double click opens it rightly. Texts are made safe."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([_cell(cell) for cell in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode(errors="replace")


def _cell(cell: str | int) -> str | int:
    return cell if isinstance(cell, Figure | int) else safe_cell(cell)


# A text is a text: nothing that people wrote becomes a formula, a link or a number.
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_MADE = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # the same figures give the same bytes
_NO_NAME = re.compile(r"[\[\]:*?/\\]")


@dataclass(frozen=True, slots=True)
class Ore:
    """An amount; the cell holds kronor with two decimals."""

    ore: int


# A float is a part of something whole: three decimals where it is written out.
Cell = str | int | float | date | Ore | None


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


def workbook(sheets: Sequence[Sheet]) -> bytes:
    """A workbook with a frozen heading row and a filter on every sheet."""
    content = io.BytesIO()
    # Loaded for the first workbook: most processes never make one.
    book = import_module("xlsxwriter").Workbook(content, _OPTIONS)
    book.set_properties({"author": "Samklang", "created": _MADE})
    formats = {
        "heading": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "day": book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    for sheet in sheets:
        page = book.add_worksheet(_NO_NAME.sub(" ", sheet.name)[:31])
        page.freeze_panes(1, 0)
        for column, heading in enumerate(sheet.headings):
            page.write_string(0, column, heading, formats["heading"])
            page.set_column(column, column, _width(sheet, column))
        for number, row in enumerate(sheet.rows, start=1):
            for column, cell in enumerate(row):
                _write(page, number, column, cell, formats)
        page.autofilter(0, 0, max(len(sheet.rows), 1), max(len(sheet.headings) - 1, 0))
    book.close()
    return content.getvalue()


def _write(page: Any, row: int, column: int, cell: Cell, formats: dict[str, Any]) -> None:
    if isinstance(cell, str):
        page.write_string(row, column, cell)
    elif isinstance(cell, Ore):
        page.write_number(row, column, cell.ore / 100, formats["money"])
    elif isinstance(cell, date):
        page.write_datetime(row, column, cell, formats["day"])
    elif cell is not None:
        page.write_number(row, column, cell)


def _width(sheet: Sheet, column: int) -> int:
    texts = [sheet.headings[column], *(str(row[column]) for row in sheet.rows[:200] if column < len(row))]
    return min(max(10, *(len(text) + 2 for text in texts)), 60)


def csv_of(sheet: Sheet) -> bytes:
    """The same sheet as a CSV file."""
    return csv_file(sheet.headings, [[_plain(cell) for cell in row] for row in sheet.rows])


def _plain(cell: Cell) -> str | int:
    if isinstance(cell, Ore):
        return kronor_figure(cell.ore)
    if isinstance(cell, float):
        return Figure(f"{cell:.3f}".replace(".", ","))
    return cell.isoformat() if isinstance(cell, date) else "" if cell is None else cell
