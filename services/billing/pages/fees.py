"""What guardians owe a host for a term, each line with its rule: to look at, and as files for its billing."""

from __future__ import annotations

from werkzeug.wrappers import Response

from services.billing import fee_files as files
from services.billing.access import READ, READ_FEES
from services.billing.domain.fees import Basis
from services.billing.presenting import swedish_order
from services.billing.queries import fees as queries
from services.billing.queries.basis import municipality_names
from services.chassis.municipality import covers, is_municipality_code
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.spreadsheet import CSV_TYPE, XLSX_TYPE, csv_of, workbook
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.routes import Routes

routes = Routes()
MOST_ROWS = 200  # on the page; the files have all of them


@routes.page("/finance/fees", access=READ)
def fees_page(context: Context) -> Response:
    """The hosts and terms whose fees the reader may see: its own, or the county's all."""
    own = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        names = municipality_names(connection)
        found = queries.hosts_and_terms(connection, [code for code in names if covers(own, code)])
    found.sort(key=lambda each: swedish_order(names.get(each.host, each.host)))
    by_term: dict[str, list[queries.HostTerm]] = {}
    for each in found:
        by_term.setdefault(each.term_id, []).append(each)
    return context.render("finance_fees.html", by_term=by_term, names=names, own=own)


@routes.page("/finance/fees/<string:term_id>/<string:code>", access=READ_FEES)
def fee_basis_page(context: Context, term_id: str, code: str) -> Response:
    basis, names = basis_of(context, term_id, code)
    return context.render(
        "finance_fee_basis.html", basis=basis, names=names, host=names[code], rows=basis.fees[:MOST_ROWS]
    )


@routes.page("/finance/fees/<string:term_id>/<string:code>/fees.csv", access=READ_FEES)
def fees_csv(context: Context, term_id: str, code: str) -> Response:
    return csv_response(context, term_id, code)


@routes.page("/finance/fees/<string:term_id>/<string:code>/fees.xlsx", access=READ_FEES)
def fees_xlsx(context: Context, term_id: str, code: str) -> Response:
    basis, names = basis_of(context, term_id, code)
    sheets = [files.places_sheet(basis, names), files.lines_sheet(basis, names), files.rules_sheet(basis)]
    return download(workbook(sheets), XLSX_TYPE, files.file_name(basis, "xlsx"))


def csv_response(context: Context, term_id: str, code: str) -> Response:
    """The same file from page and API."""
    basis, names = basis_of(context, term_id, code)
    return download(csv_of(files.lines_sheet(basis, names)), CSV_TYPE, files.file_name(basis, "csv"))


def basis_of(context: Context, term_id: str, code: str) -> tuple[Basis, dict[str, str]]:
    """Raises Refused: municipality_not_known, term_not_known."""
    with context.parts.storage.reading() as connection:
        names = municipality_names(connection)
        if not is_municipality_code(code) or code not in names:
            raise Refused(Refusal("municipality_not_known", N_("There is no such municipality."), status=404))
        return queries.fee_basis(connection, term_id, code), names
