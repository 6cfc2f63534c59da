"""Decide a year's budget, report what was spent on its lines, and decide about that."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from services.billing.commands.basis import lock_year
from services.billing.commands.ledger import book
from services.billing.domain import basis as basis_rules
from services.billing.domain import budgets as rules
from services.billing.domain.budgets import Budget, Cost
from services.billing.domain.ledger import COST, Chart, Posting, Voucher
from services.billing.domain.refusals import refuse_without_reason
from services.billing.queries import budgets as queries
from services.billing.queries.invoices import has_invoices
from services.billing.tables import budget_lines, budgets, cost_decisions, costs
from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit


def record_budget(unit: Unit, budget_id: str, budget: Budget, by: str) -> int:
    """Keep a version of a year's budget; its number, which `budget` does not know yet. The same lines as
    those of the newest version are that version.

    Raises Refused: year_unknown, decision_missing, decided_in_future, budget_invoiced, and those of
    refusal_for_lines.
    """
    refusal = (
        basis_rules.refusal_for_year(budget.year, unit.today, unit.today)
        or rules.refusal_for_lines(budget.lines)
        or _refusal_for_decision(budget.decided_by, budget.decided_on, unit.today)
    )
    if refusal is not None:
        raise Refused(refusal)
    year = budget.year
    lock_year(unit, year)
    known = queries.budget_by_id(unit.connection, budget_id)
    newest = known or queries.newest_budget(unit.connection, year)
    if newest is not None and (known or newest.lines == budget.lines):
        return newest.version
    if newest is not None and has_invoices(unit.connection, year) and not budget.reason.strip():
        raise Refused(
            Refusal(
                "budget_invoiced",
                N_(
                    "Invoices of %(year)s are issued on version %(version)s of the budget. Say why it "
                    "changes; the invoices are then corrected, with credit notes and replacements."
                ),
                {"year": year, "version": newest.version},
            )
        )
    return _keep(unit, budget_id, budget, newest.version + 1 if newest else 1, by)


def _refusal_for_decision(decided_by: str, decided_on: date, today: date) -> Refusal | None:
    if not decided_by.strip():
        return Refusal("decision_missing", N_("Say who decided the budget."), status=422)
    if decided_on > today:
        return Refusal("decided_in_future", N_("The decision has not been made yet."), status=422)
    return None


def _keep(unit: Unit, budget_id: str, budget: Budget, version: int, by: str) -> int:
    unit.execute(
        sa.insert(budgets),
        {
            "year": budget.year,
            "version": version,
            "budget_id": budget_id,
            "decided_by": budget.decided_by.strip(),
            "decided_on": budget.decided_on,
            "reason": budget.reason.strip(),
            "recorded_by": by,
            "recorded_at": unit.now,
        },
    )
    unit.execute(
        sa.insert(budget_lines),
        [
            {
                "budget_id": budget_id,
                "line": number,
                "kind": line.kind,
                "text": line.text.strip(),
                "amount_ore": line.amount_ore,
            }
            for number, line in enumerate(budget.lines, start=1)
        ],
    )
    return version


def report_cost(unit: Unit, cost: Cost, by: str) -> None:
    """A host tells what it spent. Telling it again under its id changes nothing. Raises Refused."""
    budget = queries.newest_budget(unit.connection, cost.year)
    refusal = rules.refusal_for_cost(cost, budget, unit.today)
    if refusal is not None:
        raise Refused(refusal)
    unit.execute(
        insert_ignoring(unit.connection, costs),
        {
            "cost_id": cost.cost_id,
            "year": cost.year,
            "kind": cost.kind,
            "host_code": cost.host_code,
            "amount_ore": cost.amount_ore,
            "spent_on": cost.spent_on,
            "text": cost.text.strip(),
            "reported_by": by,
            "reported_at": unit.now,
        },
    )
    known = queries.cost_by_id(unit.connection, cost.cost_id)
    if known is None or known.cost != cost:
        raise Refused(
            Refusal(
                "cost_id_used",
                N_("This form was already used for another cost. Reload the page and fill it in again."),
            )
        )


def decide_cost(unit: Unit, cost_id: str, chart: Chart, by: str, *, approved: bool, reason: str = "") -> None:
    """Approve a reported cost, which books it as owed to its host, or say no with a reason. Once only.

    Raises Refused: cost_unknown, cost_decided, reason_missing, and those of book.
    """
    known = queries.cost_by_id(unit.connection, cost_id)
    if known is None:
        raise Refused(Refusal("cost_unknown", N_("There is no such cost."), status=404))
    lock_year(unit, known.cost.year)
    known = queries.cost_by_id(unit.connection, cost_id) or known
    if known.approved is not None:
        if known.approved == approved:
            return
        raise Refused(Refusal("cost_decided", N_("That cost is decided already, the other way.")))
    if not approved:
        refuse_without_reason(reason)
    voucher_id = _book_cost(unit, known.cost, chart, by) if approved else None
    unit.execute(
        sa.insert(cost_decisions),
        {
            "cost_id": cost_id,
            "approved": approved,
            "reason": reason.strip(),
            "voucher_id": voucher_id,
            "decided_by": by,
            "decided_at": unit.now,
        },
    )


def _book_cost(unit: Unit, cost: Cost, chart: Chart, by: str) -> str:
    voucher_id = derived_id("billing", "cost", cost.cost_id)
    sides = (
        Posting(chart.number(f"cost_{cost.kind}"), cost.amount_ore),
        Posting(chart.number("hosts_payable"), -cost.amount_ore, cost.host_code),
    )
    book(unit, Voucher(voucher_id, unit.today, COST, cost.year, cost.text, sides), chart, by)
    return voucher_id
