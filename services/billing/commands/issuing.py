"""An invoice or credit note goes out: its number, its voucher, itself and the fact of it, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.billing.commands.ledger import book, refuse_closed
from services.billing.commands.numbers import take_number
from services.billing.domain import invoicing as rules
from services.billing.domain.agreements import Period
from services.billing.domain.ledger import CREDIT_NOTE, Chart, Posting, Voucher
from services.billing.domain.references import ReferenceKind, make_reference
from services.billing.queries.invoices import Line
from services.billing.tables import invoice_lines
from services.billing.tables import invoices as invoice_table
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.billing import InvoiceIssued

REFERENCES = ReferenceKind()


@dataclass(frozen=True, slots=True)
class Earlier:
    """An issued invoice that a paper credits or replaces."""

    invoice_id: str
    order_reference: str


@dataclass(frozen=True, slots=True)
class Paper:
    """What of an invoice or credit note is not the same for all that go out together.

    The lines sum to its amount, below zero for a credit note. `claim` is the account of the claim on the
    payer, `against` what stands on the other side of it.
    """

    kind: str
    payer_code: str
    payer_name: str
    period: Period
    due_on: date
    lines: tuple[Line, ...]
    claim: str
    against: tuple[Posting, ...]
    credits: Earlier | None = None
    replaces: Earlier | None = None

    @property
    def amount_ore(self) -> int:
        return sum(line.amount_ore for line in self.lines)


@dataclass(frozen=True, slots=True)
class Issuing:
    """What is the same for all: a run of shares, or one of compensation for the places of a term."""

    year: int
    issued_on: date
    chart: Chart
    by: str
    details: Mapping[str, sa.Row[Any]]
    run_id: str | None = None
    correction_id: str | None = None
    compensation_id: str | None = None
    term_id: str | None = None


def issue_day(unit: Unit, issued_on: date | None = None) -> date:
    """Raises Refused: issued_in_future, period_closed."""
    day = issued_on or unit.today
    if day > unit.today:
        raise Refused(
            Refusal("issued_in_future", N_("An invoice cannot be issued on a day to come."), status=422)
        )
    refuse_closed(unit, day)
    return day


def issue(unit: Unit, issuing: Issuing, paper: Paper) -> str:
    """Issue and book a paper; its id."""
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
            "year": issuing.year,
            "instalment": paper.period.number,
            "run_id": issuing.run_id,
            "compensation_id": issuing.compensation_id,
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
    _keep_lines(unit, invoice_id, paper.lines)
    unit.record(
        InvoiceIssued(
            invoice_id=invoice_id,
            number=text,
            kind=paper.kind,
            year=issuing.year,
            instalment=paper.period.number,
            payer_code=paper.payer_code,
            amount_ore=paper.amount_ore,
            due_on=paper.due_on,
            credits_id=paper.credits.invoice_id if paper.credits else None,
            term_id=issuing.term_id,
        )
    )
    return invoice_id


def _keep_lines(unit: Unit, invoice_id: str, lines: Sequence[Line]) -> None:
    unit.execute(
        sa.insert(invoice_lines),
        [
            {
                "invoice_id": invoice_id,
                "line": number,
                "text_sv": line.text.sv[:500],
                "text_en": line.text.en[:500],
                "amount_ore": line.amount_ore,
            }
            for number, line in enumerate(lines, start=1)
        ],
    )


def _order_reference(paper: Paper, details: sa.Row[Any] | None) -> str:
    """A correction goes to the same order as what it corrects."""
    earlier = paper.credits or paper.replaces
    if earlier is not None:
        return earlier.order_reference
    return str(details.order_reference) if details else ""


def _book(unit: Unit, issuing: Issuing, paper: Paper, invoice_id: str, number: str) -> str:
    """The claim on the payer, and what it is for. A credit note's claim is on the invoice it credits."""
    about = paper.credits.invoice_id if paper.credits else invoice_id
    word = "Kreditfaktura" if paper.kind == CREDIT_NOTE else "Faktura"
    voucher = Voucher(
        new_id(),
        issuing.issued_on,
        paper.kind,
        issuing.year,
        f"{word} {number} {paper.payer_name}",
        (Posting(paper.claim, paper.amount_ore, paper.payer_code, about), *paper.against),
    )
    book(unit, voucher, issuing.chart, issuing.by)
    return voucher.voucher_id
