from __future__ import annotations

import io
import unicodedata
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from services.billing.papers.pdf import _IN_FONTS, Paper, Table, pdf

PAPER = Paper(
    language="sv",
    title="Faktura 20250001",
    day=date(2025, 3, 1),
    sender=("Region Västmanland", "721 89 Västerås"),
    receiver=("Norbergs kommun", "Box 25"),
    facts=(("Er referens", "1962-EK"),),
    important=(("Att betala", "2 511,86 kr"), ("Referens (OCR)", "202500013")),
    paragraphs=("Andel av budgeten",),
    tables=(
        Table(
            "Rader", ("Text", "Belopp, kr"), (False, True), (("Andel", "2 511,86"),), (("Summa", "2 511,86"),)
        ),
    ),
    notes=("Bestridande görs skriftligt.",),
)


def read(paper: Paper) -> PdfReader:
    return PdfReader(io.BytesIO(pdf(paper)))


def structure(node: Any) -> list[str]:
    """The kinds of the tagged structure, depth first."""
    found = [str(node["/S"])] if "/S" in node else []
    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        whole = kid.get_object()
        if isinstance(whole, dict) and "/S" in whole:
            found += structure(whole)
    return found


def test_it_says_that_it_is_accessible_and_is_tagged_so() -> None:
    reader = read(PAPER)
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] is True or root["/MarkInfo"]["/Marked"].value is True
    assert root["/Lang"].startswith("sv")
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid:part>1<" in root["/Metadata"].get_object().get_data().replace(b" ", b"")
    assert reader.metadata is not None
    assert reader.metadata.title == "Faktura 20250001"
    kinds = structure(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/Table", "/THead", "/TH", "/TD", "/P"} <= set(kinds)
    assert kinds.index("/H1") < kinds.index("/Table")


def test_every_figure_is_in_it() -> None:
    text = read(PAPER).pages[0].extract_text()
    for words in ("202500013", "2 511,86 kr", "1962-EK", "Summa", "Sida 1 av 1", "Norbergs kommun"):
        assert words in text.replace("\N{NO-BREAK SPACE}", " ")


def test_many_rows_run_over_pages_with_their_headings() -> None:
    rows = tuple((f"Rad {number}", "1,00") for number in range(120))
    reader = read(replace(PAPER, tables=(replace(PAPER.tables[0], rows=rows),)))
    assert len(reader.pages) > 2
    texts = [page.extract_text() for page in reader.pages]
    assert all("Belopp, kr" in text for text in texts[:-1])
    assert sum(text.count("Summa") for text in texts) == 1


def test_the_same_paper_gives_the_same_bytes() -> None:
    assert pdf(PAPER) == pdf(PAPER)
    assert pdf(PAPER) != pdf(replace(PAPER, title="Faktura 20250002"))


@pytest.mark.parametrize(
    "evil", ["#panic()", '#read("/etc/hostname")', "$x^2$", "*fet* _kursiv_", "= Rubrik", "[#]", '"\\', "<x>"]
)
def test_what_people_write_is_no_markup(evil: str) -> None:
    text = read(replace(PAPER, paragraphs=(evil,))).pages[0].extract_text()
    assert evil.replace(" ", "") in text.replace(" ", "").replace("”", '"').replace("’", "'")


def test_every_character_that_is_let_through_is_in_the_fonts() -> None:
    kept = [chr(code) for first, last in _IN_FONTS for code in range(first, last + 1)]
    text = " ".join(c for c in kept if unicodedata.category(c) != "Cn")
    assert pdf(replace(PAPER, paragraphs=(text,))).startswith(b"%PDF-")


def test_what_no_font_has_is_replaced_visibly() -> None:
    text = (
        read(replace(PAPER, paragraphs=("Łódź är 東京 och A\N{COMBINING RING ABOVE}",)))
        .pages[0]
        .extract_text()
    )
    assert "Łódź är ?? och Å" in text


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60))
def test_any_words_make_a_paper(words: str) -> None:
    assert pdf(replace(PAPER, paragraphs=(words,), notes=(words,))).startswith(b"%PDF-")
