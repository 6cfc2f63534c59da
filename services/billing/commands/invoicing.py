"""Issue a year's instalments, and correct what was issued where its basis has changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from services.billing.commands.basis import lock_year
from services.billing.commands.issuing import Earlier, Issuing, Paper, issue, issue_day
from services.billing.domain import invoicing as rules
from services.billing.domain.invoicing import Change, Draft, Live
from services.billing.domain.ledger import CREDIT_NOTE, INVOICE, Chart, Posting
from services.billing.domain.refusals import REASON_MISSING, says_why
from services.billing.queries import correcting, invoices
from services.billing.queries.basis import Run, run_of_year
from services.billing.queries.invoices import Line
from services.billing.tables import corrections
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.fact import LocalText


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
    issuing = Issuing(year, issue_day(unit, issued_on), chart, by, details, run_id)
    return [
        issue(unit, issuing, _invoice_paper(chart, draft, ()))
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


def _invoice_paper(
    chart: Chart, draft: Draft, more: Sequence[LocalText], replaces: Live | None = None
) -> Paper:
    return Paper(
        INVOICE,
        draft.payer_code,
        draft.payer_name,
        draft.period,
        draft.due_on,
        _lines(draft.amount_ore, (draft.text, *more)),
        *_sides(chart, draft.payer_code, draft.amount_ore),
        replaces=_earlier(replaces),
    )


def _lines(amount_ore: int, texts: Sequence[LocalText]) -> tuple[Line, ...]:
    """The first line has the whole amount, the others say more of it."""
    first, *more = texts
    return (Line(first, amount_ore), *(Line(text, 0) for text in more))


def _sides(chart: Chart, payer_code: str, amount_ore: int) -> tuple[str, tuple[Posting, ...]]:
    """The account of the claim, and the revenue against it."""
    revenue = Posting(chart.revenue_of(payer_code), -amount_ore, payer_code)
    return chart.receivable_of(payer_code), (revenue,)


def _earlier(live: Live | None) -> Earlier | None:
    return None if live is None else Earlier(live.invoice_id, live.order_reference)


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
    _newest(unit, year, run_id)
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
    issuing = Issuing(year, issue_day(unit), chart, by, details, run_id, correction_id)
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
    return None if says_why(reason) else REASON_MISSING


def _correct(unit: Unit, issuing: Issuing, change: Change, why: Sequence[LocalText]) -> list[str]:
    ids = []
    if change.credit is not None:
        old = change.credit
        about = LocalText(
            f"Krediterar faktura {old.number} i sin helhet.", f"Credits invoice {old.number} in full."
        )
        paper = Paper(
            CREDIT_NOTE,
            old.payer_code,
            old.payer_name,
            change.period,
            issuing.issued_on,
            _lines(-old.amount_ore, (about, *why)),
            *_sides(issuing.chart, old.payer_code, -old.amount_ore),
            credits=_earlier(old),
        )
        ids.append(issue(unit, issuing, paper))
    if change.draft is not None:
        more = list(why)
        if change.credit is not None:
            number = change.credit.number
            more.insert(0, LocalText(f"Ersätter faktura {number}.", f"Replaces invoice {number}."))
        ids.append(issue(unit, issuing, _invoice_paper(issuing.chart, change.draft, more, change.credit)))
    return ids
