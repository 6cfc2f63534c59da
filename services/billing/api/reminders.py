"""The API of late invoices, reminders and contested invoices."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.billing.access import READ, SET_BASIS, acting
from services.billing.commands import reminders as commands
from services.billing.domain.reminders import Standing
from services.billing.pages.papers import PAPER
from services.billing.queries import reminders as queries
from services.chassis.clock import local_date
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes

routes = Routes()


class LateInvoiceAnswer(Schema):
    invoice_id = fields.String(required=True)
    number = fields.String(required=True)
    payer_code = fields.String(required=True)
    due_on = fields.Date(required=True)
    days_late = fields.Integer(required=True)
    open_ore = fields.Integer(required=True)
    level = fields.Integer(required=True, metadata={"description": "of the newest reminder, 0 without one"})
    next_level = fields.Integer(allow_none=True)
    why_not = fields.String(required=True)
    from_day = fields.Date(allow_none=True)


class ReminderAnswer(Schema):
    reminder_id = fields.String(required=True)
    number = fields.String(required=True)
    invoice_id = fields.String(required=True)
    payer_code = fields.String(required=True)
    level = fields.Integer(required=True)
    open_ore = fields.Integer(required=True)
    reminded_on = fields.Date(required=True)
    pay_by = fields.Date(required=True)


class RemindersAnswer(Schema):
    fingerprint = fields.String(required=True)
    days = fields.List(fields.Integer(), required=True)
    late = fields.List(fields.Nested(LateInvoiceAnswer), required=True)
    sent = fields.List(fields.Nested(ReminderAnswer), required=True)


class RemindBody(Schema):
    batch_id = IdField(required=True)
    fingerprint = fields.String(required=True, validate=validate.Length(equal=64))
    invoice_ids = fields.List(IdField(), required=True, validate=validate.Length(min=1, max=5000))


class ReminderIdsAnswer(Schema):
    reminder_ids = fields.List(fields.String(), required=True)


class DisputeBody(Schema):
    dispute_id = IdField(required=True)
    disputed = fields.Boolean(required=True)
    reason = fields.String(required=True, validate=validate.Length(max=500))


class DisputedAnswer(Schema):
    invoice_id = fields.String(required=True)
    disputed = fields.Boolean(required=True)


@routes.api(
    "GET",
    "/reminders",
    access=READ,
    summary="Late invoices with what can be done today, and the reminders that were sent",
    answer=RemindersAnswer,
)
def list_reminders(context: Context) -> dict[str, Any]:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        seen = queries.preview(connection, today)
        sent = queries.every_reminder(connection)
    return {
        "fingerprint": seen.fingerprint,
        "days": list(seen.days),
        "late": [_late(each) for each in seen.standings],
        "sent": sent,
    }


def _late(each: Standing) -> dict[str, Any]:
    names = ("invoice_id", "number", "payer_code", "due_on", "open_ore", "level")
    about = {name: getattr(each.overdue, name) for name in names}
    rest = {"next_level": each.next_level, "why_not": each.why_not, "from_day": each.from_day}
    return {**about, **rest, "days_late": each.days_late}


@routes.api(
    "POST",
    "/reminders",
    access=SET_BASIS,
    summary="Send the reminders that were previewed, for the chosen invoices",
    body=RemindBody,
    answer=ReminderIdsAnswer,
)
def post_reminders(context: Context) -> dict[str, Any]:
    body = context.body
    given = (body["batch_id"], body["invoice_ids"], acting(context))
    with context.parts.storage.unit() as unit:
        return {"reminder_ids": commands.remind(unit, *given, fingerprint=body["fingerprint"])}


@routes.api(
    "POST",
    "/invoices/<invoice_id>/dispute",
    access=PAPER,
    summary="The payer contests an invoice, or no longer does",
    body=DisputeBody,
    answer=DisputedAnswer,
)
def post_dispute(context: Context, invoice_id: str) -> dict[str, Any]:
    body = context.body
    given = (body["dispute_id"], invoice_id, body["reason"], acting(context))
    with context.parts.storage.unit() as unit:
        commands.dispute(unit, *given, disputed=body["disputed"])
    return {"invoice_id": invoice_id, "disputed": body["disputed"]}
