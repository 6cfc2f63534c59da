"""Late invoices, and their reminders: seen before they are sent, each as a paper; contested invoices."""

from __future__ import annotations

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from services.billing import presenting_books, reminder_papers
from services.billing.access import READ, SET_BASIS, acting, may_set_basis
from services.billing.commands import reminders as commands
from services.billing.domain.reconciling import bucket_of
from services.billing.pages.common import attempt
from services.billing.pages.papers import PAPER
from services.billing.papers import pdf
from services.billing.presenting import who
from services.billing.queries import reminders as queries
from services.billing.queries.basis import municipality_names
from services.billing.queries.invoices import invoice as invoice_by_id
from services.chassis.clock import local_date
from services.chassis.ids import new_id
from services.chassis.municipality import covers
from services.chassis.refusals import N_
from services.chassis.web.access import only
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes

routes = Routes()


class RemindForm(Schema):
    batch_id = IdField(required=True)
    fingerprint = fields.String(required=True, validate=validate.Length(equal=64))


class DisputeForm(Schema):
    dispute_id = IdField(required=True)
    disputed = fields.Boolean(required=True)
    reason = fields.String(load_default="", validate=validate.Length(max=500))


@routes.page("/finance/reminders", access=READ)
def reminders_page(context: Context) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        seen = queries.preview(connection, today)
        sent = queries.every_reminder(connection)
        names = municipality_names(connection)
    return context.render(
        "finance_reminders.html",
        seen=seen,
        sent=sent,
        total_ore=sum(each.overdue.open_ore for each in seen.standings),
        bucket=lambda each: presenting_books.BUCKET_NAMES[bucket_of(each.overdue.due_on, today)],
        batch_id=new_id(),
        own=context.signed_in.municipality,
        may_set_basis=may_set_basis(context),
        who=lambda by: who(by, names),
    )


@routes.page("/finance/reminders", access=SET_BASIS, methods=("POST",))
def send_reminders(context: Context) -> Response:
    chosen = context.request.form.getlist("invoice_id")
    form = RemindForm().load({name: context.request.form.get(name, "") for name in RemindForm().fields})

    def act() -> str:
        with context.parts.storage.unit() as unit:
            commands.remind(unit, form["batch_id"], chosen, acting(context), fingerprint=form["fingerprint"])
        return N_("The reminders are recorded, and their payers are written to.")

    return attempt(context, "/finance/reminders", act)


@routes.page("/finance/reminders/<string:reminder_id>", access=READ)
def reminder_page(context: Context, reminder_id: str) -> Response:
    with context.parts.storage.reading() as connection:
        reminder = queries.reminder(connection, reminder_id)
        invoice = invoice_by_id(connection, reminder.invoice_id)
        names = municipality_names(connection)
    county = context.parts.settings.county_code
    own = context.signed_in.municipality
    return context.render(
        "finance_reminder.html",
        reminder=reminder,
        invoice=invoice,
        issuer=context.parts.issuer,
        words=reminder_papers.WORDS,
        contest=reminder_papers.CONTEST,
        sent_by=who(reminder.sent_by, names),
        may_have_files=own == reminder.payer_code or covers(own, county),
    )


def _payer(context: Context, reminder_id: str) -> str | None:
    """Whom it reminds: that payer and the county's finance staff may have it as a file."""
    with context.parts.storage.reading() as connection:
        code = queries.payer_of(connection, reminder_id)
    county: str = context.parts.settings.county_code
    return county if code is not None and covers(context.signed_in.municipality, county) else code


@routes.page(
    "/finance/reminders/<string:reminder_id>/reminder.pdf", access=only("finance", municipality=_payer)
)
def reminder_pdf(context: Context, reminder_id: str) -> Response:
    with context.parts.storage.reading() as connection:
        reminder = queries.reminder(connection, reminder_id)
        issuer, texts = context.parts.issuer, context.texts
        paper = reminder_papers.paper_of(connection, reminder, issuer, texts, context.language)
    return download(pdf.pdf(paper), pdf.CONTENT_TYPE, f"reminder-{reminder.number}.pdf")


@routes.page("/finance/invoices/<invoice_id>/dispute", access=PAPER, methods=("POST",))
def dispute_an_invoice(context: Context, invoice_id: str) -> Response:
    """The payer itself says so, or the county's staff for it."""
    form = context.load_form(DisputeForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            commands.dispute(
                unit,
                form["dispute_id"],
                invoice_id,
                form["reason"],
                acting(context),
                disputed=form["disputed"],
            )
        if form["disputed"]:
            return N_("It is noted. The invoice is not reminded of until the dispute is settled.")
        return N_("It is noted that the dispute is settled.")

    return attempt(context, f"/finance/invoices/{invoice_id}", act)
