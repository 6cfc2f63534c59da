"""Remind of late invoices, and note which of them are contested."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from services.billing.commands.basis import lock_year
from services.billing.commands.numbers import hold_series, take_number
from services.billing.domain.refusals import refuse_without_reason
from services.billing.domain.reminders import PAY_WITHIN, Standing
from services.billing.queries import reminders as queries
from services.billing.queries.invoices import invoice as invoice_by_id
from services.billing.reminder_tables import disputes, reminders
from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.contracts.billing import InvoiceReminded


def remind(unit: Unit, batch_id: str, invoice_ids: Sequence[str], by: str, *, fingerprint: str) -> list[str]:
    """Send the reminders that were previewed, for the chosen invoices; their ids. All of them or none.

    Sent again with its `batch_id` it gives the same reminders. Raises Refused: nothing_to_remind,
    preview_stale.
    """
    # Nobody credits or pays one of them between our look and our reminder.
    for year in sorted({each.overdue.year for each in queries.preview(unit.connection, unit.today).due}):
        lock_year(unit, year)
    hold_series(unit, "payments")
    done = queries.batch(unit.connection, batch_id)
    if done:
        return [each.reminder_id for each in done]
    seen = queries.preview(unit.connection, unit.today)
    chosen = [each for each in seen.due if each.overdue.invoice_id in set(invoice_ids)]
    if seen.fingerprint != fingerprint:
        raise Refused(
            Refusal(
                "preview_stale",
                N_("Something has changed since you looked. Look at what is late again before you send."),
            )
        )
    if not chosen:
        raise Refused(
            Refusal(
                "nothing_to_remind", N_("Choose at least one invoice that a reminder is due for."), status=422
            )
        )
    return [_send(unit, batch_id, each, by) for each in chosen]


def _send(unit: Unit, batch_id: str, due: Standing, by: str) -> str:
    late, level = due.overdue, due.next_level or 0
    reminder_id = derived_id("billing", "reminder", batch_id, late.invoice_id)
    series = f"reminder:{unit.today.year}"
    number = take_number(unit, series)
    pay_by = unit.today + PAY_WITHIN
    unit.execute(
        sa.insert(reminders),
        {
            "reminder_id": reminder_id,
            "batch_id": batch_id,
            "series": series,
            "number": number,
            "invoice_id": late.invoice_id,
            "level": level,
            "open_ore": late.open_ore,
            "reminded_on": unit.today,
            "pay_by": pay_by,
            "sent_by": by,
            "sent_at": unit.now,
        },
    )
    unit.record(
        InvoiceReminded(
            reminder_id=reminder_id,
            number=queries.reminder_number(series, number),
            invoice_id=late.invoice_id,
            invoice_number=late.number,
            year=late.year,
            payer_code=late.payer_code,
            level=level,
            open_ore=late.open_ore,
            due_on=late.due_on,
            pay_by=pay_by,
        )
    )
    return reminder_id


def dispute(unit: Unit, dispute_id: str, invoice_id: str, reason: str, by: str, *, disputed: bool) -> None:
    """The payer contests an invoice, or no longer does. Said again with its id it is noted once.

    Raises Refused: invoice_unknown, invoice_not_open, dispute_unchanged, reason_missing.
    """
    refuse_without_reason(reason)
    invoice = invoice_by_id(unit.connection, invoice_id)
    lock_year(unit, invoice.year)
    known = queries.disputes_of(unit.connection, invoice_id)
    if any(each.dispute_id == dispute_id for each in known):
        return
    if disputed and invoice.open_ore <= 0:
        raise Refused(
            Refusal(
                "invoice_not_open", N_("Nothing is left to pay of that invoice, so it cannot be contested.")
            )
        )
    if disputed == bool(known and known[0].disputed):
        raise Refused(Refusal("dispute_unchanged", N_("That is noted already. Look at the invoice again.")))
    unit.execute(
        sa.insert(disputes),
        {
            "invoice_id": invoice_id,
            "version": (known[0].version if known else 0) + 1,
            "dispute_id": dispute_id,
            "disputed": disputed,
            "reason": reason.strip()[:500],
            "recorded_by": by,
            "recorded_at": unit.now,
        },
    )
