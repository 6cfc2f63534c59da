"""The API of payments, below /api/billing. Amounts are whole öre. County finance only."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.billing.access import SET_BASIS
from services.billing.commands.allocations import MANUAL, book_elsewhere, move, undo
from services.billing.commands.payments import Imported, import_statement, record_payment
from services.billing.commands.returns import take_back, value
from services.billing.domain.matching import Allocation
from services.billing.forms import is_run_id
from services.billing.pages.payments import desk_of
from services.billing.queries import payments as queries
from services.billing.queries.payments import Kept
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()

_ORE = validate.Range(1, 10**13)
_REASON = validate.Length(5, 500)


class PaymentAnswer(Schema):
    payment_id = fields.String(required=True)
    booked_on = fields.Date(required=True)
    amount_ore = fields.Integer(required=True, metadata={"description": "hundredths of the currency"})
    currency = fields.String(required=True)
    is_credit = fields.Boolean(required=True)
    outcome = fields.String(required=True)
    payer_code = fields.String(required=True, allow_none=True)
    worth_ore = fields.Integer(required=True, allow_none=True)
    rest_ore = fields.Integer(required=True)
    settled = fields.Boolean(required=True)


class PaymentListAnswer(Schema):
    payments = fields.List(fields.Nested(PaymentAnswer), required=True)


class PartAnswer(Schema):
    invoice_id = fields.String(required=True, allow_none=True)
    account = fields.String(required=True)
    amount_ore = fields.Integer(required=True)
    voucher_id = fields.String(required=True)


class BookingAnswer(Schema):
    booking_id = fields.String(required=True)
    kind = fields.String(required=True)
    reason = fields.String(required=True)
    amount_ore = fields.Integer(required=True)
    undoes_id = fields.String(required=True, allow_none=True)
    undone_by_id = fields.String(required=True, allow_none=True)
    booked_at = fields.AwareDateTime(required=True)
    parts = fields.List(fields.Nested(PartAnswer), required=True)


class WholePaymentAnswer(PaymentAnswer):
    bookings = fields.List(fields.Nested(BookingAnswer), required=True)


class StatementBody(Schema):
    content = fields.String(
        required=True,
        validate=validate.Length(1, 1_000_000),
        metadata={"description": "camt.053 or camt.054, versions 02 and 08, as text"},
    )


class ImportedAnswer(Schema):
    again = fields.Boolean(required=True, metadata={"description": "taken in before: nothing has changed"})
    statements = fields.Integer(required=True)
    payments = fields.Integer(required=True)
    booked = fields.Integer(required=True)
    waiting = fields.Integer(required=True)
    known = fields.Integer(required=True)
    pending = fields.Integer(required=True)


class RecordBody(Schema):
    payment_id = fields.String(required=True, validate=is_run_id)
    amount_ore = fields.Integer(required=True, strict=True, validate=_ORE)
    booked_on = fields.Date(required=True)
    payer_code = fields.String(load_default=None, validate=validate.Length(max=4))
    reason = fields.String(required=True, validate=_REASON)


class AllocationBody(Schema):
    invoice_id = fields.String(required=True, validate=validate.Length(max=36))
    amount_ore = fields.Integer(required=True, strict=True, validate=_ORE)


class BookingBody(Schema):
    """Either allocations to invoices, or an account that is no claim with an amount."""

    booking_id = fields.String(required=True, validate=is_run_id)
    allocations = fields.List(
        fields.Nested(AllocationBody), load_default=[], validate=validate.Length(max=100)
    )
    account = fields.String(load_default=None, validate=validate.Length(max=8))
    amount_ore = fields.Integer(load_default=0, strict=True, validate=validate.Range(-(10**13), 10**13))
    reason = fields.String(required=True, validate=_REASON)


class UndoBody(Schema):
    booking_id = fields.String(required=True, validate=is_run_id)
    reason = fields.String(required=True, validate=_REASON)


class ReturnBody(Schema):
    returns_id = fields.String(required=True, validate=validate.Length(max=36))
    reason = fields.String(required=True, validate=_REASON)


class ValueBody(Schema):
    amount_ore = fields.Integer(required=True, strict=True, validate=_ORE)
    reason = fields.String(required=True, validate=_REASON)


@routes.api(
    "POST",
    "/statements",
    access=SET_BASIS,
    summary="Take in a bank file, all or nothing; the same file again changes nothing",
    body=StatementBody,
    answer=ImportedAnswer,
)
def post_statement(context: Context) -> Imported:
    content = context.body["content"].encode(errors="replace")
    with context.parts.storage.unit() as unit:
        return import_statement(desk_of(context, unit), content, context.parts.issuer.account)


@routes.api(
    "GET", "/payments", access=SET_BASIS, summary="Every payment, the newest first", answer=PaymentListAnswer
)
def list_payments(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"payments": [_head(each) for each in queries.every_payment(connection)]}


@routes.api(
    "POST",
    "/payments",
    access=SET_BASIS,
    summary="Record a payment that no bank file brings",
    body=RecordBody,
    answer=WholePaymentAnswer,
)
def post_payment(context: Context) -> dict[str, Any]:
    body = context.body
    with context.parts.storage.unit() as unit:
        desk = desk_of(context, unit)
        given = (body["payment_id"], body["amount_ore"], body["booked_on"], body["payer_code"])
        record_payment(desk, *given, reason=body["reason"])
    return _whole(context, body["payment_id"])


@routes.api(
    "GET",
    "/payments/<payment_id>",
    access=SET_BASIS,
    summary="A payment and what was done with it",
    answer=WholePaymentAnswer,
)
def show_payment(context: Context, payment_id: str) -> dict[str, Any]:
    return _whole(context, payment_id)


@routes.api(
    "POST",
    "/payments/<payment_id>/bookings",
    access=SET_BASIS,
    summary="Book what is left of a payment on invoices, or on an account that is no claim",
    body=BookingBody,
    answer=WholePaymentAnswer,
)
def post_booking(context: Context, payment_id: str) -> dict[str, Any]:
    body = context.body
    with context.parts.storage.unit() as unit:
        desk = desk_of(context, unit)
        if body["account"] is not None:
            given = (body["booking_id"], payment_id, body["account"], body["amount_ore"])
            book_elsewhere(desk, *given, reason=body["reason"])
        else:
            asked = [Allocation(**each) for each in body["allocations"]]
            move(desk, body["booking_id"], payment_id, asked, body["reason"], kind=MANUAL)
    return _whole(context, payment_id)


@routes.api(
    "POST",
    "/payments/<payment_id>/bookings/<undone_id>/undo",
    access=SET_BASIS,
    summary="Take a booking back with its opposite",
    body=UndoBody,
    answer=WholePaymentAnswer,
)
def post_undo(context: Context, payment_id: str, undone_id: str) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        undo(desk_of(context, unit), context.body["booking_id"], undone_id, context.body["reason"])
    return _whole(context, payment_id)


@routes.api(
    "POST",
    "/payments/<payment_id>/return",
    access=SET_BASIS,
    summary="Say which payment in this payment out takes back",
    body=ReturnBody,
    answer=WholePaymentAnswer,
)
def post_return(context: Context, payment_id: str) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        take_back(desk_of(context, unit), payment_id, context.body["returns_id"], context.body["reason"])
    return _whole(context, payment_id)


@routes.api(
    "POST",
    "/payments/<payment_id>/value",
    access=SET_BASIS,
    summary="Say what a payment in another currency is worth",
    body=ValueBody,
    answer=WholePaymentAnswer,
)
def post_value(context: Context, payment_id: str) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        value(desk_of(context, unit), payment_id, context.body["amount_ore"], context.body["reason"])
    return _whole(context, payment_id)


def _head(payment: Kept) -> dict[str, Any]:
    """Who paid by name or account is not told here: the page shows it to the person who needs it."""
    return {
        "payment_id": payment.payment_id,
        "booked_on": payment.told.booked_on,
        "amount_ore": payment.told.amount_ore,
        "currency": payment.told.currency,
        "is_credit": payment.told.is_credit,
        "outcome": payment.outcome,
        "payer_code": payment.payer_code,
        "worth_ore": payment.worth_ore,
        "rest_ore": payment.rest_ore,
        "settled": payment.is_settled,
    }


def _whole(context: Context, payment_id: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        payment = queries.payment(connection, payment_id)
        return {**_head(payment), "bookings": queries.bookings_of(connection, payment_id)}
