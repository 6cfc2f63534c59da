"""Vouchers handed over to the accounting system as SIE 4i, with the same figures as XLSX and CSV."""

from __future__ import annotations

from datetime import date

from marshmallow import Schema, ValidationError, fields
from werkzeug.wrappers import Response

from services.billing.access import SET_BASIS
from services.billing.domain.siefile import Voucher, Written
from services.billing.forms import WRITE_DATE
from services.billing.queries import ledger as queries
from services.billing.siebook import sie_file, sie_vouchers
from services.chassis.clock import local_date
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.spreadsheet import CSV_TYPE, XLSX_TYPE, Ore, Sheet, csv_of, workbook
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()
SIE_TYPE = "application/x-sie"
HEADINGS = ("Serie", "Nummer", "Datum", "Text", "Konto", "Kontonamn", "Belopp, kr")


class PeriodQuery(Schema):
    """Both days are included; without them it is the year until today."""

    first = fields.Date(load_default=None, error_messages={"invalid": WRITE_DATE})
    last = fields.Date(load_default=None, error_messages={"invalid": WRITE_DATE})


def _period(context: Context) -> tuple[date, date]:
    query = context.load_query(PeriodQuery())
    today = local_date(context.parts.clock.now())
    last: date = query["last"] or today
    first: date = query["first"] or date(last.year, 1, 1)
    if first > last or first.year != last.year:
        raise Refused(
            Refusal(
                "sie_period_impossible",
                N_("The period must lie within one year, its first day before its last."),
                status=422,
            )
        )
    return first, last


def vouchers_between(context: Context, first: date, last: date) -> list[Voucher]:
    with context.parts.storage.reading() as connection:
        return sie_vouchers(queries.vouchers_between(connection, first, last))


def written(context: Context, first: date, last: date) -> Written:
    """Raises Refused: see siefile.write."""
    vouchers = vouchers_between(context, first, last)
    today = local_date(context.parts.clock.now())
    return sie_file(vouchers, first.year, context.parts.chart, context.parts.issuer, today)


@routes.page("/finance/sie", access=SET_BASIS)
def sie_page(context: Context) -> Response:
    errors: list[tuple[str, str]] = []
    file, status, first, last = None, 200, None, None
    try:
        first, last = _period(context)
        file = written(context, first, last)
    except ValidationError as error:
        errors, status = sentences(context, error), 422
    except Refused as error:
        errors = [("first", context.refusal_text(error.refusal))]
        status = 200 if error.refusal.name == "sie_nothing" else error.refusal.status
    return context.render(
        "finance_sie.html", http_status=status, file=file, first=first, last=last, errors=errors
    )


@routes.page("/finance/sie/vouchers.se", access=SET_BASIS)
def sie_download(context: Context) -> Response:
    first, last = _period(context)
    return download(written(context, first, last).content, SIE_TYPE, _name(first, last, "se"))


@routes.page("/finance/sie/vouchers.csv", access=SET_BASIS)
def csv_download(context: Context) -> Response:
    first, last = _period(context)
    return download(csv_of(_sheet(context, first, last)), CSV_TYPE, _name(first, last, "csv"))


@routes.page("/finance/sie/vouchers.xlsx", access=SET_BASIS)
def xlsx_download(context: Context) -> Response:
    first, last = _period(context)
    return download(workbook([_sheet(context, first, last)]), XLSX_TYPE, _name(first, last, "xlsx"))


def _sheet(context: Context, first: date, last: date) -> Sheet:
    names = context.parts.chart.names
    rows = [
        (
            each.series,
            each.number,
            each.day,
            each.text,
            row.account,
            names.get(row.account, ""),
            Ore(row.amount_ore),
        )
        for each in vouchers_between(context, first, last)
        for row in each.rows
    ]
    return Sheet("Verifikationer", HEADINGS, rows)


def _name(first: date, last: date, ending: str) -> str:
    return f"verifikationer-{first.isoformat()}-{last.isoformat()}.{ending}"
