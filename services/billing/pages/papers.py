"""An invoice as it leaves the house: as PDF for people, and as Peppol e-invoice for the payer's system."""

from __future__ import annotations

from werkzeug.wrappers import Response

from services.billing.invoice_papers import einvoice_of, paper_of
from services.billing.papers import pdf
from services.billing.peppol import rules, ubl
from services.billing.queries import invoices as queries
from services.chassis.municipality import covers
from services.chassis.web.access import only
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.routes import Routes

routes = Routes()


def _payer(context: Context, invoice_id: str) -> str | None:
    """Whose invoice it is: the payer itself and the county's finance staff may have it as a file."""
    with context.parts.storage.reading() as connection:
        code = queries.payer_of(connection, invoice_id)
    county: str = context.parts.settings.county_code
    return county if code is not None and covers(context.signed_in.municipality, county) else code


PAPER = only("finance", municipality=_payer)


@routes.page("/finance/invoices/<invoice_id>/invoice.pdf", access=PAPER)
def invoice_pdf(context: Context, invoice_id: str) -> Response:
    with context.parts.storage.reading() as connection:
        invoice = queries.invoice(connection, invoice_id)
        paper = paper_of(connection, invoice, context.parts.issuer, context.texts, context.language)
    return download(pdf.pdf(paper), pdf.CONTENT_TYPE, f"{invoice.kind}-{invoice.number}.pdf")


@routes.page("/finance/invoices/<invoice_id>/e-invoice.xml", access=PAPER)
def einvoice_file(context: Context, invoice_id: str) -> Response:
    """The e-invoice, validated for this very download. Refused with the rule that says no."""
    with context.parts.storage.reading() as connection:
        invoice = queries.invoice(connection, invoice_id)
        document = rules.checked(einvoice_of(connection, invoice, context.parts.issuer))
    return download(document, ubl.MEDIA_TYPE, f"{invoice.kind}-{invoice.number}.xml")


@routes.page("/finance/invoices/<invoice_id>/e-invoice", access=PAPER)
def einvoice_check(context: Context, invoice_id: str) -> Response:
    """What every layer says of the e-invoice, rule by rule."""
    with context.parts.storage.reading() as connection:
        invoice = queries.invoice(connection, invoice_id)
        findings = rules.findings(einvoice_of(connection, invoice, context.parts.issuer))
    return context.render(
        "finance_einvoice.html",
        invoice=invoice,
        findings=findings,
        fails=any(finding.fatal for finding in findings),
        layers=rules.LAYERS,
    )
