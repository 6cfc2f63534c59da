"""Bodies and answers of api/books.py. Amounts are whole öre."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.billing.domain.budgets import KINDS
from services.billing.domain.shares import MOST_BUDGET_ORE
from services.chassis.web.inputs import IdField

_MOST = validate.Range(-MOST_BUDGET_ORE * 10, MOST_BUDGET_ORE * 10)


def _text(longest: int, *, required: bool = True) -> fields.String:
    length = validate.Length(max=longest)
    if required:
        return fields.String(required=True, validate=length)
    return fields.String(load_default="", validate=length)


def _ore() -> fields.Integer:
    return fields.Integer(required=True, strict=True, validate=_MOST)


class VersionAnswer(Schema):
    version = fields.Integer(required=True)


class RunIdAnswer(Schema):
    run_id = fields.String(required=True)


class CostIdAnswer(Schema):
    cost_id = fields.String(required=True)


class PapersAnswer(Schema):
    invoice_ids = fields.List(fields.String(), required=True)


class VoucherNumberAnswer(Schema):
    number = fields.Integer(required=True)


class AgreementAnswer(Schema):
    version = fields.Integer(required=True)
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(allow_none=True)
    region_code = fields.String(required=True)
    region_percent = fields.Integer(required=True)
    text = fields.String(required=True)
    source = fields.String(required=True)
    terms = fields.Dict(allow_none=True, metadata={"description": "instalments, rounding, members"})


class AgreementListAnswer(Schema):
    agreements = fields.List(fields.Nested(AgreementAnswer), required=True)


class MemberChangeBody(Schema):
    municipality_code = _text(4)
    joined_on = fields.Date(load_default=None)
    left_on = fields.Date(load_default=None)


class CeilingBody(Schema):
    ceiling_ore = _ore()
    decided_by = _text(200)


class LineBody(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(tuple(KINDS)))
    text = _text(200)
    amount_ore = _ore()


class BudgetBody(Schema):
    budget_id = IdField(required=True)
    lines = fields.List(fields.Nested(LineBody), required=True, validate=validate.Length(min=1, max=200))
    decided_by = _text(200)
    decided_on = fields.Date(required=True)
    reason = _text(500, required=False)


class BudgetVersionAnswer(Schema):
    version = fields.Integer(required=True)
    total_ore = fields.Integer(required=True)
    decided_by = fields.String(required=True)
    decided_on = fields.Date(required=True)
    reason = fields.String(required=True)
    lines = fields.List(fields.Nested(LineBody), required=True)


class OutcomeAnswer(Schema):
    kind = fields.String(required=True)
    budget_ore = fields.Integer(required=True)
    approved_ore = fields.Integer(required=True)
    waiting_ore = fields.Integer(required=True)
    left_ore = fields.Integer(required=True)


class CostBody(Schema):
    cost_id = IdField(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(tuple(KINDS)))
    amount_ore = _ore()
    spent_on = fields.Date(required=True)
    text = _text(200)


class CostAnswer(CostBody):
    host_code = fields.String(required=True)
    approved = fields.Boolean(allow_none=True)
    reason = fields.String(required=True)


class BudgetAnswer(Schema):
    versions = fields.List(fields.Nested(BudgetVersionAnswer), required=True)
    outcome = fields.List(fields.Nested(OutcomeAnswer), required=True)
    costs = fields.List(fields.Nested(CostAnswer), required=True)


class ComputeBody(Schema):
    run_id = IdField(load_default=None)


class DecisionBody(Schema):
    approved = fields.Boolean(required=True)
    reason = _text(500, required=False)


class InvoiceLineAnswer(Schema):
    text = fields.String(required=True)
    amount_ore = fields.Integer(required=True)


class InvoiceAnswer(Schema):
    invoice_id = fields.String(required=True)
    number = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    year = fields.Integer(required=True)
    instalment = fields.Integer(required=True)
    run_id = fields.String(required=True, allow_none=True)
    compensation_id = fields.String(required=True, allow_none=True)
    payer_code = fields.String(required=True)
    payer_name = fields.String(required=True)
    amount_ore = fields.Integer(required=True)
    settled_ore = fields.Integer(required=True)
    open_ore = fields.Integer(required=True)
    issued_on = fields.Date(required=True)
    due_on = fields.Date(required=True)
    period_first = fields.Date(required=True)
    period_last = fields.Date(required=True)
    reference = fields.String(required=True)
    order_reference = fields.String(required=True)
    credits_id = fields.String(allow_none=True)
    replaces_id = fields.String(allow_none=True)
    credited_by_id = fields.String(allow_none=True)
    replaced_by_id = fields.String(allow_none=True)
    correction_id = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(InvoiceLineAnswer), required=True)


class InvoiceListAnswer(Schema):
    invoices = fields.List(fields.Nested(InvoiceAnswer), required=True)


class IssueBody(Schema):
    run_id = IdField(required=True)


class ChangeAnswer(Schema):
    payer_code = fields.String(required=True)
    instalment = fields.Integer(required=True)
    credits_id = fields.String(allow_none=True)
    credited_ore = fields.Integer(required=True)
    replaced_ore = fields.Integer(required=True)
    delta_ore = fields.Integer(required=True)


class CorrectionAnswer(Schema):
    run_id = fields.String(required=True)
    version = fields.Integer(required=True)
    fingerprint = fields.String(required=True)
    reasons = fields.List(fields.String(), required=True)
    budget_change_ore = fields.Integer(required=True)
    total_delta_ore = fields.Integer(required=True)
    changes = fields.List(fields.Nested(ChangeAnswer), required=True)


class CorrectionBody(Schema):
    run_id = IdField(required=True)
    correction_id = IdField(required=True)
    fingerprint = fields.String(required=True, validate=validate.Length(equal=64))
    reason = _text(480)


class PostingAnswer(Schema):
    account = fields.String(required=True)
    amount_ore = fields.Integer(required=True, metadata={"description": "debit above zero, credit below"})
    payer_code = fields.String(allow_none=True)
    invoice_id = fields.String(allow_none=True)


class VoucherAnswer(Schema):
    voucher_id = fields.String(required=True)
    series = fields.String(required=True)
    number = fields.Integer(required=True)
    booked_on = fields.Date(required=True)
    kind = fields.String(required=True)
    text = fields.String(required=True)
    corrects_id = fields.String(allow_none=True)
    postings = fields.List(fields.Nested(PostingAnswer), required=True)


class BalanceAnswer(Schema):
    account = fields.String(required=True)
    name = fields.String(required=True)
    balance_ore = fields.Integer(required=True)


class ClosingAnswer(Schema):
    month = fields.Date(required=True)
    closed_by = fields.String(required=True)
    closed_at = fields.AwareDateTime(required=True)


class LedgerAnswer(Schema):
    balances = fields.List(fields.Nested(BalanceAnswer), required=True)
    vouchers = fields.List(fields.Nested(VoucherAnswer), required=True)
    closed_months = fields.List(fields.Nested(ClosingAnswer), required=True)


class VoucherBody(Schema):
    voucher_id = IdField(required=True)
    booked_on = fields.Date(required=True)
    debit = _text(8)
    credit = _text(8)
    amount_ore = _ore()
    reason = _text(300)


class ReversalBody(Schema):
    new_id = IdField(required=True)
    reason = _text(300)


class CloseBody(Schema):
    month = fields.Date(required=True)


class EquationAnswer(Schema):
    name = fields.String(required=True)
    left_ore = fields.Integer(required=True)
    right_ore = fields.Integer(required=True)
    off_ore = fields.Integer(required=True)


class CauseAnswer(Schema):
    kind = fields.String(required=True)
    ore = fields.Integer(required=True)
    instalments = fields.List(fields.Integer(), required=True)
    versions = fields.List(fields.Integer(), required=True)


class ReconciliationRowAnswer(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    share_ore = fields.Integer(required=True)
    invoiced_ore = fields.Integer(required=True)
    credited_ore = fields.Integer(required=True)
    paid_ore = fields.Integer(required=True)
    netted_ore = fields.Integer(required=True)
    open_ore = fields.Integer(required=True)
    to_come_ore = fields.Integer(required=True)
    booked_ore = fields.Integer(required=True)
    balance_ore = fields.Integer(required=True)
    off_ore = fields.Integer(required=True)
    agrees = fields.Boolean(required=True)
    causes = fields.List(fields.Nested(CauseAnswer), required=True)
    ageing_ore = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class ReconciliationAnswer(Schema):
    year = fields.Integer(required=True)
    version = fields.Integer(required=True)
    budget_ore = fields.Integer(required=True)
    agrees = fields.Boolean(required=True)
    equations = fields.List(fields.Nested(EquationAnswer), required=True)
    rows = fields.List(fields.Nested(ReconciliationRowAnswer), required=True)


class SettingAnswer(Schema):
    host_code = fields.String(required=True)
    owed_ore = fields.Integer(required=True)
    open_ore = fields.Integer(required=True)
    netted_ore = fields.Integer(required=True)
    left_to_pay_out_ore = fields.Integer(required=True)
    left_to_pay_in_ore = fields.Integer(required=True)


class NettingAnswer(Schema):
    hosts = fields.List(fields.Nested(SettingAnswer), required=True)
    total_ore = fields.Integer(required=True)


class NettingBody(Schema):
    netting_id = IdField(required=True)
    total_ore = _ore()


class NumbersAnswer(Schema):
    numbers = fields.List(fields.Integer(), required=True)
