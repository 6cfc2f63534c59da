"""A year's budget by its lines: who decided it, what was spent on it, and a form for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.billing.access import READ, REPORT_COST, SET_BASIS, acting, may_set_basis
from services.billing.commands import budgets as commands
from services.billing.commands.basis import compute_year
from services.billing.domain.budgets import KINDS, Budget, Cost, Line
from services.billing.forms import NO_AMOUNT, REQUIRED, TOO_FINE, WRITE_DATE, Kronor
from services.billing.pages.common import about_field, attempt, year_values
from services.billing.presenting import swedish_order, who
from services.billing.queries import budgets as queries
from services.billing.queries.basis import municipality_names, runs_of_year
from services.billing.queries.invoices import has_invoices
from services.chassis.clock import local_date
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()

_TEXT: dict[str, Any] = {"required": REQUIRED}
_DAY: dict[str, Any] = {"required": REQUIRED, "invalid": WRITE_DATE}


class BudgetForm(Schema):
    budget_id = IdField(required=True)
    decided_by = fields.String(required=True, validate=validate.Length(max=200), error_messages=_TEXT)
    decided_on = fields.Date(required=True, error_messages=_DAY)
    reason = fields.String(load_default="", validate=validate.Length(max=500))


class CostForm(Schema):
    cost_id = IdField(required=True)
    kind = fields.String(required=True, error_messages=_TEXT)
    amount = Kronor(required=True, error_messages=_TEXT)
    spent_on = fields.Date(required=True, error_messages=_DAY)
    text = fields.String(required=True, validate=validate.Length(max=200), error_messages=_TEXT)


class DecisionForm(Schema):
    approved = fields.Boolean(required=True)
    reason = fields.String(load_default="", validate=validate.Length(max=500))


class ComputeForm(Schema):
    run_id = IdField(required=True)


@routes.page("/finance/<int:year>/budget", access=READ)
def budget_page(context: Context, year: int) -> Response:
    return _page(context, year, {}, [], 200)


def _page(
    context: Context, year: int, given: Mapping[str, str], errors: list[tuple[str, str]], status: int
) -> Response:
    with context.parts.storage.reading() as connection:
        versions = queries.budgets_of_year(connection, year)
        reported = queries.costs_of_year(connection, year)
        runs = runs_of_year(connection, year)
        names = municipality_names(connection)
        invoiced = has_invoices(connection, year)
    newest = versions[0] if versions else None
    own = context.signed_in.municipality
    return context.render(
        "finance_budget.html",
        http_status=status,
        **year_values(context, year, "budget"),
        versions=versions,
        newest=newest,
        outcome=queries.outcome(newest, reported) if newest else [],
        reported=reported,
        run=runs[0] if runs else None,
        invoiced=invoiced,
        kinds=KINDS,
        kinds_with_budget=[k for k in KINDS if newest and newest.of_kind_ore(k)],
        names=names,
        hosts=sorted(
            ((code, name) for code, name in names.items() if len(code) == 4),
            key=lambda item: swedish_order(item[1]),
        ),
        host=own if len(own) == 4 else "",
        given=_given(given, newest),
        errors=errors,
        error_of=dict(errors),
        ids={"budget": given.get("budget_id") or new_id(), "cost": given.get("cost_id") or new_id()},
        run_id=new_id(),
        today=local_date(context.parts.clock.now()),
        may_set_basis=may_set_basis(context),
        who=lambda by: who(by, names),
    )


def _given(given: Mapping[str, str], newest: Budget | None) -> dict[str, str]:
    """What was filled in, else the newest version's lines, to be changed."""
    filled = {"decided_by": newest.decided_by if newest else "", "decided_on": "", "reason": ""}
    filled |= {"kind": "", "amount": "", "spent_on": "", "text": ""}
    for kind in KINDS:
        of_kind = [line for line in newest.lines if line.kind == kind] if newest else []
        ore = sum(line.amount_ore for line in of_kind)
        filled[f"text_{kind}"] = "; ".join(line.text for line in of_kind)
        filled[f"amount_{kind}"] = f"{ore // 100},{ore % 100:02d}" if ore else ""
    return {**filled, **given}


