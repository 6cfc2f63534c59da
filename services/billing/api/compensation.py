"""The API of compensation for places: ceilings, the price list, and a term's runs. Amounts are whole öre."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from services.billing.access import READ, SET_BASIS, acting
from services.billing.api.agreements import PriceBody
from services.billing.api.book_schemas import InvoiceAnswer, PapersAnswer, RunIdAnswer, VersionAnswer
from services.billing.api.books import invoice_document
from services.billing.commands import compensation as commands
from services.billing.commands.einvoices import refuse_failing
from services.billing.commands.price_lists import set_prices
from services.billing.domain.agreements import Price
from services.billing.domain.compensation import changes
from services.billing.pages.common import VersionQuery
from services.billing.pages.compensation import csv_response
from services.billing.queries import compensation as queries
from services.billing.queries.compensation import Run
from services.chassis.clock import local_date
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes

routes = Routes()


class CeilingAnswer(Schema):
    home = fields.String(required=True)
    version = fields.Integer(required=True)
    ceiling_ore = fields.Integer(required=True)
    decided_by = fields.String(required=True)
    recorded_at = fields.AwareDateTime(required=True)


class CeilingListAnswer(Schema):
    ceilings = fields.List(fields.Nested(CeilingAnswer), required=True)


class PriceListBody(Schema):
    prices = fields.List(fields.Nested(PriceBody), required=True, validate=validate.Length(max=200))


class ComputeCompensationBody(Schema):
    run_id = IdField(load_default=None)


class IssueCompensationBody(Schema):
    run_id = IdField(required=True)
    reason = fields.String(load_default="", validate=validate.Length(max=480))


class CompensationLineAnswer(Schema):
    home = fields.String(required=True)
    host = fields.String(required=True)
    kind = fields.String(required=True)
    thousandths = fields.Integer(required=True, metadata={"description": "of places: 1000 is one"})
    price_ore = fields.Integer(required=True)
    amount_ore = fields.Integer(required=True)


class CutAnswer(Schema):
    home = fields.String(required=True)
    host = fields.String(required=True)
    cut_ore = fields.Integer(required=True)


class FrozenCeilingAnswer(Schema):
    home = fields.String(required=True)
    version = fields.Integer(required=True)
    ceiling_ore = fields.Integer(required=True)
    used_ore = fields.Integer(required=True, metadata={"description": "by the other terms of the year"})


class CompensatedPlaceAnswer(Schema):
    application_id = fields.String(required=True)
    home = fields.String(required=True)
    host = fields.String(required=True)
    kind = fields.String(required=True)
    first_on = fields.Date(required=True)
    last_on = fields.Date(required=True)
    thousandths = fields.Integer(required=True)


class WaitingAnswer(Schema):
    home = fields.String(required=True)
    credits_id = fields.String(required=True, allow_none=True)
    credited_ore = fields.Integer(required=True)
    asked_ore = fields.Integer(required=True)
    delta_ore = fields.Integer(required=True)


class CompensationAnswer(Schema):
    run_id = fields.String(required=True)
    term_id = fields.String(required=True)
    year = fields.Integer(required=True)
    version = fields.Integer(required=True)
    versions = fields.List(fields.Integer(), required=True)
    agreement_version = fields.Integer(required=True)
    prices = fields.List(fields.Nested(PriceBody), required=True)
    ceilings = fields.List(fields.Nested(FrozenCeilingAnswer), required=True)
    places = fields.List(fields.Nested(CompensatedPlaceAnswer), required=True)
    not_shown = fields.Integer(required=True, metadata={"description": "places whose home is protected"})
    lines = fields.List(fields.Nested(CompensationLineAnswer), required=True)
    cuts = fields.List(fields.Nested(CutAnswer), required=True)
    total_ore = fields.Integer(required=True)
    digest = fields.String(required=True)
    holds = fields.Boolean(required=True)
    computed_by = fields.String(required=True)
    computed_at = fields.AwareDateTime(required=True)
    issued_at = fields.AwareDateTime(required=True, allow_none=True)
    waiting = fields.List(fields.Nested(WaitingAnswer), required=True)
    invoices = fields.List(fields.Nested(InvoiceAnswer), required=True)


@routes.api(
    "GET",
    "/years/<int:year>/ceilings",
    access=READ,
    summary="What home municipalities pay at most for places elsewhere, every version, the newest first",
    answer=CeilingListAnswer,
)
def list_ceilings(context: Context, year: int) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"ceilings": queries.ceilings_of_year(connection, year)}


@routes.api(
    "PUT",
    "/agreements/prices",
    access=SET_BASIS,
    summary="The price list of places in another municipality: a new version of the agreement",
    body=PriceListBody,
    answer=VersionAnswer,
)
def put_prices(context: Context) -> dict[str, Any]:
    prices = [Price(**each) for each in context.body["prices"]]
    with context.parts.storage.unit() as unit:
        return {"version": set_prices(unit, prices, acting(context))}


@routes.api(
    "GET",
    "/compensations/<string:term_id>",
    access=READ,
    summary="A term's compensation: its frozen basis, what it gives, and what issuing it would do",
    query=VersionQuery,
    answer=CompensationAnswer,
)
def show_compensation(context: Context, term_id: str) -> dict[str, Any]:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        run, runs = queries.run_of_term(connection, term_id, context.query["version"])
        papers = queries.papers_of_term(connection, runs)
        asked = queries.asked_now(connection, papers)
    waiting = changes(run.found, asked) if run is runs[0] and run.issued_at is None else ()
    return {
        **_run(run),
        "versions": [each.version for each in runs],
        "waiting": [
            {
                "home": each.home,
                "credits_id": each.credit.invoice_id if each.credit else None,
                "credited_ore": each.credit.amount_ore if each.credit else 0,
                "asked_ore": each.amount_ore,
                "delta_ore": each.delta_ore,
            }
            for each in waiting
        ],
        "invoices": [invoice_document(context, each, each.state(today)) for each in papers],
    }


def _run(run: Run) -> dict[str, Any]:
    basis = run.basis
    return {
        "run_id": run.run_id,
        "term_id": basis.term.term_id,
        "year": basis.term.year,
        "version": run.version,
        "agreement_version": basis.agreement_version,
        "prices": basis.prices,
        "ceilings": basis.ceilings,
        "places": basis.parts,
        "not_shown": basis.not_shown,
        "lines": run.found.lines,
        "cuts": run.found.cuts,
        "total_ore": run.found.total_ore,
        "digest": run.digest,
        "holds": run.holds(),
        "computed_by": run.computed_by,
        "computed_at": run.computed_at,
        "issued_at": run.issued_at,
    }


@routes.api(
    "POST",
    "/compensations/<string:term_id>",
    access=SET_BASIS,
    summary="Compute a term's compensation; the same basis again gives the same run, another a new version",
    body=ComputeCompensationBody,
    answer=RunIdAnswer,
)
def post_compensation(context: Context, term_id: str) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        run_id = commands.compute_compensation(unit, term_id, acting(context), run_id=context.body["run_id"])
    return {"run_id": run_id}


@routes.api(
    "POST",
    "/compensations/<string:term_id>/issue",
    access=SET_BASIS,
    summary="Issue the newest run as previewed; again with the same run it gives the same papers",
    body=IssueCompensationBody,
    answer=PapersAnswer,
)
def post_compensation_issue(context: Context, term_id: str) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        ids = commands.issue_compensation(unit, chart=context.parts.chart, by=acting(context), **context.body)
        refuse_failing(unit, ids, context.parts.issuer)
    return {"invoice_ids": ids}


@routes.api(
    "GET",
    "/compensations/<string:term_id>/compensation.csv",
    access=READ,
    summary="A term's compensation as text/csv: UTF-8 with a byte order mark, semicolons, decimal commas",
    query=VersionQuery,
)
def download_compensation(context: Context, term_id: str) -> Response:
    return csv_response(context, term_id, context.query["version"])
