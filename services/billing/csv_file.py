"""The shares as a sheet, and as a CSV file that a Swedish spreadsheet opens with a double click.

UTF-8 with a byte order mark (else Excel reads Å as Ã…), semicolons between and a comma before the decimals
(Excel's Swedish list and decimal signs), CRLF, Swedish headings whatever the reader's language: a file that
is read by programs must not change its names. No sum row and no thousands separators: a pivot table or an
import would count the sum twice or read the number as text.
"""

from __future__ import annotations

from decimal import Decimal

from services.billing.queries.basis import Run
from services.chassis.spreadsheet import CSV_TYPE, Cell, Ore, Sheet, csv_of

CONTENT_TYPE = CSV_TYPE
HEADINGS = (
    "År",
    "Version",
    "Kod",
    "Betalare",
    "Folkmängd",
    "Folkmängd den",
    "Andel av folkmängden, procent",
    "Andel, kr",
)


def shares_csv(run: Run) -> bytes:
    return csv_of(shares_sheet(run))


def shares_sheet(run: Run) -> Sheet:
    """A row a payer: the region, which has no population here, then the members by their codes."""
    basis = run.basis
    about_run: tuple[int, int] = (basis.year, run.version)
    region = (basis.agreement.region_code, basis.agreement.region_name, None, None, None)
    rows: list[tuple[Cell, ...]] = [(*about_run, *region, Ore(run.region_ore))]
    total = sum(member.population for member in basis.members)
    for member in basis.members:
        percent = (Decimal(member.population * 100) / Decimal(total)).quantize(Decimal("0.0001"))
        rows.append(
            (
                *about_run,
                member.code,
                member.name,
                member.population,
                basis.population_date,
                percent,
                Ore(run.shares_ore[member.code]),
            )
        )
    return Sheet(f"Andelar {basis.year}", HEADINGS, rows)


def file_name(run: Run) -> str:
    return f"kostnadsandelar-{run.basis.year}-version-{run.version}.csv"
