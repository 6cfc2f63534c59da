"""The ledger as SIE files: one a calendar year, written and read back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby

import sqlalchemy as sa

from services.billing.configuration import Issuer
from services.billing.domain import siefile
from services.billing.domain.ledger import Chart
from services.billing.domain.siefile import Company, Row, Voucher, Written
from services.billing.queries import ledger
from services.billing.queries.ledger import Booked
from services.chassis.refusals import Refused

SERIES = "S"


def sie_vouchers(booked: Sequence[Booked]) -> list[Voucher]:
    return [
        Voucher(
            SERIES,
            each.number,
            each.booked_on,
            each.text,
            tuple(Row(posting.account, posting.amount_ore) for posting in each.postings),
        )
        for each in booked
    ]


def sie_file(vouchers: Sequence[Voucher], year: int, chart: Chart, issuer: Issuer, today: date) -> Written:
    """The file of a calendar year's vouchers. Raises Refused: see siefile.write."""
    number = "".join(letter for letter in issuer.organisation_number if letter.isdigit())
    company = Company(issuer.name, number, date(year, 1, 1), date(year, 12, 31))
    return siefile.write(
        company, chart.names, vouchers, generated_on=today, program_version=_program_version()
    )


def _program_version() -> str:
    try:
        return version("samklang")
    except PackageNotFoundError:  # run from its folder
        return "0"


def claims_in_sie(connection: sa.Connection, year: int, chart: Chart, issuer: Issuer, today: date) -> int:
    """What a budget year's vouchers leave open on the claims accounts, by SIE files that were read back.

    Nothing where a file cannot be written: then the ledger has something that SIE does not say.
    """
    found = sorted(ledger.every_voucher_of_year(connection, year), key=lambda each: each.booked_on.year)
    total = 0
    for calendar_year, booked in groupby(found, key=lambda each: each.booked_on.year):
        try:
            written = sie_file(sie_vouchers(list(booked)), calendar_year, chart, issuer, today)
        except Refused:
            return 0
        back = siefile.read(written.content)
        total += sum(
            row.amount_ore
            for voucher in back.vouchers
            for row in voucher.rows
            if row.account in chart.receivables
        )
    return total
