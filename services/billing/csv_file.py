"""The shares as a CSV file that a Swedish spreadsheet opens with a double click.

UTF-8 with a byte order mark (else Excel reads Å as Ã…), semicolons between and a comma before the decimals
(Excel's Swedish list and decimal signs), CRLF, Swedish headings whatever the reader's language: a file that
is read by programs must not change its names. No sum row and no thousands separators: a pivot table or an
import would count the sum twice or read the number as text.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from services.billing.queries.basis import Run

CONTENT_TYPE = "text/csv; charset=utf-8"
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
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def shares_csv(run: Run) -> bytes:
    """A row a payer: the region, which has no population here, then the members by their codes."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADINGS)
    basis = run.basis
    about_run = [basis.year, run.version]
    region = [basis.agreement.region_code, safe_cell(basis.agreement.region_name), "", "", ""]
    writer.writerow([*about_run, *region, _kronor(run.region_ore)])
    total = sum(member.population for member in basis.members)
    for member in basis.members:
        percent = Decimal(member.population * 100) / Decimal(total)
        writer.writerow(
            [
                *about_run,
                member.code,
                safe_cell(member.name),
                member.population,
                basis.population_date.isoformat(),
                f"{percent:.4f}".replace(".", ","),
                _kronor(run.shares_ore[member.code]),
            ]
        )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def file_name(run: Run) -> str:
    return f"kostnadsandelar-{run.basis.year}-version-{run.version}.csv"


def safe_cell(text: str) -> str:
    """Text that a spreadsheet takes for text: a leading sign of a formula gets an apostrophe before it."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def _kronor(ore: int) -> str:
    return f"{ore // 100},{ore % 100:02d}"
