"""Payments: bank files taken in, what waits for a person, and what was done with each payment."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError
from werkzeug.wrappers import Response

from services.billing import presenting
from services.billing.access import SET_BASIS, acting
from services.billing.commands.allocations import CONFIRMED, MANUAL, book_elsewhere, move, undo
from services.billing.commands.desk import Desk
from services.billing.commands.payments import Imported, import_statement, record_payment
from services.billing.commands.returns import take_back, value
from services.billing.domain.matching import Allocation
from services.billing.pages import payment_forms as forms
from services.billing.pages.payment_words import BECAUSE, KINDS, OUTCOMES
from services.billing.queries import invoices, suggesting
from services.billing.queries import payments as queries
from services.billing.queries.basis import municipality_names
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.storage.unit import Unit
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()
MOST_SHOWN = 300


def desk_of(context: Context, unit: Unit) -> Desk:
    return Desk(unit, context.parts.chart, acting(context))


@routes.page("/finance/payments", access=SET_BASIS)
def payments_page(context: Context) -> Response:
    return _list(context, {}, [], 200)


@routes.page("/finance/payments/import", access=SET_BASIS, methods=("POST",))
def import_bank_file(context: Context) -> Response:
    """All of the file, or nothing and the rule that said no."""
    upload = context.request.files.get("file")
    content = upload.read() if upload is not None else b""
    try:
        with context.parts.storage.unit() as unit:
            done = import_statement(desk_of(context, unit), content, context.parts.issuer.account)
    except Refused as error:
        words = context.refusal_text(error.refusal)
        return _list(context, {}, [("file", words)], error.refusal.status)
    return context.redirect("/finance/payments", _told(context, done))


def _told(context: Context, done: Imported) -> str:
    if done.again:
        return context.texts.gettext(N_("That file was taken in before. Nothing has changed."))
    said = N_(
        "Taken in: %(payments)s payments, of which %(booked)s found their invoice and %(waiting)s wait for "
        "you. %(known)s were known already and %(pending)s are not booked by the bank yet."
    )
    counts = ("payments", "booked", "waiting", "known", "pending")
    return context.texts.gettext(said) % {name: getattr(done, name) for name in counts}


@routes.page("/finance/payments/record", access=SET_BASIS, methods=("POST",))
def record_by_hand(context: Context) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(forms.RecordForm())
        with context.parts.storage.unit() as unit:
            record_payment(
                desk_of(context, unit),
                form["payment_id"],
                form["amount"],
                form["booked_on"],
                form["payer_code"],
                reason=form["reason"],
            )
    except ValidationError as error:
        return _list(context, given, sentences(context, error), 422)
    except Refused as error:
        words = [("amount", context.refusal_text(error.refusal))]
        return _list(context, given, words, error.refusal.status)
    said = context.texts.gettext(N_("The payment is recorded. Say what it is for."))
    return context.redirect(f"/finance/payments/{form['payment_id']}", said)


def _list(context: Context, given: dict[str, str], errors: list[tuple[str, str]], status: int) -> Response:
    with context.parts.storage.reading() as connection:
        kept = queries.every_payment(connection)
        statements = queries.every_statement(connection)
        names = municipality_names(connection)
    blank = {"amount": "", "booked_on": "", "payer_code": "", "reason": ""}
    return context.render(
        "finance_payments.html",
        http_status=status,
        waiting=[each for each in kept if not each.is_settled],
        settled=[each for each in kept if each.is_settled][:MOST_SHOWN],
        statements=statements[:MOST_SHOWN],
        names=names,
        payers=sorted(names.items(), key=lambda item: presenting.swedish_order(item[1])),
        outcomes=OUTCOMES,
        account=context.parts.issuer.account,
        payment_id=given.get("payment_id") or new_id(),
        given={**blank, **given},
        errors=errors,
        error_of=dict(errors),
    )


@routes.page("/finance/payments/<payment_id>", access=SET_BASIS)
def payment_page(context: Context, payment_id: str) -> Response:
    return _detail(context, payment_id, {}, [], 200)


def _detail(
    context: Context, payment_id: str, given: dict[str, str], errors: list[tuple[str, str]], status: int
) -> Response:
    with context.parts.storage.reading() as connection:
        payment = queries.payment(connection, payment_id)
        bookings = queries.bookings_of(connection, payment_id)
        everything = invoices.every_invoice(connection)
        names = municipality_names(connection)
        suggestions = suggesting.suggestions_for(connection, payment)
        incoming = [
            each
            for each in queries.every_payment(connection)
            if each.told.is_credit and not payment.told.is_credit
        ]
    chart = context.parts.chart
    taken = {*chart.claims, chart.number("bank"), chart.number("unallocated_payments")}
    return context.render(
        "finance_payment.html",
        http_status=status,
        payment=payment,
        bookings=bookings,
        numbers={each.invoice_id: each.number for each in everything},
        open_invoices=[each for each in everything if each.open_ore > 0],
        suggestions=suggestions,
        incoming=incoming[:MOST_SHOWN],
        accounts=sorted((number, name) for number, name in chart.names.items() if number not in taken),
        account_names=chart.names,
        names=names,
        who=lambda by: presenting.who(by, names),
        outcomes=OUTCOMES,
        because=BECAUSE,
        kinds=KINDS,
        new_id=new_id,
        given={"amount": "", "reason": "", "invoice_id": "", "account": "", "returns_id": "", **given},
        errors=errors,
        error_of=dict(errors),
    )


def _do(context: Context, payment_id: str, schema: Schema, action: Any) -> Response:
    """Load the form, book in one unit, and come back to the payment; or show what said no."""
    given = dict(context.request.form.items())
    try:
        form = context.load_form(schema)
        with context.parts.storage.unit() as unit:
            action(desk_of(context, unit), form)
    except ValidationError as error:
        return _detail(context, payment_id, given, sentences(context, error), 422)
    except Refused as error:
        if error.refusal.status == 404:
            raise
        words = [(_FIELD_OF.get(error.refusal.name, "amount"), context.refusal_text(error.refusal))]
        return _detail(context, payment_id, given, words, error.refusal.status)
    return context.redirect(f"/finance/payments/{payment_id}", context.texts.gettext(N_("It is booked.")))


_FIELD_OF = {"reason_missing": "reason", "account_not_by_hand": "account", "return_impossible": "returns_id"}


@routes.page("/finance/payments/<payment_id>/confirm", access=SET_BASIS, methods=("POST",))
def confirm_suggestion(context: Context, payment_id: str) -> Response:
    def action(desk: Desk, form: dict[str, Any]) -> None:
        if queries.booking_by_id(desk.unit.connection, form["booking_id"]) is not None:
            return  # sent twice
        payment = queries.payment(desk.unit.connection, payment_id)
        chosen = suggesting.chosen(desk.unit.connection, payment, form["suggestion"], form["seen"])
        move(desk, form["booking_id"], payment_id, chosen.allocations, chosen.because, kind=CONFIRMED)

    return _do(context, payment_id, forms.SuggestionForm(), action)


@routes.page("/finance/payments/<payment_id>/allocate", access=SET_BASIS, methods=("POST",))
def allocate_by_hand(context: Context, payment_id: str) -> Response:
    def action(desk: Desk, form: dict[str, Any]) -> None:
        asked = [Allocation(form["invoice_id"], form["amount"])]
        move(desk, form["booking_id"], payment_id, asked, form["reason"], kind=MANUAL)

    return _do(context, payment_id, forms.AllocationForm(), action)


@routes.page("/finance/payments/<payment_id>/elsewhere", access=SET_BASIS, methods=("POST",))
def book_on_account(context: Context, payment_id: str) -> Response:
    def action(desk: Desk, form: dict[str, Any]) -> None:
        credit = queries.payment(desk.unit.connection, payment_id).told.is_credit
        ore = form["amount"] if credit else -form["amount"]
        book_elsewhere(desk, form["booking_id"], payment_id, form["account"], ore, reason=form["reason"])

    return _do(context, payment_id, forms.ElsewhereForm(), action)


@routes.page("/finance/payments/<payment_id>/return", access=SET_BASIS, methods=("POST",))
def take_from_payment(context: Context, payment_id: str) -> Response:
    return _do(
        context,
        payment_id,
        forms.ReturnForm(),
        lambda desk, form: take_back(desk, payment_id, form["returns_id"], form["reason"]),
    )


@routes.page("/finance/payments/<payment_id>/value", access=SET_BASIS, methods=("POST",))
def value_payment(context: Context, payment_id: str) -> Response:
    return _do(
        context,
        payment_id,
        forms.ValueForm(),
        lambda desk, form: value(desk, payment_id, form["amount"], form["reason"]),
    )


@routes.page("/finance/payments/<payment_id>/bookings/<undone_id>/undo", access=SET_BASIS, methods=("POST",))
def undo_booking(context: Context, payment_id: str, undone_id: str) -> Response:
    return _do(
        context,
        payment_id,
        forms.UndoForm(),
        lambda desk, form: undo(desk, form["booking_id"], undone_id, form["reason"]),
    )
