"""A year's instalments and invoices, an invoice to print, and corrections: seen before they are issued."""

from __future__ import annotations

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from services.billing import presenting_books
from services.billing.access import READ, SET_BASIS, acting, may_set_basis
from services.billing.commands import invoicing as commands
from services.billing.commands.einvoices import refuse_failing
from services.billing.pages.common import attempt, year_values
from services.billing.presenting import who
from services.billing.queries import compensation as compensations
from services.billing.queries import correcting, invoices
from services.billing.queries import reminders as reminder_queries
from services.billing.queries.basis import municipality_names, run_by_id, run_of_year
from services.chassis.clock import local_date
from services.chassis.ids import new_id
from services.chassis.municipality import covers
from services.chassis.refusals import N_
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes

routes = Routes()


class IssueForm(Schema):
    run_id = IdField(required=True)


class CorrectionForm(Schema):
    run_id = IdField(required=True)
    correction_id = IdField(required=True)
    fingerprint = fields.String(required=True, validate=validate.Length(equal=64))
    reason = fields.String(load_default="", validate=validate.Length(max=480))


@routes.page("/finance/<int:year>/invoices", access=READ)
def invoices_page(context: Context, year: int) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        run, _runs = run_of_year(connection, year)
        found = invoices.invoices_of_year(connection, year)
        agreed = run.basis.agreement.terms is not None
        changes = correcting.preview(connection, year, today).changes if agreed and found else ()
    instalments = run.basis.instalments() if agreed else ()
    return context.render(
        "finance_invoices.html",
        **year_values(context, year, "invoices"),
        run=run,
        instalments=instalments,
        issued=correcting.issued_numbers(found),
        found=found,
        sums={
            each.period.number: sum(i.amount_ore for i in found if i.instalment == each.period.number)
            for each in instalments
        },
        changes=changes,
        states=presenting_books.STATES,
        today=today,
        may_set_basis=may_set_basis(context),
    )


@routes.page("/finance/<int:year>/invoices/<int:number>", access=READ)
def instalment_page(context: Context, year: int, number: int) -> Response:
    """What issuing the instalment would send to whom: nothing happens before somebody has seen it."""
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        run, drafts = correcting.drafts_of(connection, year, number, today)
        issued = correcting.issued_numbers(invoices.invoices_of_year(connection, year))
        details = invoices.payer_details(connection)
    return context.render(
        "finance_instalment.html",
        **year_values(context, year, "invoices"),
        run=run,
        number=number,
        drafts=drafts,
        total_ore=sum(draft.amount_ore for draft in drafts),
        details=details,
        issued=number in issued,
        may_set_basis=may_set_basis(context),
    )


@routes.page("/finance/<int:year>/invoices/<int:number>", access=SET_BASIS, methods=("POST",))
def issue_an_instalment(context: Context, year: int, number: int) -> Response:
    form = context.load_form(IssueForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            ids = commands.issue_instalment(
                unit, year, number, context.parts.chart, acting(context), run_id=form["run_id"]
            )
            refuse_failing(unit, ids, context.parts.issuer)
        return N_("The invoices are issued and booked.")

    return attempt(context, f"/finance/{year}/invoices", act)


@routes.page("/finance/invoices/<string:invoice_id>", access=READ)
def invoice_page(context: Context, invoice_id: str) -> Response:
    with context.parts.storage.reading() as connection:
        invoice = invoices.invoice(connection, invoice_id)
        details = invoices.payer_revision(connection, invoice.payer_code, invoice.payer_revision)
        related = (
            invoice.credits_id,
            invoice.replaces_id,
            invoice.credited_by_id,
            invoice.replaced_by_id,
        )
        numbers = invoices.numbers_of(connection, related)
        run = run_by_id(connection, invoice.run_id)
        compensation = compensations.run_by_id(connection, invoice.compensation_id)
        names = municipality_names(connection)
        reminders = reminder_queries.reminders_of(connection, invoice_id)
        disputes = reminder_queries.disputes_of(connection, invoice_id)
    own, county = context.signed_in.municipality, context.parts.settings.county_code
    return context.render(
        "finance_invoice.html",
        invoice=invoice,
        details=details,
        issuer=context.parts.issuer,
        numbers=numbers,
        run=run,
        compensation=compensation,
        state=presenting_books.STATES[invoice.state(local_date(context.parts.clock.now()))],
        issued_by=who(invoice.issued_by, names),
        reminders=reminders,
        disputes=disputes,
        dispute_id=new_id(),
        who=lambda by: who(by, names),
        may_contest=own == invoice.payer_code or covers(own, county),
    )


@routes.page("/finance/<int:year>/correction", access=READ)
def correction_page(context: Context, year: int) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        preview = correcting.preview(connection, year, today)
    return context.render(
        "finance_correction.html",
        **year_values(context, year, "invoices"),
        preview=preview,
        correction_id=new_id(),
        may_set_basis=may_set_basis(context),
    )


@routes.page("/finance/<int:year>/correction", access=SET_BASIS, methods=("POST",))
def issue_a_correction(context: Context, year: int) -> Response:
    form = context.load_form(CorrectionForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            ids = commands.issue_correction(unit, year, context.parts.chart, acting(context), **form)
            refuse_failing(unit, ids, context.parts.issuer)
        return N_("The credit notes and their replacements are issued and booked.")

    return attempt(context, f"/finance/{year}/correction", act)
