"""Issue a year's instalments, and correct what was issued where its basis has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.billing.commands.basis import lock_year
from services.billing.commands.ledger import book, refuse_closed
from services.billing.commands.numbers import take_number
from services.billing.domain import invoicing as rules
from services.billing.domain.agreements import Period
from services.billing.domain.invoicing import Change, Draft, Live
from services.billing.domain.ledger import CREDIT_NOTE, INVOICE, Chart, Posting, Voucher
from services.billing.domain.references import ReferenceKind, make_reference
from services.billing.queries import correcting, invoices
from services.billing.queries.basis import Run, run_of_year
from services.billing.tables import corrections, invoice_lines
from services.billing.tables import invoices as invoice_table
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.billing import InvoiceIssued
from services.contracts.fact import LocalText

REFERENCES = ReferenceKind()


@dataclass(frozen=True, slots=True)
class _Paper:
    """What of an invoice or credit note is not the same for all of them."""

    kind: str
    payer_code: str
    payer_name: str
    period: Period
    due_on: date
    amount_ore: int
    lines: tuple[LocalText, ...]
    credits: Live | None = None
    replaces: Live | None = None


@dataclass(frozen=True, slots=True)
class _Issuing:
    run: Run
    issued_on: date
    chart: Chart
    by: str
    details: Mapping[str, sa.Row[Any]]
    correction_id: str | None = None


def issue_instalment(
    unit: Unit,
    year: int,
    number: int,
    chart: Chart,
    by: str,
    *,
    run_id: str,
    issued_on: date | None = None,
) -> list[str]:
    """Issue an invoice a payer for an instalment of the newest run; their ids. All of them or none.

    Doing it again with the same run gives the same invoices. Raises Refused: year_not_opened,
    run_not_newest, instalment_unknown, instalment_issued, issued_in_future, period_closed.
    """
    lock_year(unit, year)
    run = _newest(unit, year, run_id)
    instalment = correcting.instalment_of(run, number)
    before = [
        each
        for each in invoices.invoices_of_year(unit.connection, year)
        if each.instalment == number and each.kind == INVOICE and each.correction_id is None
    ]
    if before and all(each.run_id == run_id for each in before):
        return [each.invoice_id for each in before]
    if before:
        raise Refused(
            Refusal(
                "instalment_issued",
                N_("Instalment %(number)s of %(year)s was issued on an earlier version. Correct it instead."),
                {"number": number, "year": year},
            )
        )
    details = invoices.payer_details(unit.connection)
    issuing = _Issuing(run, _issue_day(unit, issued_on), chart, by, details)
    return [
        _issue(unit, issuing, _invoice_paper(draft, ()))
        for draft in rules.drafts(run.basis, instalment, issuing.issued_on)
    ]


def _newest(unit: Unit, year: int, run_id: str) -> Run:
    run, _runs = run_of_year(unit.connection, year)
    if run.run_id != run_id:
        raise Refused(
            Refusal(
                "run_not_newest",
                N_(
                    "The shares of %(year)s have been computed anew since. Look at version %(version)s first."
                ),
                {"year": year, "version": run.version},
            )
        )
    return run


def _issue_day(unit: Unit, issued_on: date | None) -> date:
    day = issued_on or unit.today
    if day > unit.today:
        raise Refused(
            Refusal("issued_in_future", N_("An invoice cannot be issued on a day to come."), status=422)
        )
    refuse_closed(unit, day)
    return day


def _invoice_paper(draft: Draft, more: Sequence[LocalText], replaces: Live | None = None) -> _Paper:
    return _Paper(
        INVOICE,
        draft.payer_code,
        draft.payer_name,
        draft.period,
        draft.due_on,
        draft.amount_ore,
        (draft.text, *more),
        replaces=replaces,
    )


def issue_correction(
    unit: Unit,
    year: int,
    chart: Chart,
    by: str,
    *,
    run_id: str,
    fingerprint: str,
    correction_id: str,
    reason: str,
) -> list[str]:
    """Credit and issue anew what no longer is what the newest run gives, exactly as previewed; the ids.

    Doing it again with its `correction_id` gives the same papers. Raises Refused: year_not_opened,
    run_not_newest, preview_stale, nothing_to_correct, reason_missing.
    """
    lock_year(unit, year)
    done = correcting.papers_of(unit.connection, correction_id)
    if done:
        return done
    run = _newest(unit, year, run_id)
    preview = correcting.preview(unit.connection, year, unit.today)
    refusal = _refusal_for_correction(preview, fingerprint, reason)
    if refusal is not None:
        raise Refused(refusal)
    unit.execute(
        sa.insert(corrections),
        {
            "correction_id": correction_id,
            "year": year,
            "run_id": run_id,
            "reason": reason.strip(),
            "issued_by": by,
            "issued_at": unit.now,
        },
    )
    details = invoices.payer_details(unit.connection)
    issuing = _Issuing(run, _issue_day(unit, None), chart, by, details, correction_id)
    ids = []
    for change in preview.changes:
        why = (LocalText(reason.strip(), reason.strip()), *preview.reasons_for(change))
        ids += _correct(unit, issuing, change, why)
    return ids


def _refusal_for_correction(
    preview: correcting.CorrectionPreview, fingerprint: str, reason: str
) -> Refusal | None:
    if not preview.changes:
        return Refusal("nothing_to_correct", N_("Every issued invoice is what its basis gives."))
    if preview.fingerprint != fingerprint:
        return Refusal(
            "preview_stale",
            N_("Something has changed since you looked. Look at the correction again before you issue it."),
        )
    if len(reason.strip()) < 5:
        return Refusal(
            "reason_missing", N_("Say why, so that whoever reads it later understands."), status=422
        )
    return None


def _correct(unit: Unit, issuing: _Issuing, change: Change, why: Sequence[LocalText]) -> list[str]:
    ids = []
    if change.credit is not None:
        old = change.credit
        about = LocalText(
            f"Krediterar faktura {old.number} i sin helhet.", f"Credits invoice {old.number} in full."
        )
        paper = _Paper(
            CREDIT_NOTE,
            old.payer_code,
            old.payer_name,
            change.period,
            issuing.issued_on,
            -old.amount_ore,
            (about, *why),
            credits=old,
        )
        ids.append(_issue(unit, issuing, paper))
    if change.draft is not None:
        more = list(why)
        if change.credit is not None:
            number = change.credit.number
            more.insert(0, LocalText(f"Ersätter faktura {number}.", f"Replaces invoice {number}."))
        ids.append(_issue(unit, issuing, _invoice_paper(change.draft, more, change.credit)))
    return ids


def _issue(unit: Unit, issuing: _Issuing, paper: _Paper) -> str:
    invoice_id = new_id()
    series = rules.series_of(issuing.issued_on)
    number = take_number(unit, series)
    text = rules.number_text(series, number)
    details = issuing.details.get(paper.payer_code)
    voucher_id = _book(unit, issuing, paper, invoice_id, text)
    unit.execute(
        sa.insert(invoice_table),
        {
            "invoice_id": invoice_id,
            "series": series,
            "number": number,
            "kind": paper.kind,
            "year": issuing.run.basis.year,
            "instalment": paper.period.number,
            "run_id": issuing.run.run_id,
            "payer_code": paper.payer_code,
            "payer_name": details.legal_name if details else paper.payer_name,
            "payer_revision": details.revision if details else None,
            "amount_ore": paper.amount_ore,
            "issued_on": issuing.issued_on,
            "due_on": paper.due_on,
            "period_first": paper.period.first,
            "period_last": paper.period.last,
            "reference": make_reference(text.replace("-", ""), REFERENCES),
            "order_reference": _order_reference(paper, details),
            "credits_id": paper.credits.invoice_id if paper.credits else None,
            "replaces_id": paper.replaces.invoice_id if paper.replaces else None,
            "correction_id": issuing.correction_id,
            "voucher_id": voucher_id,
            "issued_by": issuing.by,
            "issued_at": unit.now,
        },
    )
    unit.execute(
        sa.insert(invoice_lines),
        [
            {
                "invoice_id": invoice_id,
                "line": line,
                "text_sv": about.sv[:500],
                "text_en": about.en[:500],
                "amount_ore": paper.amount_ore if line == 1 else 0,
            }
            for line, about in enumerate(paper.lines, start=1)
        ],
    )
    unit.record(
        InvoiceIssued(
            invoice_id=invoice_id,
            number=text,
            kind=paper.kind,
            year=issuing.run.basis.year,
            instalment=paper.period.number,
            payer_code=paper.payer_code,
            amount_ore=paper.amount_ore,
            due_on=paper.due_on,
            credits_id=paper.credits.invoice_id if paper.credits else None,
        )
    )
    return invoice_id


def _order_reference(paper: _Paper, details: sa.Row[Any] | None) -> str:
    """A correction goes to the same order as what it corrects."""
    earlier = paper.credits or paper.replaces
    if earlier is not None:
        return earlier.order_reference
    return str(details.order_reference) if details else ""


def _book(unit: Unit, issuing: _Issuing, paper: _Paper, invoice_id: str, number: str) -> str:
    """The claim on the payer, and what it is for. A credit note's claim is on the invoice it credits."""
    chart, payer = issuing.chart, paper.payer_code
    about = paper.credits.invoice_id if paper.credits else invoice_id
    word = "Kreditfaktura" if paper.kind == CREDIT_NOTE else "Faktura"
    voucher = Voucher(
        new_id(),
        issuing.issued_on,
        paper.kind,
        issuing.run.basis.year,
        f"{word} {number} {paper.payer_name}",
        (
            Posting(chart.receivable_of(payer), paper.amount_ore, payer, about),
            Posting(chart.revenue_of(payer), -paper.amount_ore, payer),
        ),
    )
    book(unit, voucher, chart, issuing.by)
    return voucher.voucher_id
