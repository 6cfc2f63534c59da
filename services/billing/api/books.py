"""The API of budgets, costs, the agreement's members, invoices, corrections, ledger and reconciliation."""

from __future__ import annotations

from typing import Any

from services.billing.access import READ, REPORT_COST, SET_BASIS, SET_CEILING, acting
from services.billing.api import book_schemas as schemas
from services.billing.commands import agreements, budgets, invoicing, ledger
from services.billing.commands.basis import compute_year
from services.billing.commands.einvoices import refuse_failing
from services.billing.commands.ledger import Entry
from services.billing.commands.netting import net
from services.billing.domain.agreements import terms_document
from services.billing.domain.budgets import Budget, Cost, Line
from services.billing.queries import basis as basis_queries
from services.billing.queries import budgets as budget_queries
from services.billing.queries import correcting, invoices
from services.billing.queries import ledger as ledger_queries
from services.billing.queries.netting import settings
from services.billing.queries.reconciliation import reconciliation
from services.chassis.clock import local_date
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()


@routes.api(
    "GET",
    "/agreements",
    access=READ,
    summary="Every version of the agreement, the newest first",
    answer=schemas.AgreementListAnswer,
)
def list_agreements(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        found = basis_queries.every_agreement(connection)
    return {
        "agreements": [
            {
                "version": each.version,
                "valid_from": each.valid_from,
                "valid_to": each.valid_to,
                "region_code": each.region_code,
                "region_percent": each.region_percent,
                "text": each.text.in_language(context.language),
                "source": each.source,
                "terms": terms_document(each.terms) if each.terms else None,
            }
            for each in found
        ]
    }


@routes.api(
    "POST",
    "/agreements/members",
    access=SET_BASIS,
    summary="A municipality joins or leaves: a new version of the agreement",
    body=schemas.MemberChangeBody,
    answer=schemas.VersionAnswer,
)
def post_member_change(context: Context) -> dict[str, Any]:
    body = context.body
    with context.parts.storage.unit() as unit:
        version = agreements.change_member(
            unit,
            body["municipality_code"],
            acting(context),
            joined_on=body["joined_on"],
            left_on=body["left_on"],
        )
    return {"version": version}


@routes.api(
    "PUT",
    "/years/<int:year>/ceilings/<string:code>",
    access=SET_CEILING,
    summary="What a home municipality pays at most for places elsewhere in a year",
    body=schemas.CeilingBody,
    answer=schemas.VersionAnswer,
)
def put_ceiling(context: Context, year: int, code: str) -> dict[str, Any]:
    body = context.body
    with context.parts.storage.unit() as unit:
        version = agreements.set_ceiling(
            unit, code, year, body["ceiling_ore"], acting(context), decided_by=body["decided_by"]
        )
    return {"version": version}


@routes.api(
    "GET",
    "/years/<int:year>/budget",
    access=READ,
    summary="Every version of a year's budget, and the costs reported against it",
    answer=schemas.BudgetAnswer,
)
def show_budget(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        versions = budget_queries.budgets_of_year(connection, year)
        reported = budget_queries.costs_of_year(connection, year)
    return {
        "versions": versions,
        "outcome": budget_queries.outcome(versions[0], reported) if versions else [],
        "costs": [
            {**_cost(each.cost), "approved": each.approved, "reason": each.reason} for each in reported
        ],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {name: getattr(cost, name) for name in cost.__slots__}


@routes.api(
    "POST",
    "/years/<int:year>/budget",
    access=SET_BASIS,
    summary="Record a version of a year's budget; once invoices are issued it needs a reason",
    body=schemas.BudgetBody,
    answer=schemas.VersionAnswer,
)
def post_budget(context: Context, year: int) -> dict[str, Any]:
    body = context.body
    lines = tuple(Line(**line) for line in body["lines"])
    budget = Budget(year, 0, lines, body["decided_by"], body["decided_on"], body["reason"])
    with context.parts.storage.unit() as unit:
        return {"version": budgets.record_budget(unit, body["budget_id"], budget, acting(context))}


@routes.api(
    "POST",
    "/years/<int:year>/compute",
    access=SET_BASIS,
    summary="Compute the shares from the newest budget and what the agreement says",
    body=schemas.ComputeBody,
    answer=schemas.RunIdAnswer,
)
def post_compute(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        return {"run_id": compute_year(unit, year, acting(context), run_id=context.body["run_id"])}


@routes.api(
    "PUT",
    "/years/<int:year>/costs/<string:host_code>",
    access=REPORT_COST,
    summary="A host reports a cost, under an id it makes",
    body=schemas.CostBody,
    answer=schemas.CostIdAnswer,
)
def put_cost(context: Context, year: int, host_code: str) -> dict[str, Any]:
    cost = Cost(year=year, host_code=host_code, **context.body)
    with context.parts.storage.unit() as unit:
        budgets.report_cost(unit, cost, acting(context))
    return {"cost_id": cost.cost_id}


@routes.api(
    "POST",
    "/costs/<string:cost_id>/decision",
    access=SET_BASIS,
    summary="Approve a reported cost, which books it, or refuse it with a reason",
    body=schemas.DecisionBody,
    answer=schemas.CostIdAnswer,
)
def post_decision(context: Context, cost_id: str) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        budgets.decide_cost(unit, cost_id, context.parts.chart, acting(context), **context.body)
    return {"cost_id": cost_id}


@routes.api(
    "GET",
    "/years/<int:year>/invoices",
    access=READ,
    summary="A year's invoices and credit notes, in the order they were issued",
    answer=schemas.InvoiceListAnswer,
)
def list_invoices(context: Context, year: int) -> dict[str, Any]:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        found = invoices.invoices_of_year(connection, year)
    return {"invoices": [invoice_document(context, each, each.state(today)) for each in found]}


@routes.api(
    "GET", "/invoices/<string:invoice_id>", access=READ, summary="An invoice", answer=schemas.InvoiceAnswer
)
def show_invoice(context: Context, invoice_id: str) -> dict[str, Any]:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        found = invoices.invoice(connection, invoice_id)
    return invoice_document(context, found, found.state(today))


def invoice_document(context: Context, each: invoices.Invoice, state: str) -> dict[str, Any]:
    values = {name: getattr(each, name) for name in each.__slots__}
    values["lines"] = [
        {"text": line.text.in_language(context.language), "amount_ore": line.amount_ore}
        for line in each.lines
    ]
    return {**values, "open_ore": each.open_ore, "state": state}


@routes.api(
    "POST",
    "/years/<int:year>/instalments/<int:number>",
    access=SET_BASIS,
    summary="Issue an instalment of the newest run; again with the same run it gives the same invoices",
    body=schemas.IssueBody,
    answer=schemas.PapersAnswer,
)
def post_instalment(context: Context, year: int, number: int) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        ids = invoicing.issue_instalment(
            unit, year, number, context.parts.chart, acting(context), run_id=context.body["run_id"]
        )
        refuse_failing(unit, ids, context.parts.issuer)
    return {"invoice_ids": ids}


@routes.api(
    "GET",
    "/years/<int:year>/correction",
    access=READ,
    summary="What would be credited and issued anew, with the fingerprint that issuing it takes",
    answer=schemas.CorrectionAnswer,
)
def show_correction(context: Context, year: int) -> dict[str, Any]:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        seen = correcting.preview(connection, year, today)
    return {
        "run_id": seen.run.run_id,
        "version": seen.run.version,
        "fingerprint": seen.fingerprint,
        "reasons": [each.in_language(context.language) for each in seen.reasons],
        "budget_change_ore": seen.budget_change_ore,
        "total_delta_ore": seen.total_delta_ore,
        "changes": [
            {
                "payer_code": each.payer_code,
                "instalment": each.period.number,
                "credits_id": each.credit.invoice_id if each.credit else None,
                "credited_ore": each.credit.amount_ore if each.credit else 0,
                "replaced_ore": each.draft.amount_ore if each.draft else 0,
                "delta_ore": each.delta_ore,
            }
            for each in seen.changes
        ],
    }


@routes.api(
    "POST",
    "/years/<int:year>/correction",
    access=SET_BASIS,
    summary="Issue a correction exactly as previewed",
    body=schemas.CorrectionBody,
    answer=schemas.PapersAnswer,
)
def post_correction(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        ids = invoicing.issue_correction(unit, year, context.parts.chart, acting(context), **context.body)
        refuse_failing(unit, ids, context.parts.issuer)
    return {"invoice_ids": ids}


@routes.api(
    "GET",
    "/years/<int:year>/ledger",
    access=READ,
    summary="Balances and vouchers that belong to a budget year",
    answer=schemas.LedgerAnswer,
)
def show_ledger(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        found = ledger_queries.vouchers_of_year(connection, year, most=5000)
        balances = ledger_queries.balances(connection, year)
        closed = ledger_queries.closings(connection)
    names = context.parts.chart.names
    return {
        "balances": [
            {"account": account, "name": names.get(account, ""), "balance_ore": ore}
            for account, ore in balances.items()
        ],
        "vouchers": found,
        "closed_months": list(closed.values()),
    }


@routes.api(
    "POST",
    "/years/<int:year>/vouchers",
    access=SET_BASIS,
    summary="Book an amount between two accounts by hand, with a reason",
    body=schemas.VoucherBody,
    answer=schemas.VoucherNumberAnswer,
)
def post_voucher(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        entry = Entry(year=year, **context.body)
        return {"number": ledger.book_by_hand(unit, entry, context.parts.chart, acting(context))}


@routes.api(
    "POST",
    "/years/<int:year>/vouchers/<voucher_id>/reversal",
    access=SET_BASIS,
    summary="Take back a voucher that was booked by hand with its opposite, today",
    body=schemas.ReversalBody,
    answer=schemas.VoucherNumberAnswer,
)
def post_reversal(context: Context, year: int, voucher_id: str) -> dict[str, Any]:
    body = context.body
    with context.parts.storage.unit() as unit:
        ledger.refuse_other_year(unit, voucher_id, year)
        return {"number": ledger.reverse(unit, voucher_id, context.parts.chart, acting(context), **body)}


@routes.api(
    "POST",
    "/closed-months",
    access=SET_BASIS,
    summary="Close a month that is over: nothing more is booked in it",
    body=schemas.CloseBody,
    answer=schemas.CloseBody,
)
def post_closing(context: Context) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        ledger.close_month(unit, context.body["month"], acting(context))
    return context.body


@routes.api(
    "GET",
    "/years/<int:year>/netting",
    access=READ,
    summary="What hosts are owed beside their open invoices, and what would be set off",
    answer=schemas.NettingAnswer,
)
def show_netting(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        found = settings(connection, year, context.parts.chart)
    return {"hosts": found, "total_ore": sum(each.netted_ore for each in found)}


@routes.api(
    "POST",
    "/years/<int:year>/netting",
    access=SET_BASIS,
    summary="Set off what was previewed",
    body=schemas.NettingBody,
    answer=schemas.NumbersAnswer,
)
def post_netting(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        return {"numbers": net(unit, year, context.parts.chart, acting(context), **context.body)}


@routes.api(
    "GET",
    "/years/<int:year>/reconciliation",
    access=READ,
    summary="Whether budget, shares, invoices and ledger agree, a row a payer, and what a difference is from",
    answer=schemas.ReconciliationAnswer,
)
def show_reconciliation(context: Context, year: int) -> dict[str, Any]:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        found = reconciliation(connection, year, context.parts.chart, today)
    return {
        "year": found.year,
        "version": found.version,
        "budget_ore": found.budget_ore,
        "agrees": found.agrees,
        "equations": found.equations,
        "rows": [{**_row(row), "ageing_ore": dict(found.ageing_ore.get(row.code, {}))} for row in found.rows],
    }


def _row(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__slots__}
    return {**values, "open_ore": row.open_ore, "off_ore": row.off_ore, "agrees": row.agrees}
