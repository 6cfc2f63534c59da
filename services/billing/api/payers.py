"""The API of payers: how each wants its invoices, and every version of it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.billing.access import READ, SET_PAYER, acting
from services.billing.api.book_schemas import VersionAnswer
from services.billing.commands.payers import record_payer
from services.billing.domain.payers import PayerDetails
from services.billing.queries import invoices as queries
from services.billing.queries.basis import municipality_names
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()


def _text(longest: int, *, required: bool = False) -> fields.String:
    length = validate.Length(max=longest)
    return (
        fields.String(required=True, validate=length)
        if required
        else fields.String(load_default="", validate=length)
    )


class PayerBody(Schema):
    legal_name = _text(200, required=True)
    organisation_number = _text(20, required=True)
    order_reference = _text(100)
    street = _text(200)
    postal_code = _text(10)
    town = _text(100)
    peppol_id = _text(60)
    contact = _text(200)


class PayerVersionAnswer(PayerBody):
    version = fields.Integer(required=True, attribute="revision")
    recorded_by = fields.String(required=True)
    recorded_at = fields.AwareDateTime(required=True)


class PayerVersionsAnswer(Schema):
    versions = fields.List(fields.Nested(PayerVersionAnswer), required=True)


@routes.api(
    "GET",
    "/payers/<string:payer_code>",
    access=READ,
    summary="Every version of how a payer wants its invoices, the newest first",
    answer=PayerVersionsAnswer,
)
def show_payer(context: Context, payer_code: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        if payer_code not in municipality_names(connection):
            raise NotFound
        return {"versions": queries.payer_revisions(connection, payer_code)}


@routes.api(
    "PUT",
    "/payers/<string:payer_code>",
    access=SET_PAYER,
    summary="How a payer wants its invoices from now on: said by itself, or by the county for it",
    body=PayerBody,
    answer=VersionAnswer,
)
def put_payer(context: Context, payer_code: str) -> dict[str, Any]:
    details = PayerDetails(payer_code=payer_code, **context.body)
    with context.parts.storage.unit() as unit:
        return {"version": record_payer(unit, details, acting(context))}