def _lines(form: Mapping[str, str]) -> tuple[Line, ...]:
    """A line a kind with an amount. Raises ValidationError, naming the field."""
    lines = []
    for kind in KINDS:
        text = form.get(f"amount_{kind}", "").strip()
        if not text:
            continue
        try:
            ore = Kronor().deserialize(text)
        except ValidationError as error:
            said = TOO_FINE if TOO_FINE in error.messages else NO_AMOUNT
            raise ValidationError({f"amount_{kind}": [said]}) from error
        lines.append(Line(kind, form.get(f"text_{kind}", "").strip()[:200] or kind, ore))
    return tuple(lines)


@routes.page("/finance/<int:year>/budget", access=SET_BASIS, methods=("POST",))
def record_a_budget(context: Context, year: int) -> Response:
    given = dict(context.request.form.items())
    try:
        own = {name: given.get(name, "") for name in ("budget_id", "decided_by", "decided_on", "reason")}
        form: dict[str, Any] = BudgetForm().load({name: text for name, text in own.items() if text})
        budget = Budget(year, 0, _lines(given), form["decided_by"], form["decided_on"], form["reason"])
        with context.parts.storage.unit() as unit:
            commands.record_budget(unit, form["budget_id"], budget, acting(context))
    except ValidationError as error:
        return _page(context, year, given, sentences(context, error), 422)
    except Refused as error:
        field = about_field(context, error.refusal, "amount_study_days")
        return _page(context, year, given, [field], error.refusal.status)
    return context.redirect(f"/finance/{year}/budget", context.texts.gettext(N_("The budget is recorded.")))


@routes.page("/finance/<int:year>/compute", access=SET_BASIS, methods=("POST",))
def compute_the_year(context: Context, year: int) -> Response:
    form = context.load_form(ComputeForm())

    def act() -> str:
        with context.parts.storage.unit() as unit:
            run_id = compute_year(unit, year, acting(context), run_id=form["run_id"])
        if run_id == form["run_id"]:
            return N_("The shares are computed.")
        return N_("This basis was used already.")

    return attempt(context, f"/finance/{year}", act)


@routes.page("/finance/<int:year>/costs/<string:host_code>", access=REPORT_COST, methods=("POST",))
def report_a_cost(context: Context, year: int, host_code: str) -> Response:
    given = dict(context.request.form.items())
    try:
        form = context.load_form(CostForm())
        cost = Cost(
            form["cost_id"],
            year,
            form["kind"],
            host_code,
            form["amount"],
            form["spent_on"],
            form["text"].strip(),
        )
        with context.parts.storage.unit() as unit:
            commands.report_cost(unit, cost, acting(context))
    except ValidationError as error:
        return _page(context, year, given, sentences(context, error), 422)
    except Refused as error:
        return _page(
            context, year, given, [about_field(context, error.refusal, "amount")], error.refusal.status
        )
    return context.redirect(f"/finance/{year}/budget", context.texts.gettext(N_("The cost is reported.")))


@routes.page("/finance/costs/<string:cost_id>", access=SET_BASIS, methods=("POST",))
def decide_a_cost(context: Context, cost_id: str) -> Response:
    form = context.load_form(DecisionForm())
    with context.parts.storage.reading() as connection:
        known = queries.cost_by_id(connection, cost_id)

    def act() -> str:
        with context.parts.storage.unit() as unit:
            commands.decide_cost(unit, cost_id, context.parts.chart, acting(context), **form)
        return N_("The cost is approved and booked.") if form["approved"] else N_("The cost is refused.")

    return attempt(context, f"/finance/{known.cost.year}/budget" if known else "/finance", act)
