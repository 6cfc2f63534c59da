"""Invoices and credit notes as they were issued, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.billing.domain.invoicing import Live, number_text
from services.billing.tables import invoice_lines, invoices, payers, postings, vouchers
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.fact import LocalText

CREDITED, PAID, PARTLY_PAID, OVERDUE, OPEN = "credited", "paid", "partly_paid", "overdue", "open"


@dataclass(frozen=True, slots=True)
class Line:
    text: LocalText
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """`settled_ore` is what was paid or netted, by the ledger. It rests on a run of a year's shares, or on
    one of compensation for the places of a term: the other id is None.
    """

    invoice_id: str
    number: str
    kind: str
    year: int
    instalment: int
    run_id: str | None
    compensation_id: str | None
    payer_code: str
    payer_name: str
    payer_revision: int | None
    amount_ore: int
    issued_on: date
    due_on: date
    period_first: date
    period_last: date
    reference: str
    order_reference: str
    credits_id: str | None
    replaces_id: str | None
    correction_id: str | None
    voucher_id: str
    issued_by: str
    issued_at: datetime
    lines: tuple[Line, ...]
    settled_ore: int
    credited_by_id: str | None
    replaced_by_id: str | None

    @property
    def open_ore(self) -> int:
        """What is left to pay; below zero where more was paid than is asked for."""
        if self.kind == "credit_note":
            return 0
        return (0 if self.credited_by_id else self.amount_ore) - self.settled_ore

    def state(self, today: date) -> str:
        if self.credited_by_id is not None or self.kind == "credit_note":
            return CREDITED
        if self.open_ore <= 0:
            return PAID
        if self.due_on < today:
            return OVERDUE
        return PARTLY_PAID if self.settled_ore else OPEN


def has_invoices(connection: sa.Connection, year: int) -> bool:
    """Whether any part of the year's shares was invoiced."""
    of_shares = (invoices.c.year == year, invoices.c.run_id.is_not(None))
    return connection.scalar(sa.select(invoices.c.invoice_id).where(*of_shares).limit(1)) is not None


def invoices_of_year(connection: sa.Connection, year: int) -> list[Invoice]:
    """Those of its shares, in the order they were issued."""
    return _invoices(connection, sa.and_(invoices.c.year == year, invoices.c.run_id.is_not(None)))


def invoices_of_runs(connection: sa.Connection, compensation_ids: Sequence[str]) -> list[Invoice]:
    """Those that some runs of compensation issued, in the order they were issued."""
    return _invoices(connection, invoices.c.compensation_id.in_(compensation_ids))


def every_invoice(connection: sa.Connection) -> list[Invoice]:
    return _invoices(connection, sa.true())


def invoice(connection: sa.Connection, invoice_id: str) -> Invoice:
    """Raises Refused."""
    found = next(iter(_invoices(connection, invoices.c.invoice_id == invoice_id)), None)
    if found is None:
        raise Refused(Refusal("invoice_unknown", N_("There is no such invoice."), status=404))
    return found


def payer_of(connection: sa.Connection, invoice_id: str) -> str | None:
    """Who is asked to pay; None where there is no such invoice."""
    code: str | None = connection.scalar(
        sa.select(invoices.c.payer_code).where(invoices.c.invoice_id == invoice_id)
    )
    return code


def numbers_of(connection: sa.Connection, ids: Sequence[str | None]) -> dict[str, str]:
    """The printed numbers of some invoices by their ids."""
    wanted = [each for each in ids if each]
    rows = connection.execute(sa.select(invoices).where(invoices.c.invoice_id.in_(wanted)))
    return {row.invoice_id: number_text(row.series, row.number) for row in rows}


def live_of_year(found: Sequence[Invoice]) -> tuple[Live, ...]:
    """Those among them that ask for something: invoices that were not credited."""
    return tuple(
        Live(
            each.invoice_id,
            each.number,
            each.run_id or "",
            each.payer_code,
            each.payer_name,
            each.instalment,
            each.amount_ore,
            each.order_reference,
        )
        for each in found
        if each.kind == "invoice" and each.credited_by_id is None
    )


def payer_details(connection: sa.Connection) -> dict[str, sa.Row[Any]]:
    """The newest details of each payer by its code."""
    rows = connection.execute(sa.select(payers).order_by(payers.c.revision))
    return {row.payer_code: row for row in rows}


def payer_revisions(connection: sa.Connection, code: str) -> Sequence[sa.Row[Any]]:
    """Every revision of a payer's details, the newest first."""
    return connection.execute(
        sa.select(payers).where(payers.c.payer_code == code).order_by(payers.c.revision.desc())
    ).all()


def payer_revision(connection: sa.Connection, code: str, revision: int | None) -> sa.Row[Any] | None:
    if revision is None:
        return None
    return connection.execute(
        sa.select(payers).where(payers.c.payer_code == code, payers.c.revision == revision)
    ).first()


def _invoices(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Invoice]:
    rows = connection.execute(
        sa.select(invoices).where(where).order_by(invoices.c.issued_on, invoices.c.series, invoices.c.number)
    ).all()
    ids = [row.invoice_id for row in rows]
    lines: dict[str, list[Line]] = {}
    for line in connection.execute(
        sa.select(invoice_lines)
        .where(invoice_lines.c.invoice_id.in_(ids))
        .order_by(invoice_lines.c.invoice_id, invoice_lines.c.line)
    ):
        lines.setdefault(line.invoice_id, []).append(
            Line(LocalText(line.text_sv, line.text_en), line.amount_ore)
        )
    settled = _settled(connection, ids)
    credit_notes = _pairs(connection, invoices.c.credits_id, ids)
    replacements = _pairs(connection, invoices.c.replaces_id, ids)
    return [_invoice(row, lines.get(row.invoice_id, []), settled, credit_notes, replacements) for row in rows]


def _settled(connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
    """What the ledger took off an invoice otherwise than by crediting it."""
    rows = connection.execute(
        sa.select(postings.c.invoice_id, -sa.func.sum(postings.c.amount_ore))
        .join(vouchers, vouchers.c.voucher_id == postings.c.voucher_id)
        .join(invoices, invoices.c.invoice_id == postings.c.invoice_id)
        .where(postings.c.invoice_id.in_(ids), vouchers.c.kind.not_in(("invoice", "credit_note")))
        .group_by(postings.c.invoice_id)
    )
    return {invoice_id: int(ore) for invoice_id, ore in rows}


def _pairs(connection: sa.Connection, column: sa.Column[Any], ids: Sequence[str]) -> dict[str, str]:
    rows = connection.execute(sa.select(column, invoices.c.invoice_id).where(column.in_(ids)))
    return {about: invoice_id for about, invoice_id in rows}


def _invoice(
    row: sa.Row[Any],
    lines: list[Line],
    settled: dict[str, int],
    credit_notes: dict[str, str],
    replacements: dict[str, str],
) -> Invoice:
    return Invoice(
        row.invoice_id,
        number_text(row.series, row.number),
        row.kind,
        row.year,
        row.instalment,
        row.run_id,
        row.compensation_id,
        row.payer_code,
        row.payer_name,
        row.payer_revision,
        row.amount_ore,
        row.issued_on,
        row.due_on,
        row.period_first,
        row.period_last,
        row.reference,
        row.order_reference,
        row.credits_id,
        row.replaces_id,
        row.correction_id,
        row.voucher_id,
        row.issued_by,
        row.issued_at,
        tuple(lines),
        settled.get(row.invoice_id, 0),
        credit_notes.get(row.invoice_id),
        replacements.get(row.invoice_id),
    )
