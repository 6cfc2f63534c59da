"""Compensation a place: a year's terms, prices and ceilings, and a term's run, seen before it is issued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.billing import compensation_files as files
from services.billing import presenting_compensation as presenting
from services.billing.access import READ, SET_BASIS, SET_CEILING, acting, may_set_basis
from services.billing.commands import compensation as commands
from services.billing.commands.agreements import set_ceiling
from services.billing.commands.einvoices import refuse_failing
from services.billing.commands.price_lists import set_prices
from services.billing.domain.agreements import Price
from services.billing.domain.compensation import Term, changes, digest, refusal_for
from services.billing.domain.refusals import TERM_NOT_KNOWN
from services.billing.forms import NO_AMOUNT, REQUIRED, Kronor
from services.billing.pages.common import VersionQuery, attempt, year_values
from services.billing.presenting import places_text, swedish_order, who
from services.billing.presenting_books import STATES
from services.billing.queries import compensation as queries
from services.billing.queries.basis import every_agreement, municipality_names
from services.billing.queries.compensation import Run
from services.chassis.clock import local_date
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.spreadsheet import CSV_TYPE, XLSX_TYPE, csv_of, workbook
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()
_TEXT: dict[str, Any] = {"required": REQUIRED}
_PRICE = "price_"  # a field a kind of place


class CeilingForm(Schema):
    ceiling = Kronor(required=True, error_messages=_TEXT)
    decided_by = fields.String(required=True, validate=validate.Length(1, 200), error_messages=_TEXT)


class ComputeForm(Schema):
    run_id = IdField(required=True)


class IssueForm(Schema):
    run_id = IdField(required=True)
    reason = fields.String(load_default="", validate=validate.Length(max=480))


@routes.page("/finance/<int:year>/compensation", access=READ)
def compensation_page(context: Context, year: int) -> Response:
    return _overview(context, year, {}, [], 200)


def _overview(
    context: Context, year: int, given: Mapping[str, str], errors: list[tuple[str, str]], status: int
) -> Response:
    with context.parts.storage.reading() as connection:
        terms = queries.terms_of_year(connection, year)
        runs = {run.basis.term.term_id: run for run in queries.newest_of_year(connection, year)}
        ceilings = queries.ceilings_of_year(connection, year)
        kinds = queries.kinds(connection)
        names = municipality_names(connection)
        agreement = next(iter(every_agreement(connection)), None)
    prices = {
        price.kind: price.price_ore
        for price in (agreement.terms.prices if agreement and agreement.terms else ())
    }
    own = context.signed_in.municipality
    return context.render(
        "finance_compensation.html",
        http_status=status,
        **year_values(context, year, "compensation"),
        terms=terms,
        runs=runs,
        used=_used(list(runs.values())),
        ceilings=_newest_first(ceilings, names),
        agreement=agreement,
        prices=prices,
        kinds=sorted({*kinds, *prices}),
        given={
            **{f"{_PRICE}{kind}": _written(ore) for kind, ore in prices.items()},
            **{"ceiling": "", "decided_by": ""},
            **given,
        },
        errors=errors,
        error_of=dict(errors),
        home=own if len(own) == 4 else "",
        names=names,
        today=local_date(context.parts.clock.now()),
        may_set_basis=may_set_basis(context),
        who=lambda by: who(by, names),
    )


def _used(runs: list[Run]) -> dict[str, int]:
    used: dict[str, int] = {}
    for run in runs:
        for home, ore in run.found.by_home_ore().items():
            used[home] = used.get(home, 0) + ore
    return used


def _newest_first(
    ceilings: list[queries.SetCeiling], names: Mapping[str, str]
) -> list[tuple[queries.SetCeiling, list[queries.SetCeiling]]]:
    """The ceiling that counts for each home, by name, and those it replaced."""
    by_home: dict[str, list[queries.SetCeiling]] = {}
    for each in ceilings:
        by_home.setdefault(each.home, []).append(each)
    homes = sorted(by_home, key=lambda home: swedish_order(names.get(home, home)))
    return [(by_home[home][0], by_home[home][1:]) for home in homes]


def _written(ore: int) -> str:
    return f"{ore // 100},{ore % 100:02d}"


@routes.page("/finance/<int:year>/compensation/prices", access=SET_BASIS, methods=("POST",))
def record_prices(context: Context, year: int) -> Response:
    given = dict(context.request.form.items())
    try:
        prices = _prices(given)
        with context.parts.storage.unit() as unit:
            set_prices(unit, prices, acting(context))
    except ValidationError as error:
        return _overview(context, year, given, sentences(context, error), 422)
    except Refused as error:
        found = [("prices", context.refusal_text(error.refusal))]
        return _overview(context, year, given, found, error.refusal.status)
    said = context.texts.gettext(N_("The price list is recorded as a new version of the agreement."))
    return context.redirect(f"/finance/{year}/compensation", said)


def _prices(given: Mapping[str, str]) -> list[Price]:
    """A price a kind that has one. Raises ValidationError, naming the field."""
    found = []
    for name, text in given.items():
        if not name.startswith(_PRICE) or not text.strip():
            continue
        try:
            ore: int = Kronor().deserialize(text)
        except ValidationError as error:
            raise ValidationError({name: [NO_AMOUNT]}) from error
        found.append(Price(name.removeprefix(_PRICE)[:64], ore))
    return found


@routes.page("/finance/<int:year>/ceilings/<string:code>", access=SET_CEILING, methods=("POST",))
def record_ceiling(context: Context, year: int, code: str) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(CeilingForm())
        with context.parts.storage.unit() as unit:
            set_ceiling(unit, code, year, form["ceiling"], acting(context), decided_by=form["decided_by"])
    except ValidationError as error:
        return _overview(context, year, given, sentences(context, error), 422)
    except Refused as error:
        found = [("ceiling", context.refusal_text(error.refusal))]
        return _overview(context, year, given, found, error.refusal.status)
    said = context.texts.gettext(N_("The ceiling is recorded. Compute the terms of the year again."))
    return context.redirect(f"/finance/{year}/compensation", said)


@routes.page("/finance/<int:year>/compensation/<string:term_id>", access=READ)
def term_page(context: Context, year: int, term_id: str) -> Response:
    """What the run gives and would issue: nothing goes out before somebody has seen it."""
    version = context.load_query(VersionQuery())["version"]
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        term = _of_year(queries.term(connection, term_id), year)
        runs = queries.runs_of_term(connection, term_id)
        run = queries.run_of_term(connection, term_id, version)[0] if runs or version else None
        papers = queries.papers_of_term(connection, runs)
        asked = queries.asked_now(connection, papers)
        names = municipality_names(connection)
        now, refusal = None, None
        try:
            now = queries.basis_now(connection, term)
            refusal = refusal_for(now, today)
        except Refused as error:
            refusal = error.refusal
    newest = runs[0] if runs else None
    issued = next((each for each in runs if each.issued_at), None)
    waiting = changes(newest.found, asked) if newest and not newest.issued_at else ()
    before = next((each for each in runs if run and each.version == run.version - 1), None)
    return context.render(
        "finance_compensation_term.html",
        **year_values(context, year, "compensation"),
        term=term,
        run=run,
        runs=runs,
        newest=newest,
        issued=issued,
        before=before,
        homes=presenting.homes(run, before, names) if run else [],
        hosts=presenting.hosts(run.found, names) if run else [],
        holds=run.holds() if run else True,
        waiting=waiting,
        totals=presenting.totals(waiting),
        papers=papers,
        states=STATES,
        standings=presenting.standings(issued, papers, names),
        stale=bool(newest and now and not refusal and digest(now) != newest.digest),
        refusal=context.refusal_text(refusal) if refusal else None,
        share=lambda thousandths: places_text(thousandths, context.language),
        names=names,
        today=today,
        run_id=new_id(),
        may_set_basis=may_set_basis(context),
        who=lambda by: who(by, names),
    )


def _of_year(term: Term, year: int) -> Term:
    """Raises Refused: term_not_known."""
    if term.year != year:
        raise Refused(TERM_NOT_KNOWN)
    return term


@routes.page("/finance/<int:year>/compensation/<string:term_id>", access=SET_BASIS, methods=("POST",))
def compute_term(context: Context, year: int, term_id: str) -> Response:
    form = context.load_form(ComputeForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            run_id = commands.compute_compensation(unit, term_id, acting(context), run_id=form["run_id"])
        if run_id == form["run_id"]:
            return N_("The compensation is computed. Nothing is issued yet.")
        return N_("Nothing has changed since it was computed.")

    return attempt(context, f"/finance/{year}/compensation/{term_id}", act)


@routes.page("/finance/<int:year>/compensation/<string:term_id>/issue", access=SET_BASIS, methods=("POST",))
def issue_term(context: Context, year: int, term_id: str) -> Response:
    form = context.load_form(IssueForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            ids = commands.issue_compensation(unit, chart=context.parts.chart, by=acting(context), **form)
            refuse_failing(unit, ids, context.parts.issuer)
        return N_("The invoices are issued and booked.")

    return attempt(context, f"/finance/{year}/compensation/{term_id}", act)


@routes.page("/finance/<int:year>/compensation/<string:term_id>/compensation.csv", access=READ)
def compensation_csv(context: Context, year: int, term_id: str) -> Response:
    return csv_response(context, term_id, context.load_query(VersionQuery())["version"])


def csv_response(context: Context, term_id: str, version: int | None) -> Response:
    """The same file from page and API. Raises Refused: compensation_unknown."""
    run, names = _kept(context, term_id, version)
    return download(csv_of(files.lines_sheet(run, names)), CSV_TYPE, files.file_name(run, "csv"))


@routes.page("/finance/<int:year>/compensation/<string:term_id>/compensation.xlsx", access=READ)
def compensation_xlsx(context: Context, year: int, term_id: str) -> Response:
    run, names = _kept(context, term_id, context.load_query(VersionQuery())["version"])
    sheets = [files.lines_sheet(run, names), files.places_sheet(run)]
    return download(workbook(sheets), XLSX_TYPE, files.file_name(run, "xlsx"))


def _kept(context: Context, term_id: str, version: int | None) -> tuple[Run, dict[str, str]]:
    with context.parts.storage.reading() as connection:
        run, _runs = queries.run_of_term(connection, term_id, version)
        return run, municipality_names(connection)
