"""An invoice, a credit note or a statement as PDF/UA-1: tagged, with a title, a language and table headings.

The template is Typst's (`paper.typ` beside this file), with the fonts Typst carries: the same paper gives the
same bytes on every machine. Texts arrive as data and never as markup, whatever people have written in them.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

CONTENT_TYPE = "application/pdf"
STANDARD = "ua-1"
TEMPLATE = Path(__file__).parent / "paper.typ"

# What the fonts that Typst carries can show (tried in the tests): Latin, Greek, Cyrillic, and the signs of
# punctuation, money and mathematics.
_IN_FONTS = ((0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x377), (0x37A, 0x37F), (0x384, 0x38A), (0x38E, 0x3A1),
             (0x3A3, 0x4FF), (0x1E00, 0x1EFF), (0x2010, 0x2027), (0x2030, 0x2040), (0x20A0, 0x20BF),
             (0x2190, 0x226F))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """`numeric` says by column whether it holds figures; `sums` are rows that close the table."""

    title: str
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    sums: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """Everything a paper says, in the reader's language already. `important` is what must be seen first."""

    language: str
    title: str
    day: date
    sender: tuple[str, ...]
    receiver: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    important: tuple[tuple[str, str], ...] = ()
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    page_of: str = "Sida {page} av {pages}"


def pdf(paper: Paper) -> bytes:
    """The paper's bytes."""
    return _compile(_data(paper), paper.day)


def _data(paper: Paper) -> str:
    return json.dumps(_shown({**asdict(paper), "day": _numbers(paper.day)}), ensure_ascii=False)


def _shown(value: Any) -> Any:
    """Texts without what the fonts have no picture for: PDF/UA forbids it, so a `?` stands there."""
    if isinstance(value, str):
        return "".join(c if _in_fonts(ord(c)) else "?" for c in unicodedata.normalize("NFC", value))
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, tuple | list) else value


def _in_fonts(code: int) -> bool:
    return any(first <= code <= last for first, last in _IN_FONTS)


def _numbers(day: date) -> Sequence[int]:
    return (day.year, day.month, day.day)


def _compile(data: str, day: date) -> bytes:
    # Loaded here: thirty megabytes that a process which prints nothing shall not carry.
    typst = import_module("typst")
    made: bytes = typst.compile(
        TEMPLATE.read_bytes(),
        root=str(TEMPLATE.parent),
        ignore_system_fonts=True,
        sys_inputs={"data": data},
        pdf_standards=STANDARD,
        timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
    )
    return made
