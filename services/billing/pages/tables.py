"""The tables of finance as files: the same figures as their pages, for who may read those."""

from __future__ import annotations

from collections.abc import Sequence

from werkzeug.wrappers import Response

from services.billing import csv_file, table_files
from services.billing.access import READ
from services.billing.pages.common import VersionQuery
from services.billing.queries import invoices as invoice_queries
from services.billing.queries import reminders as reminder_queries
from services.billing.queries.basis import municipality_names, run_of_year
from services.billing.queries.reconciliation import reconciliation
from services.chassis.clock import local_date
from services.chassis.spreadsheet import CSV_TYPE, XLSX_TYPE, Sheet, csv_of, workbook
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.routes import Routes

routes = Routes()


def _file(sheets: Sequence[Sheet], name: str, ending: str) -> Response:
    """Every sheet as a workbook, or the first one as CSV."""
    if ending == "xlsx":
        return download(workbook(sheets), XLSX_TYPE, f"{name}.xlsx")
    if ending == "csv":
        return download(csv_of(sheets[0]), CSV_TYPE, f"{name}.csv")
    raise NotFound


@routes.page("/finance/<int:year>/shares.xlsx", access=READ)
def shares_workbook(context: Context, year: int) -> Response:
    query = context.load_query(VersionQuery())
    with context.parts.storage.reading() as connection:
        run, _runs = run_of_year(connection, year, query["version"])
    return _file([csv_file.shares_sheet(run)], csv_file.file_name(run).removesuffix(".csv"), "xlsx")


@routes.page("/finance/<int:year>/invoices.<string:ending>", access=READ)
def invoices_file(context: Context, year: int, ending: str) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        run_of_year(connection, year)
        found = invoice_queries.invoices_of_year(connection, year)
    return _file([table_files.invoices_sheet(found, today)], f"fakturor-{year}", ending)


@routes.page("/finance/<int:year>/reconciliation.<string:ending>", access=READ)
def reconciliation_file(context: Context, year: int, ending: str) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        found = reconciliation(connection, year, context.parts.chart, today)
    return _file([table_files.reconciliation_sheet(found)], f"avstamning-{year}", ending)


@routes.page("/finance/reminders.<string:ending>", access=READ)
def reminders_file(context: Context, ending: str) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        seen = reminder_queries.preview(connection, today)
        sent = reminder_queries.every_reminder(connection)
    return _file(table_files.late_sheets(seen, sent), f"paminnelser-{today.isoformat()}", ending)


@routes.page("/finance/payers.<string:ending>", access=READ)
def payers_file(context: Context, ending: str) -> Response:
    with context.parts.storage.reading() as connection:
        names = municipality_names(connection)
        details = invoice_queries.payer_details(connection)
    return _file([table_files.payers_sheet(names, details)], "betalare", ending)
