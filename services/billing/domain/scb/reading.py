"""Takes in a file of population figures, whichever of the known layouts it has.

Known are PX-Web's JSON-stat 2, PX-Web's CSV (relational, or with a column a time), and the simple list with
the columns municipality_code, reference_date, population and source. Nothing is guessed: what could mean two
things is refused, with the row or cell that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.billing.domain.populations import Figure, refusal_for
from services.billing.domain.scb import jsonstat, table
from services.billing.domain.scb.common import MOST_BYTES, MOST_FIGURES, Taken, refused
from services.chassis.refusals import N_, Refused


def read_populations(content: bytes, source: str, today: date) -> Taken:
    """The figures of a file, each checked. `source` is where it is from, for layouts that do not say so.

    Raises Refused: scb_file_empty, scb_file_too_large, scb_file_unreadable, scb_layout_unknown,
    scb_dimension_not_single, scb_region_unknown, scb_time_unknown, scb_value_missing, scb_value_not_whole,
    scb_figure_twice, scb_too_many_figures, and those of populations.refusal_for.
    """
    if not content.strip():
        raise refused("scb_file_empty", N_("The file is empty."))
    if len(content) > MOST_BYTES:
        raise refused(
            "scb_file_too_large",
            N_("The file is larger than %(most)s kilobytes. Choose fewer dates or municipalities."),
            most=MOST_BYTES // 1000,
        )
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        taken = jsonstat.read(content, source)
    else:
        taken = table.read(_text(content), source)
    _refuse_bad(taken.figures, today)
    return taken


def _text(content: bytes) -> str:
    """PX-Web writes UTF-8, or the older Windows code page."""
    if b"\x00" in content:
        raise refused("scb_file_unreadable", N_("The file is no text. Save it as CSV or JSON-stat."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _refuse_bad(figures: Sequence[Figure], today: date) -> None:
    if not figures:
        raise refused("scb_file_empty", N_("The file has no figure of a municipality."))
    if len(figures) > MOST_FIGURES:
        raise refused(
            "scb_too_many_figures",
            N_("The file has more than %(most)s figures. Choose fewer dates or municipalities."),
            most=MOST_FIGURES,
        )
    seen: set[tuple[str, date]] = set()
    for row, figure in enumerate(figures, start=1):
        refusal = refusal_for(figure, row, today)
        if refusal is not None:
            raise Refused(refusal)
        key = (figure.municipality_code, figure.reference_date)
        if key in seen:
            raise refused(
                "scb_figure_twice",
                N_("The file says twice what %(municipality)s had on %(day)s. Keep one."),
                municipality=figure.municipality_code,
                day=figure.reference_date,
            )
        seen.add(key)
