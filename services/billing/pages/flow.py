"""The flow of a year as files, and the facts behind a figure of it."""

from __future__ import annotations

from werkzeug.wrappers import Response

from services.billing import flow_files
from services.billing.access import READ
from services.billing.pages.common import year_values
from services.billing.presenting import places_text
from services.billing.queries import flow as queries
from services.billing.queries.basis import municipality_names
from services.chassis.spreadsheet import CSV_TYPE, XLSX_TYPE, csv_of, workbook
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.routes import Routes

routes = Routes()


@routes.page("/finance/<int:year>/flow.csv", access=READ)
def flow_csv(context: Context, year: int) -> Response:
    with context.parts.storage.reading() as connection:
        found = queries.flow_of_year(connection, year)
        names = municipality_names(connection)
    return download(csv_of(flow_files.places_sheet(found, names)), CSV_TYPE, f"platser-{year}.csv")


@routes.page("/finance/<int:year>/flow.xlsx", access=READ)
def flow_xlsx(context: Context, year: int) -> Response:
    with context.parts.storage.reading() as connection:
        found = queries.flow_of_year(connection, year)
        split = queries.split_places(connection, [term.term_id for term in found.terms])
        names = municipality_names(connection)
    sheets = [flow_files.places_sheet(found, names), flow_files.split_sheet(found, split, names)]
    return download(workbook(sheets), XLSX_TYPE, f"platser-{year}.xlsx")


@routes.page("/finance/<int:year>/flow/<string:term_id>/<string:home>/<string:host>", access=READ)
def facts_page(context: Context, year: int, term_id: str, home: str, host: str) -> Response:
    """Places of one home municipality with one host in a term."""
    with context.parts.storage.reading() as connection:
        term = queries.term_name(connection, term_id)
        found = queries.facts_behind(connection, term_id, home, host)
        names = municipality_names(connection)
    counted = [each for each in found if each.counts]
    return context.render(
        "finance_flow.html",
        **year_values(context, year, "shares"),
        term=term,
        term_id=term_id,
        found=found,
        counted=len(counted),
        thousandths=sum(each.thousandths for each in counted),
        share=lambda thousandths: places_text(thousandths, context.language),
        home_code=home,
        host_code=host,
        home=names.get(home, home),
        host=names.get(host, host),
    )


@routes.page("/finance/<int:year>/flow/<string:term_id>/<string:home>/<string:host>/facts.csv", access=READ)
def facts_csv(context: Context, year: int, term_id: str, home: str, host: str) -> Response:
    with context.parts.storage.reading() as connection:
        queries.term_name(connection, term_id)
        found = queries.facts_behind(connection, term_id, home, host)
    return download(csv_of(flow_files.facts_sheet(found)), CSV_TYPE, f"platser-{year}-underlag.csv")
