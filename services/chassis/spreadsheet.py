"""Text that spreadsheets open: CSV as a Swedish one reads it, and no cell that it would run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

CSV_TYPE = "text/csv; charset=utf-8"
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
