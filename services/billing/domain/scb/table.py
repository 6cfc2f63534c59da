"""CSV: PX-Web's two ways of writing a table, and the simple list."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date

from services.billing.domain.populations import Figure
from services.billing.domain.scb.common import (
    MOST_CELLS,
    Taken,
    is_time,
    municipality_of,
    reference_date,
    refused,
    whole_number,
)
from services.chassis.refusals import N_, Refused

SIMPLE = ("municipality_code", "reference_date", "population", "source")
SIMPLE_LAYOUT, RELATIONAL_LAYOUT, WIDE_LAYOUT = "simple-csv", "px-web-csv-relational", "px-web-csv"

_REGIONS = ("region", "kommun", "municipality", "regionkod")
_TIMES = ("år", "tid", "year", "time", "månad", "month", "kvartal", "quarter")
_PEOPLE = ("folkmängd", "population", "antal", "number", "värde", "value")
# `Folkmängd 2024`, or the time alone where the table has one content.
_WIDE = re.compile(r"(?:(?P<content>.*\S)\s+)?(?P<time>[0-9]{4}(?:M[0-9]{2}|K[1-4])?)")


def read(text: str, source: str) -> Taken:
    rows = _rows(text)
    headings = [heading.strip() for heading in rows[0]]
    small = [heading.lower() for heading in headings]
    if tuple(small) == SIMPLE:
        return _simple(rows[1:])
    regions = [column for column, heading in enumerate(small) if heading in _REGIONS]
    if len(regions) != 1:
        raise _unknown_layout()
    if not source.strip():
        raise refused("source_missing", N_("Say where the file is from: its layout does not."))
    times = [column for column, heading in enumerate(small) if heading in _TIMES]
    if len(times) == 1:
        return _relational(rows[1:], headings, regions[0], times[0], source.strip())
    return _wide(rows[1:], headings, regions[0], source.strip())


def _unknown_layout() -> Refused:
    return refused(
        "scb_layout_unknown",
        N_(
            "The first row must be the headings of a table from Statistics Sweden, with a column region, or "
            "municipality_code, reference_date, population, source."
        ),
    )


def _rows(text: str) -> list[list[str]]:
    """Rows with something in them, all as long as the headings. The separator is the headings' own."""
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(";,\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator, strict=True) if any(row)]
    except csv.Error as error:
        raise refused("scb_file_unreadable", N_("A quote in the file is not closed.")) from error
    if len(rows) < 2:
        raise refused("scb_file_empty", N_("The file has headings and no figures, or not even those."))
    if len(rows) * len(rows[0]) > MOST_CELLS:
        raise refused(
            "scb_too_many_figures",
            N_("The file has more than %(most)s figures. Choose fewer dates or municipalities."),
            most=MOST_CELLS,
        )
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise refused(
                "scb_layout_unknown",
                N_("Row %(row)s has %(cells)s cells and the headings are %(headings)s."),
                row=number,
                cells=len(row),
                headings=len(rows[0]),
            )
    return rows


def _simple(rows: Sequence[Sequence[str]]) -> Taken:
    figures = []
    for number, row in enumerate(rows, start=2):
        code, day, people, source = (cell.strip() for cell in row)
        where = f"{number}:reference_date"
        try:
            when = date.fromisoformat(day)
        except ValueError as error:
            raise refused(
                "scb_time_unknown",
                N_("Row %(row)s: the reference date %(text)s is not written as 2024-12-31."),
                row=number,
                text=day[:60],
                where=where,
            ) from error
        figures.append(Figure(code, when, whole_number(people, f"{number}:population"), source))
    return Taken(tuple(figures), SIMPLE_LAYOUT)


def _relational(
    rows: Sequence[Sequence[str]], headings: Sequence[str], region: int, time: int, source: str
) -> Taken:
    """A row a figure; the other columns must say the same on every row."""
    value = len(headings) - 1
    if headings[value].lower().partition(" ")[0] not in _PEOPLE or value in (region, time):
        raise refused(
            "scb_layout_unknown",
            N_("The last column must be the population, and is %(heading)s."),
            heading=headings[value][:60],
        )
    _refuse_split(rows, headings, {region, time, value})
    figures, skipped = [], []
    for number, row in enumerate(rows, start=2):
        code = municipality_of(row[region], f"{number}:{headings[region]}")
        if code is None:
            skipped.append(row[region].strip())
            continue
        when = reference_date(row[time], f"{number}:{headings[time]}")
        figures.append(Figure(code, when, whole_number(row[value], f"{number}:{headings[value]}"), source))
    return Taken(tuple(figures), RELATIONAL_LAYOUT, tuple(dict.fromkeys(skipped)))


def _wide(rows: Sequence[Sequence[str]], headings: Sequence[str], region: int, source: str) -> Taken:
    """A row a region, a column a time."""
    columns = _wide_columns(headings)
    _refuse_split(rows, headings, {region, *columns})
    figures, skipped = [], []
    for number, row in enumerate(rows, start=2):
        code = municipality_of(row[region], f"{number}:{headings[region]}")
        if code is None:
            skipped.append(row[region].strip())
            continue
        for column, time in columns.items():
            where = f"{number}:{headings[column]}"
            figures.append(
                Figure(code, reference_date(time, where), whole_number(row[column], where), source)
            )
    return Taken(tuple(figures), WIDE_LAYOUT, tuple(dict.fromkeys(skipped)))


def _wide_columns(headings: Sequence[str]) -> dict[int, str]:
    columns, contents = {}, set()
    for column, heading in enumerate(headings):
        found = _WIDE.fullmatch(heading)
        if found is not None and is_time(found["time"]):
            columns[column] = found["time"]
            contents.add((found["content"] or "population").lower())
    if not columns:
        raise _unknown_layout()
    other = sorted(content for content in contents if content.partition(" ")[0] not in _PEOPLE)
    if other or len(contents) > 1:
        raise refused(
            "scb_dimension_not_single",
            N_("The table is about %(label)s and not about population."),
            dimension="contents",
            label=(other or sorted(contents))[0][:60],
        )
    return columns


def _refuse_split(rows: Sequence[Sequence[str]], headings: Sequence[str], known: set[int]) -> None:
    for column, heading in enumerate(headings):
        if column not in known and len({row[column].strip() for row in rows}) > 1:
            raise refused(
                "scb_dimension_not_single",
                N_(
                    "The table splits the figures by %(dimension)s. Choose only the total there, and fetch "
                    "it again."
                ),
                dimension=heading[:60],
            )
