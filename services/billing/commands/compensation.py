"""Compensation for the places of a term: compute it, then issue what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from services.billing.commands.basis import lock_year
from services.billing.commands.issuing import Earlier, Issuing, Paper, issue, issue_day
from services.billing.compensation_tables import (
    compensation_ceilings,
    compensation_cuts,
    compensation_issues,
    compensation_lines,
    compensation_parts,
    compensation_prices,
    compensation_runs,
)
from services.billing.compensation_words import credit_lines, invoice_lines
from services.billing.domain import compensation as rules
from services.billing.domain.agreements import Period
from services.billing.domain.compensation import Basis, Change
from services.billing.domain.ledger import CREDIT_NOTE, INVOICE, Chart, Posting
from services.billing.domain.refusals import COMPENSATION_UNKNOWN, REASON_MISSING, RUN_ID_USED, says_why
from services.billing.queries import compensation as queries
from services.billing.queries.basis import municipality_names
from services.billing.queries.compensation import Run
from services.billing.queries.invoices import Invoice, payer_details
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit


def compute_compensation(unit: Unit, term_id: str, by: str, *, run_id: str | None = None) -> str:
    """Freeze what the term's compensation follows from, and compute it; the id of the run that holds.

    The same basis as the term's newest run gives that run, another one the next version. A caller that tries
    again with its `run_id` gets its run. Raises Refused: term_not_known, run_id_used, agreement_missing,
    nothing_to_compensate, and those of domain/compensation.py.
    """
    term = queries.term(unit.connection, term_id)
    lock_year(unit, term.year)
    earlier = queries.run_by_id(unit.connection, run_id) if run_id else None
    if earlier is not None:
        return _again(earlier, term_id)
    basis = queries.basis_now(unit.connection, term)
    refusal = rules.refusal_for(basis, unit.today)
    if refusal is not None:
        raise Refused(refusal)
    runs = queries.runs_of_term(unit.connection, term_id)
    if runs and runs[0].digest == rules.digest(basis):
        return runs[0].run_id
    if not runs and not basis.parts:
        raise Refused(
            Refusal(
                "nothing_to_compensate",
                N_("Nobody had a place in another municipality in that term, as far as may be shown."),
            )
        )
    return _keep(unit, run_id or new_id(), runs[0].version + 1 if runs else 1, basis, by)


def _again(earlier: Run, term_id: str) -> str:
    if earlier.basis.term.term_id != term_id:
        raise Refused(RUN_ID_USED)
    return earlier.run_id


def _keep(unit: Unit, run_id: str, version: int, basis: Basis, by: str) -> str:
    term = basis.term
    unit.execute(
        sa.insert(compensation_runs),
        {
            "run_id": run_id,
            "term_id": term.term_id,
            "version": version,
            "name_sv": term.name.sv,
            "name_en": term.name.en,
            "starts_on": term.starts_on,
            "ends_on": term.ends_on,
            "year": term.year,
            "agreement_version": basis.agreement_version,
            "payment_days": basis.payment_days,
            "not_shown": basis.not_shown,
            "digest": rules.digest(basis),
            "computed_by": by,
            "computed_at": unit.now,
        },
    )
    for table, rows in _rows(basis).items():
        if rows:
            unit.execute(sa.insert(table), [{"run_id": run_id, **row} for row in rows])
    return run_id


def _rows(basis: Basis) -> Mapping[sa.Table, list[dict[str, object]]]:
    found = rules.compute(basis)
    return {
        compensation_prices: [{"kind": price.kind, "price_ore": price.price_ore} for price in basis.prices],
        compensation_parts: [
            {
                "application_id": part.application_id,
                "first_on": part.first_on,
                "last_on": part.last_on,
                "home_municipality": part.home,
                "host_municipality": part.host,
                "kind": part.kind,
                "thousandths": part.thousandths,
            }
            for part in basis.parts
        ],
        compensation_ceilings: [
            {
                "home_municipality": each.home,
                "version": each.version,
                "ceiling_ore": each.ceiling_ore,
                "used_ore": each.used_ore,
                "decided_by": each.decided_by,
            }
            for each in basis.ceilings
        ],
        compensation_lines: [
            {
                "home_municipality": line.home,
                "host_municipality": line.host,
                "kind": line.kind,
                "thousandths": line.thousandths,
                "price_ore": line.price_ore,
                "amount_ore": line.amount_ore,
            }
            for line in found.lines
        ],
        compensation_cuts: [
            {"home_municipality": cut.home, "host_municipality": cut.host, "cut_ore": cut.cut_ore}
            for cut in found.cuts
        ],
    }


@dataclass(frozen=True, slots=True)
class _Sending:
    """What the papers of a run have in common."""

    run: Run
    issuing: Issuing
    period: Period
    names: Mapping[str, str]
    papers: Mapping[str, Invoice]
    reason: str


def issue_compensation(unit: Unit, run_id: str, chart: Chart, by: str, *, reason: str = "") -> list[str]:
    """Ask each home for what the newest run of a term gives; the ids of what went out. All of it or nothing.

    What an earlier version asked for is credited whole and asked anew where it differs, with the reason; the
    rest stays as it is. Doing it again with the same run gives the same papers. Raises Refused:
    compensation_unknown, run_not_newest, reason_missing, period_closed.
    """
    run = queries.run_by_id(unit.connection, run_id)
    if run is None:
        raise Refused(COMPENSATION_UNKNOWN)
    lock_year(unit, run.basis.term.year)
    run, runs = queries.run_of_term(unit.connection, run.basis.term.term_id)
    papers = queries.papers_of_term(unit.connection, runs)
    if any(each.run_id == run_id and each.issued_at is not None for each in runs):
        return [each.invoice_id for each in papers if each.compensation_id == run_id]
    refusal = _refusal_to_issue(run, run_id, papers, reason)
    if refusal is not None:
        raise Refused(refusal)
    unit.execute(
        sa.insert(compensation_issues),
        {"run_id": run_id, "reason": reason.strip()[:480], "issued_by": by, "issued_at": unit.now},
    )
    sending = _sending(unit, run, chart, by, papers=papers, reason=reason.strip()[:480])
    asked = queries.asked_now(unit.connection, papers)
    return [
        issue(unit, sending.issuing, paper)
        for change in rules.changes(run.found, asked)
        for paper in _papers(sending, change)
    ]


def _refusal_to_issue(run: Run, run_id: str, papers: list[Invoice], reason: str) -> Refusal | None:
    if run.run_id != run_id:
        return Refusal(
            "run_not_newest",
            N_("The compensation has been computed anew since. Look at version %(version)s first."),
            {"version": run.version},
        )
    return REASON_MISSING if papers and not says_why(reason) else None


def _sending(unit: Unit, run: Run, chart: Chart, by: str, *, papers: list[Invoice], reason: str) -> _Sending:
    term, day = run.basis.term, issue_day(unit)
    details = payer_details(unit.connection)
    issuing = Issuing(term.year, day, chart, by, details, compensation_id=run.run_id, term_id=term.term_id)
    period = Period(0, term.starts_on, term.ends_on, day + timedelta(days=run.basis.payment_days))
    names = municipality_names(unit.connection)
    return _Sending(run, issuing, period, names, {each.invoice_id: each for each in papers}, reason)


def _papers(sending: _Sending, change: Change) -> list[Paper]:
    """A credit note for what was asked before, and an invoice for what is asked now."""
    papers, earlier = [], None
    chart = sending.issuing.chart
    claim, owed = chart.number("receivable_compensation"), chart.number("compensation_payable")
    name = sending.names.get(change.home, change.home)
    if change.credit is not None:
        old = sending.papers[change.credit.invoice_id]
        earlier = Earlier(old.invoice_id, old.order_reference)
        papers.append(
            Paper(
                CREDIT_NOTE,
                change.home,
                name,
                sending.period,
                sending.issuing.issued_on,
                credit_lines(change.credit, sending.reason),
                claim,
                tuple(Posting(owed, ore, host) for host, ore in change.credit.hosts_ore.items()),
                credits=earlier,
            )
        )
    if change.amount_ore:
        papers.append(
            Paper(
                INVOICE,
                change.home,
                name,
                sending.period,
                sending.period.due_on,
                invoice_lines(sending.run, change, sending.names, sending.reason),
                claim,
                tuple(Posting(owed, -ore, host) for host, ore in change.hosts_ore.items()),
                replaces=earlier,
            )
        )
    return papers
