"""Invariants of cost shares, invoices and ledger, for `samklang check`."""

from __future__ import annotations

import os

import sqlalchemy as sa

from services.billing.compensation_checks import check_compensation
from services.billing.configuration import configuration_in
from services.billing.domain import basis as rules
from services.billing.domain.invoicing import number_text
from services.billing.fee_checks import check_fees
from services.billing.flow_checks import check_flow
from services.billing.imbalances import export, imbalances
from services.billing.payment_checks import check_payments
from services.billing.queries import basis as queries
from services.billing.queries.basis import Run
from services.billing.queries.budgets import budgets_of_year
from services.billing.queries.invoices import Invoice, every_invoice
from services.billing.reminder_tables import reminders
from services.billing.tables import invoices, number_series, period_closings, postings, vouchers
from services.chassis.clock import SystemClock, local_date
from services.chassis.refusals import Refused


def check(connection: sa.Connection) -> list[str]:
    """What does not hold, in words; empty when all is well. The metric of imbalances says the same in öre."""
    runs = queries.every_run(connection)
    return [
        *(finding for run in runs for finding in _findings(run)),
        *_budgets(connection, runs),
        *_balance(connection),
        *_gaps(connection),
        *_invoices(connection),
        *_closed_months(connection),
        *check_payments(connection),
        *_netting(connection),
        *check_flow(connection),
        *check_compensation(connection),
        *check_fees(connection),
        *_equations(connection),
    ]


def _equations(connection: sa.Connection) -> list[str]:
    """Budget, shares, invoices, ledger and SIE. The accounts are those of the environment's chart."""
    books = configuration_in(os.environ)
    found = imbalances(connection, books, local_date(SystemClock().now()))
    export(found)
    return [str(each) for each in found]


def _findings(run: Run) -> list[str]:
    which = f"the shares of {run.basis.year}, version {run.version},"
    findings = []
    off_ore = sum(run.shares_ore.values()) - run.basis.budget_ore
    if off_ore:
        findings.append(f"{which} differ from the budget by {off_ore} öre")
    try:
        derived = run.derived()
        instalments_hold = run.instalments_hold()
    except Refused as error:
        return [*findings, f"{which} cannot be derived from their frozen basis: {error.refusal.name}"]
    if dict(run.shares_ore) != derived.by_payer:
        findings.append(f"{which} are not what their frozen basis gives")
    if not instalments_hold:
        findings.append(f"{which} have instalments that are not what their frozen basis gives")
    if rules.digest(run.basis, derived) != run.digest:
        findings.append(f"{which} rest on a basis that was changed after it was frozen")
    return findings


def _budgets(connection: sa.Connection, runs: list[Run]) -> list[str]:
    """A run that names a version of the budget has its sum."""
    findings = []
    for run in runs:
        if run.basis.budget_version is None:
            continue
        decided = {b.version: b.total_ore for b in budgets_of_year(connection, run.basis.year)}
        off_ore = run.basis.budget_ore - decided.get(run.basis.budget_version, 0)
        if off_ore:
            findings.append(
                f"the shares of {run.basis.year}, version {run.version}, differ from version "
                f"{run.basis.budget_version} of the budget by {off_ore} öre"
            )
    return findings


def _balance(connection: sa.Connection) -> list[str]:
    rows = connection.execute(
        sa.select(
            vouchers.c.series,
            vouchers.c.number,
            sa.func.coalesce(sa.func.sum(postings.c.amount_ore), 0).label("off_ore"),
        )
        .join(postings, postings.c.voucher_id == vouchers.c.voucher_id, isouter=True)
        .group_by(vouchers.c.series, vouchers.c.number)
        .having(sa.or_(sa.func.sum(postings.c.amount_ore) != 0, sa.func.count(postings.c.line) < 2))
        .order_by(vouchers.c.series, vouchers.c.number)
    )
    return [f"voucher {series} {number} does not balance: {off_ore} öre" for series, number, off_ore in rows]


def _gaps(connection: sa.Connection) -> list[str]:
    """Every number up to the last one given is used, once."""
    used: dict[str, tuple[int, int]] = {}
    for table in (invoices, vouchers, reminders):
        rows = connection.execute(
            sa.select(table.c.series, sa.func.count(), sa.func.max(table.c.number)).group_by(table.c.series)
        )
        used.update({series: (count, highest) for series, count, highest in rows})
    findings = []
    for series, last in connection.execute(sa.select(number_series).order_by(number_series.c.series)):
        count, highest = used.pop(series, (0, 0))
        if (count, highest) != (last, last):
            findings.append(f"the series {series} has {count} papers and says {last}")
    return findings + [f"the series {series} has papers and no counter" for series in used]


def _invoices(connection: sa.Connection) -> list[str]:
    """Each paper is in the ledger with its amount, and each credit note takes back what it credits."""
    found = every_invoice(connection)
    rows = connection.execute(
        sa.select(postings.c.voucher_id, sa.func.sum(postings.c.amount_ore))
        .where(postings.c.invoice_id.is_not(None))
        .group_by(postings.c.voucher_id)
    )
    claims = {voucher_id: int(ore) for voucher_id, ore in rows}
    by_id = {each.invoice_id: each for each in found}
    return [finding for each in found for finding in _paper(each, by_id, claims.get(each.voucher_id, 0))]


def _paper(paper: Invoice, by_id: dict[str, Invoice], booked_ore: int) -> list[str]:
    findings = []
    off_ore = booked_ore - paper.amount_ore
    if off_ore:
        findings.append(f"{paper.kind} {paper.number} differs from the ledger by {off_ore} öre")
    lines_ore = sum(line.amount_ore for line in paper.lines)
    if lines_ore != paper.amount_ore:
        findings.append(f"{paper.kind} {paper.number} has lines that sum to {lines_ore} öre")
    credited = by_id.get(paper.credits_id or "")
    if credited is not None and credited.amount_ore + paper.amount_ore:
        findings.append(f"credit note {paper.number} is not what it credits, {credited.number}")
    return findings


def _closed_months(connection: sa.Connection) -> list[str]:
    """Nothing was booked in a month after it was closed."""
    late = []
    closed = {row.month: row.closed_at for row in connection.execute(sa.select(period_closings))}
    if not closed:
        return []
    for row in connection.execute(sa.select(vouchers)):
        closed_at = closed.get(row.booked_on.replace(day=1))
        if closed_at is not None and row.booked_at > closed_at:
            late.append(f"voucher {number_text(row.series, row.number)} was booked in a closed month")
    return late


def _netting(connection: sa.Connection) -> list[str]:
    """Settlements clear to zero over all parties: what is not on a party's account sums to nothing."""
    rows = connection.execute(
        sa.select(postings.c.account, sa.func.sum(postings.c.amount_ore))
        .join(vouchers, vouchers.c.voucher_id == postings.c.voucher_id)
        .where(vouchers.c.kind == "netting", postings.c.payer_code.is_(None))
        .group_by(postings.c.account)
        .having(sa.func.sum(postings.c.amount_ore) != 0)
    )
    return [f"netting leaves {ore} öre on account {account}" for account, ore in rows]
