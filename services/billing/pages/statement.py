"""A payer's year statement: as page for every member, as file for the payer and the county's staff."""

from __future__ import annotations

from werkzeug.wrappers import Response

from services.billing import statement_papers
from services.billing.access import READ
from services.billing.pages.common import year_values
from services.billing.papers import pdf
from services.billing.presenting import places_text
from services.billing.queries import statement as queries
from services.billing.queries.statement import Statement
from services.chassis.clock import local_date
from services.chassis.municipality import covers
from services.chassis.spreadsheet import CSV_TYPE, XLSX_TYPE, csv_of, workbook
from services.chassis.web.access import only
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.routes import Routes

routes = Routes()


def _payer(context: Context, code: str, **_arguments: object) -> str:
    """The payer itself and the county's finance staff may have it as a file, as its invoices."""
    county: str = context.parts.settings.county_code
    return county if covers(context.signed_in.municipality, county) else code


PAPER = only("finance", municipality=_payer)


def _found(context: Context, year: int, code: str) -> Statement:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        return queries.statement(connection, year, code, context.parts.chart, today)


@routes.page("/finance/<int:year>/statements/<string:code>", access=READ)
def statement_page(context: Context, year: int, code: str) -> Response:
    found = _found(context, year, code)
    own = context.signed_in.municipality
    return context.render(
        "finance_statement.html",
        **year_values(context, year, "reconciliation"),
        found=found,
        share=lambda thousandths: places_text(thousandths, context.language),
        basis_lines=statement_papers.basis_lines(found, context.texts.gettext, context.language),
        sums=[(word, getattr(found.row, name)) for word, name in statement_papers.SUMS],
        settled=statement_papers.SETTLED,
        state_of=statement_papers.state_of,
        today=local_date(context.parts.clock.now()),
        may_have_files=covers(own, context.parts.settings.county_code) or own == code,
    )


@routes.page("/finance/<int:year>/statements/<string:code>/statement.pdf", access=PAPER)
def statement_pdf(context: Context, year: int, code: str) -> Response:
    found, today = _found(context, year, code), local_date(context.parts.clock.now())
    paper = statement_papers.paper_of(found, context.parts.issuer, context.texts, context.language, today)
    return download(pdf.pdf(paper), pdf.CONTENT_TYPE, _name(found, "pdf"))


@routes.page("/finance/<int:year>/statements/<string:code>/statement.xlsx", access=PAPER)
def statement_xlsx(context: Context, year: int, code: str) -> Response:
    found = _found(context, year, code)
    return download(workbook([statement_papers.sheet_of(found)]), XLSX_TYPE, _name(found, "xlsx"))


@routes.page("/finance/<int:year>/statements/<string:code>/statement.csv", access=PAPER)
def statement_csv(context: Context, year: int, code: str) -> Response:
    found = _found(context, year, code)
    return download(csv_of(statement_papers.sheet_of(found)), CSV_TYPE, _name(found, "csv"))


def _name(found: Statement, ending: str) -> str:
    return f"arsbesked-{found.year}-{found.code}.{ending}"
