"""Workbooks that staff download. What a person wrote is text in them, and never a formula or a link."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import import_module

from werkzeug.wrappers import Response

Cell = str | int | None
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook(sheets: Sequence[tuple[str, Sequence[Sequence[Cell]]]]) -> bytes:
    """A sheet each of (name, rows); the first row of a sheet is its header."""
    data = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    # Loaded for the first workbook: most processes never make one.
    with import_module("xlsxwriter").Workbook(data, options) as book:
        bold = book.add_format({"bold": True})
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row, bold if number == 0 else None)
            sheet.freeze_panes(1, 0)
            sheet.autofit()
    return data.getvalue()


def download(data: bytes, filename: str) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(data, content_type=XLSX, headers=disposition)
