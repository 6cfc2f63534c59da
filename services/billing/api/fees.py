"""The API of the fee basis. Amounts are whole öre; people are ids."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields
from werkzeug.wrappers import Response

from services.billing.access import READ_FEES
from services.billing.domain.fees import Basis, Fee
from services.billing.pages.fees import basis_of, csv_response
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()


class FeeLineAnswer(Schema):
    rule = fields.String(required=True)
    text = fields.String(required=True)
    amount_ore = fields.Integer(required=True)


class FeeAnswer(Schema):
    application_id = fields.String(required=True)
    course_id = fields.String(required=True)
    home = fields.String(
        required=True, allow_none=True, metadata={"description": "null: a protected identity"}
    )
    guardian_id = fields.String(required=True, allow_none=True)
    child_number = fields.Integer(
        required=True, metadata={"description": "which of the family's children: the sibling step"}
    )
    course_number = fields.Integer(required=True)
    rents = fields.String(required=True, allow_none=True)
    rental_ore = fields.Integer(required=True)
    voucher_ore = fields.Integer(required=True, metadata={"description": "what a Fritidskort pays"})
    total_ore = fields.Integer(required=True, metadata={"description": "what the family pays"})
    outcome = fields.String(
        required=True, allow_none=True, metadata={"description": "how it ended within the term"}
    )
    lines = fields.List(fields.Nested(FeeLineAnswer), required=True)


class RuleTotalAnswer(FeeLineAnswer):
    count = fields.Integer(required=True)


class StepTotalAnswer(Schema):
    child_number = fields.Integer(required=True)
    count = fields.Integer(required=True)
    amount_ore = fields.Integer(required=True)


class FeeBasisAnswer(Schema):
    term_id = fields.String(required=True)
    term = fields.String(required=True)
    host = fields.String(required=True)
    unpriced = fields.Integer(required=True, metadata={"description": "places whose price is not told yet"})
    fees_ore = fields.Integer(required=True)
    rental_ore = fields.Integer(required=True)
    voucher_ore = fields.Integer(required=True)
    total_ore = fields.Integer(required=True)
    by_rule = fields.List(fields.Nested(RuleTotalAnswer), required=True)
    by_step = fields.List(fields.Nested(StepTotalAnswer), required=True)
    fees = fields.List(fields.Nested(FeeAnswer), required=True)


@routes.api(
    "GET",
    "/fees/<string:term_id>/<string:code>",
    access=READ_FEES,
    summary="What guardians owe a host for a term, every place with its lines and the rule behind each",
    answer=FeeBasisAnswer,
)
def show_fees(context: Context, term_id: str, code: str) -> dict[str, Any]:
    basis, _names = basis_of(context, term_id, code)
    return _document(basis, context.language)


@routes.api(
    "GET",
    "/fees/<string:term_id>/<string:code>/fees.csv",
    access=READ_FEES,
    summary="The fee basis as text/csv: UTF-8 with a byte order mark, semicolons, decimal commas",
)
def download_fees(context: Context, term_id: str, code: str) -> Response:
    return csv_response(context, term_id, code)


def _document(basis: Basis, language: str) -> dict[str, Any]:
    return {
        "term_id": basis.term_id,
        "term": basis.term.in_language(language),
        "host": basis.host,
        "unpriced": basis.unpriced,
        "fees_ore": basis.fees_ore,
        **{name: basis.total(name) for name in ("rental_ore", "voucher_ore", "total_ore")},
        "by_rule": [
            {
                "rule": each.rule,
                "text": each.text.in_language(language),
                "count": each.count,
                "amount_ore": each.amount_ore,
            }
            for each in basis.by_rule
        ],
        "by_step": basis.by_step,
        "fees": [_fee(fee, language) for fee in basis.fees],
    }


def _fee(fee: Fee, language: str) -> dict[str, Any]:
    values = {name: getattr(fee, name) for name in fee.__slots__}
    values["lines"] = [
        {"rule": line.rule, "text": line.text.in_language(language), "amount_ore": line.amount_ore}
        for line in fee.lines
    ]
    return values
