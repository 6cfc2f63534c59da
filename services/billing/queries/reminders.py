"""Late invoices, what may be reminded of today, the reminders that went out, and disputes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.billing.domain.agreements import REMINDER_DAYS, as_text
from services.billing.domain.invoicing import number_text
from services.billing.domain.reminders import Overdue, Standing, standing
from services.billing.queries.basis import agreement_on
from services.billing.queries.invoices import Invoice, every_invoice
from services.billing.reminder_tables import disputes, reminders
from services.billing.tables import invoices
from services.chassis.refusals import N_, Refusal, Refused


@dataclass(frozen=True, slots=True)
class Reminder:
    """As it was sent, with the invoice it is about."""

    reminder_id: str
    number: str
    invoice_id: str
    invoice_number: str
    year: int
    payer_code: str
    payer_name: str
    due_on: date
    level: int
    open_ore: int
    reminded_on: date
    pay_by: date
    sent_by: str
    sent_at: datetime

    @property
    def days_late(self) -> int:
        return (self.reminded_on - self.due_on).days


@dataclass(frozen=True, slots=True)
class Dispute:
    dispute_id: str
    version: int
    disputed: bool
    reason: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ReminderPreview:
    """Every late invoice, the latest first. `due` are those that are reminded of when it is confirmed."""

    days: tuple[int, ...]
    standings: tuple[Standing, ...]
    fingerprint: str

    @property
    def due(self) -> tuple[Standing, ...]:
        return tuple(each for each in self.standings if each.next_level is not None)


def reminder_days(connection: sa.Connection, today: date) -> tuple[int, ...]:
    """What the agreement that is valid today says, else the defaults."""
    agreement = agreement_on(connection, today)
    return agreement.terms.reminder_days if agreement and agreement.terms else REMINDER_DAYS


def preview(connection: sa.Connection, today: date) -> ReminderPreview:
    """What is late today, and what a reminder would go out for."""
    days = reminder_days(connection, today)
    newest: dict[str, Reminder] = {}
    for each in _reminders(connection, sa.true()):
        newest[each.invoice_id] = each
    contested = _disputed(connection)
    late = [
        _overdue(each, newest.get(each.invoice_id), disputed=each.invoice_id in contested)
        for each in every_invoice(connection)
        if each.kind == "invoice" and each.open_ore > 0 and each.due_on < today
    ]
    found = tuple(
        standing(each, days, today) for each in sorted(late, key=lambda o: (o.due_on, o.payer_code, o.number))
    )
    seen = [[s.overdue.invoice_id, s.next_level, s.overdue.open_ore] for s in found if s.next_level]
    return ReminderPreview(days, found, hashlib.sha256(as_text(seen).encode()).hexdigest())


def _overdue(invoice: Invoice, newest: Reminder | None, *, disputed: bool) -> Overdue:
    return Overdue(
        invoice.invoice_id,
        invoice.number,
        invoice.year,
        invoice.payer_code,
        invoice.payer_name,
        invoice.due_on,
        invoice.open_ore,
        newest.level if newest else 0,
        newest.pay_by if newest else None,
        disputed,
    )


def _reminders(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Reminder]:
    """In the order they were sent."""
    about = (invoices.c.payer_code, invoices.c.payer_name, invoices.c.due_on, invoices.c.year)
    of_invoice = (invoices.c.series.label("invoice_series"), invoices.c.number.label("invoice_number"))
    rows = connection.execute(
        sa.select(reminders, *about, *of_invoice)
        .join(invoices, invoices.c.invoice_id == reminders.c.invoice_id)
        .where(where)
        .order_by(reminders.c.sent_at, reminders.c.series, reminders.c.number)
    )
    return [_reminder(row) for row in rows]


def _reminder(row: sa.Row[Any]) -> Reminder:
    return Reminder(
        row.reminder_id,
        reminder_number(row.series, row.number),
        row.invoice_id,
        number_text(row.invoice_series, row.invoice_number),
        row.year,
        row.payer_code,
        row.payer_name,
        row.due_on,
        row.level,
        row.open_ore,
        row.reminded_on,
        row.pay_by,
        row.sent_by,
        row.sent_at,
    )


def reminder_number(series: str, number: int) -> str:
    """`P2026-0007`: so that nobody takes it for an invoice's."""
    return f"P{number_text(series, number)}"


def reminder(connection: sa.Connection, reminder_id: str) -> Reminder:
    """Raises Refused: reminder_unknown."""
    found = next(iter(_reminders(connection, reminders.c.reminder_id == reminder_id)), None)
    if found is None:
        raise Refused(Refusal("reminder_unknown", N_("There is no such reminder."), status=404))
    return found


def reminders_of(connection: sa.Connection, invoice_id: str) -> list[Reminder]:
    return _reminders(connection, reminders.c.invoice_id == invoice_id)


def batch(connection: sa.Connection, batch_id: str) -> list[Reminder]:
    """What was sent together; empty where nothing was."""
    return _reminders(connection, reminders.c.batch_id == batch_id)


def every_reminder(connection: sa.Connection) -> list[Reminder]:
    """The newest first."""
    return _reminders(connection, sa.true())[::-1]


def payer_of(connection: sa.Connection, reminder_id: str) -> str | None:
    """Whom it reminds; None where there is no such reminder."""
    code: str | None = connection.scalar(
        sa.select(invoices.c.payer_code)
        .join(reminders, reminders.c.invoice_id == invoices.c.invoice_id)
        .where(reminders.c.reminder_id == reminder_id)
    )
    return code


def disputes_of(connection: sa.Connection, invoice_id: str) -> list[Dispute]:
    """The newest first: it says whether the invoice is contested now."""
    rows = connection.execute(
        sa.select(disputes).where(disputes.c.invoice_id == invoice_id).order_by(disputes.c.version.desc())
    )
    names = ("dispute_id", "version", "disputed", "reason", "recorded_by", "recorded_at")
    return [Dispute(*(getattr(row, name) for name in names)) for row in rows]


def _disputed(connection: sa.Connection) -> set[str]:
    newest: dict[str, bool] = {}
    for row in connection.execute(sa.select(disputes).order_by(disputes.c.version)):
        newest[row.invoice_id] = row.disputed
    return {invoice_id for invoice_id, disputed in newest.items() if disputed}
