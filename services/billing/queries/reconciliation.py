"""A year's reconciliation from what is kept: the newest run, the papers, and the ledger's claims."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from services.billing.domain.ledger import Chart
from services.billing.domain.reconciling import Paper, Plan, Reconciliation, reconcile
from services.billing.queries import ledger
from services.billing.queries.basis import municipality_names, run_of_year
from services.billing.queries.correcting import issued_numbers
from services.billing.queries.invoices import Invoice, invoices_of_year


def reconciliation(connection: sa.Connection, year: int, chart: Chart, today: date) -> Reconciliation:
    """Raises Refused: year_not_opened."""
    run, runs = run_of_year(connection, year)
    found = invoices_of_year(connection, year)
    versions = {each.run_id: each.version for each in runs}
    plan = Plan(
        year,
        run.version,
        run.basis.budget_ore,
        run.shares_ore,
        run.instalments_ore,
        frozenset(issued_numbers(found)),
    )
    claims = ledger.claims(connection, year, chart.receivables)
    papers = [_paper(each, versions[each.run_id or ""]) for each in found]
    return reconcile(plan, papers, claims, municipality_names(connection), today)


def _paper(each: Invoice, version: int) -> Paper:
    return Paper(
        each.payer_code, each.kind, each.instalment, version, each.amount_ore, each.open_ore, each.due_on
    )
