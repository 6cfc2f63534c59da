"""What finance staff fill in about payments."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.billing.forms import REQUIRED, STALE_FORM, WRITE_DATE, Kronor, is_run_id
from services.chassis.refusals import N_

_REASON = N_("Say why in 5 to 500 characters, so that whoever reads it later understands.")
_CHOOSE = N_("Choose one.")


def _id() -> fields.String:
    return fields.String(
        required=True, validate=is_run_id, error_messages={"required": STALE_FORM, "invalid": STALE_FORM}
    )


def _reason() -> fields.String:
    return fields.String(
        required=True, validate=validate.Length(5, 500, error=_REASON), error_messages={"required": _REASON}
    )


def _choice() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(1, 36, error=_CHOOSE),
        error_messages={"required": _CHOOSE, "invalid": _CHOOSE},
    )


def _kronor() -> Kronor:
    return Kronor(required=True, error_messages={"required": REQUIRED})


class SuggestionForm(Schema):
    """`suggestion` counts from 0 among those that are shown; `seen` is what it was then."""

    booking_id = _id()
    suggestion = fields.Integer(required=True, validate=validate.Range(0, 9))
    seen = fields.String(required=True, validate=validate.Length(max=64))


class AllocationForm(Schema):
    booking_id = _id()
    invoice_id = _choice()
    amount = _kronor()
    reason = _reason()


class ElsewhereForm(Schema):
    booking_id = _id()
    account = _choice()
    amount = _kronor()
    reason = _reason()


class ReturnForm(Schema):
    returns_id = _choice()
    reason = _reason()


class ValueForm(Schema):
    amount = _kronor()
    reason = _reason()


class UndoForm(Schema):
    booking_id = _id()
    reason = _reason()


class RecordForm(Schema):
    payment_id = _id()
    amount = _kronor()
    booked_on = fields.Date(required=True, error_messages={"required": REQUIRED, "invalid": WRITE_DATE})
    payer_code = fields.String(load_default=None, validate=validate.Length(max=4))
    reason = _reason()
