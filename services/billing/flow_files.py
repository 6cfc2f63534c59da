"""The flow as files: places by home and host, and every split place with the days behind its parts.

Swedish headings whatever the reader's language, as in csv_file.py: programs read these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.billing.domain.places import WHOLE, in_places
from services.billing.queries.flow import Flow, PlaceFact, SplitPlace
from services.chassis.spreadsheet import Cell, Sheet

HEADINGS = ("Termin", "Hemkommun, kod", "Hemkommun", "Värdkommun, kod", "Värdkommun", "Platser")
SPLIT_HEADINGS = (
    *("Termin", "Ansökan", "Värdkommun, kod", "Hemkommun, kod", "Hemkommun", "Från och med", "Till och med"),
    *("Dagar", "Del av plats"),
)
FACT_HEADINGS = (
    "Ansökan",
    "Plats given",
    "Plats avslutad",
    "Från och med",
    "Till och med",
    "Dagar",
    "Del av plats",
)
NOT_SHOWN = "Visas inte (skyddade uppgifter)"


def places_sheet(flow: Flow, names: Mapping[str, str]) -> Sheet:
    """A row a term, home and host; places whose home is not shown come last in their term."""
    rows: list[Sequence[Cell]] = []
    for term in flow.terms:
        for home, row in term.homes.items():
            for host, thousandths in sorted(
                {home: row.at_home_thousandths, **row.by_host_thousandths}.items()
            ):
                if thousandths:
                    pair = (home, names.get(home, home), host, names.get(host, host))
                    rows.append((term.name.sv, *pair, in_places(thousandths)))
        if term.not_shown:
            rows.append((term.name.sv, "", NOT_SHOWN, "", NOT_SHOWN, in_places(term.not_shown * WHOLE)))
    return Sheet("Platser", HEADINGS, rows)


def split_sheet(flow: Flow, split: Sequence[SplitPlace], names: Mapping[str, str]) -> Sheet:
    """The parts of split places with their days."""
    terms = {term.term_id: term.name.sv for term in flow.terms}
    rows = [
        (
            terms.get(each.term_id, each.term_id),
            each.application_id,
            each.host,
            each.stay.home,
            names.get(each.stay.home, each.stay.home),
            each.stay.first_on,
            each.stay.last_on,
            each.stay.days,
            in_places(each.stay.thousandths),
        )
        for each in split
    ]
    return Sheet("Delade platser", SPLIT_HEADINGS, rows)


def facts_sheet(found: Sequence[PlaceFact]) -> Sheet:
    """A row a place behind a figure; one that counts no more has the part 0."""
    rows = [
        (
            each.application_id,
            each.given_at.isoformat(),
            each.ended_at.isoformat() if each.ended_at else None,
            each.first_on,
            each.last_on,
            each.days,
            in_places(each.thousandths if each.counts else 0),
        )
        for each in found
    ]
    return Sheet("Underlag", FACT_HEADINGS, rows)
