"""Compensation as files. Swedish headings whatever the reader's language, as in csv_file.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.billing.domain.places import in_places
from services.billing.queries.compensation import Run
from services.chassis.spreadsheet import Cell, Ore, Sheet

HEADINGS = (
    *("Termin", "Version", "Hemkommun, kod", "Hemkommun", "Värdkommun, kod", "Värdkommun", "Slag"),
    *("Platser", "Pris, kr", "Belopp, kr"),
)
PLACE_HEADINGS = (
    *("Ansökan", "Hemkommun, kod", "Värdkommun, kod", "Slag", "Från och med", "Till och med", "Dagar"),
    "Del av plats",
)
CEILING = "Över taket"


def lines_sheet(run: Run, names: Mapping[str, str]) -> Sheet:
    """A row a home, host and kind; what a ceiling cuts is a row of its own, below zero."""
    rows: list[Sequence[Cell]] = []

    def row(home: str, host: str) -> tuple[Cell, ...]:
        about = (run.basis.term.name.sv, run.version)
        return (*about, home, names.get(home, home), host, names.get(host, host))

    for line in run.found.lines:
        figures = (in_places(line.thousandths), Ore(line.price_ore), Ore(line.amount_ore))
        rows.append((*row(line.home, line.host), line.kind, *figures))
    for cut in run.found.cuts:
        rows.append((*row(cut.home, cut.host), CEILING, None, None, Ore(-cut.cut_ore)))
    return Sheet("Ersättning", HEADINGS, sorted(rows, key=lambda each: (str(each[2]), str(each[4]))))


def places_sheet(run: Run) -> Sheet:
    """Every place behind the lines, as the run froze it."""
    rows = [
        (
            *(part.application_id, part.home, part.host, part.kind, part.first_on, part.last_on),
            (part.last_on - part.first_on).days + 1,
            in_places(part.thousandths),
        )
        for part in run.basis.parts
    ]
    return Sheet("Platser", PLACE_HEADINGS, rows)


def file_name(run: Run, ending: str) -> str:
    return f"ersattning-{run.basis.term.starts_on.isoformat()}-version-{run.version}.{ending}"
