"""The fee basis as files. Swedish headings whatever the reader's language, as in csv_file.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.billing.domain.fees import Basis, Fee
from services.chassis.spreadsheet import Cell, Ore, Sheet

ABOUT = (
    *("Termin", "Värdkommun, kod", "Ansökan", "Vårdnadshavare", "Hemkommun", "Kurs", "Barn i familjen"),
    *("Elevens kurs", "Hyr instrument", "Avslutad"),
)
LINES = (*ABOUT, "Regel", "Text", "Belopp, kr")
PLACES = (*ABOUT, "Avgift, kr", "Varav hyra, kr", "Fritidskort betalar, kr", "Familjen betalar, kr")
RULES = ("Regel", "Text", "Rader", "Belopp, kr")
NOT_SHOWN = "Visas inte (skyddade uppgifter)"


def _about(basis: Basis, fee: Fee, names: Mapping[str, str]) -> tuple[Cell, ...]:
    home = NOT_SHOWN if fee.home is None else names.get(fee.home, fee.home)
    guardian = NOT_SHOWN if fee.home is None else fee.guardian_id or ""
    return (
        *(basis.term.sv, basis.host, fee.application_id, guardian, home, fee.course_id),
        *(fee.child_number, fee.course_number, fee.rents or "", fee.outcome or ""),
    )


def lines_sheet(basis: Basis, names: Mapping[str, str]) -> Sheet:
    """A row a line of a price, with the rule behind it; a place's rows sum to what its family pays."""
    rows: list[Sequence[Cell]] = [
        (*_about(basis, fee, names), line.rule, line.text.sv, Ore(line.amount_ore))
        for fee in basis.fees
        for line in fee.lines
    ]
    return Sheet("Rader", LINES, rows)


def places_sheet(basis: Basis, names: Mapping[str, str]) -> Sheet:
    """A row a place: what it costs before the Fritidskort, what that pays, and what the family pays."""
    rows: list[Sequence[Cell]] = [
        (
            *_about(basis, fee, names),
            Ore(fee.total_ore + fee.voucher_ore),
            Ore(fee.rental_ore),
            Ore(fee.voucher_ore),
            Ore(fee.total_ore),
        )
        for fee in basis.fees
    ]
    return Sheet("Platser", PLACES, rows)


def rules_sheet(basis: Basis) -> Sheet:
    rows = [(each.rule, each.text.sv, each.count, Ore(each.amount_ore)) for each in basis.by_rule]
    return Sheet("Regler", RULES, rows)


def file_name(basis: Basis, ending: str) -> str:
    term = "".join(letter for letter in basis.term_id if letter.isascii() and letter.isalnum())
    return f"avgiftsunderlag-{basis.host}-{term}.{ending}"
