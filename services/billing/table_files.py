"""The tables of finance as sheets, for a spreadsheet (XLSX) or a program (CSV): what the pages show.

Swedish headings whatever the reader's language, codes beside names, and no sum rows: files are read by
programs, and a pivot table would count a sum twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from services.billing.domain.reconciling import Reconciliation
from services.billing.queries.invoices import Invoice
from services.billing.queries.reminders import Reminder, ReminderPreview
from services.chassis.clock import local_date
from services.chassis.spreadsheet import Ore, Sheet

INVOICES = (
    "Nummer", "Slag", "År", "Rat", "Kod", "Betalare", "Utställd", "Förfaller", "Belopp, kr", "Reglerat, kr",
    "Öppet, kr", "Läge", "Referens", "Er referens",
)  # fmt: skip
RECONCILIATION = (
    "År", "Version", "Kod", "Betalare", "Andel, kr", "Fakturerat, kr", "Krediterat, kr", "Betalt, kr",
    "Kvittat, kr", "Öppet, kr", "Återstår att fakturera, kr", "I huvudboken, kr", "Skillnad, kr",
)  # fmt: skip
LATE = (
    "Faktura", "År", "Kod", "Betalare", "Förfallodag", "Dagar sen", "Öppet, kr", "Skickade påminnelser",
    "Nästa påminnelse", "Tidigast", "Bestridd",
)  # fmt: skip
REMINDERS = (
    "Påminnelse", "Nivå", "Faktura", "År", "Kod", "Betalare", "Skickad", "Betalas senast", "Öppet då, kr",
)  # fmt: skip
PAYERS = (
    "Kod", "Betalare", "Juridiskt namn", "Organisationsnummer", "Peppol-id", "Orderreferens", "Gata",
    "Postnummer", "Ort", "Kontakt", "Version", "Registrerad",
)  # fmt: skip
_DETAILS = (
    "legal_name", "organisation_number", "peppol_id", "order_reference", "street", "postal_code", "town",
    "contact", "revision",
)  # fmt: skip
_STATES = {
    "credited": "krediterad",
    "paid": "betald",
    "partly_paid": "delvis betald",
    "overdue": "förfallen",
    "open": "öppen",
}


def invoices_sheet(found: Iterable[Invoice], today: date) -> Sheet:
    rows = [
        (
            each.number,
            "Kreditfaktura" if each.kind == "credit_note" else "Faktura",
            each.year,
            each.instalment,
            each.payer_code,
            each.payer_name,
            each.issued_on,
            each.due_on,
            Ore(each.amount_ore),
            Ore(each.settled_ore),
            Ore(each.open_ore),
            "" if each.kind == "credit_note" else _STATES[each.state(today)],
            each.reference,
            each.order_reference,
        )
        for each in found
    ]
    return Sheet("Fakturor", INVOICES, rows)


def reconciliation_sheet(found: Reconciliation) -> Sheet:
    rows = [
        (
            found.year,
            found.version,
            row.code,
            row.name,
            Ore(row.share_ore),
            Ore(row.invoiced_ore),
            Ore(row.credited_ore),
            Ore(row.paid_ore),
            Ore(row.netted_ore),
            Ore(row.open_ore),
            Ore(row.to_come_ore),
            Ore(row.balance_ore),
            Ore(row.off_ore or row.off_ledger_ore),
        )
        for row in found.rows
    ]
    return Sheet("Avstämning", RECONCILIATION, rows)


def late_sheets(seen: ReminderPreview, sent: Iterable[Reminder]) -> tuple[Sheet, Sheet]:
    """What is late today, and the reminders that were sent."""
    late = [
        (
            each.overdue.number,
            each.overdue.year,
            each.overdue.payer_code,
            each.overdue.payer_name,
            each.overdue.due_on,
            each.days_late,
            Ore(each.overdue.open_ore),
            each.overdue.level,
            each.next_level,
            each.from_day,
            "ja" if each.overdue.disputed else "nej",
        )
        for each in seen.standings
    ]
    reminders = [
        (
            each.number,
            each.level,
            each.invoice_number,
            each.year,
            each.payer_code,
            each.payer_name,
            each.reminded_on,
            each.pay_by,
            Ore(each.open_ore),
        )
        for each in sent
    ]
    return Sheet("Sena fakturor", LATE, late), Sheet("Påminnelser", REMINDERS, reminders)


def payers_sheet(names: Mapping[str, str], details: Mapping[str, Any]) -> Sheet:
    """A row a payer; empty cells for one of whom nothing is known."""
    rows = [
        (
            code,
            names[code],
            *(getattr(details[code], name) if code in details else None for name in _DETAILS),
            local_date(details[code].recorded_at) if code in details else None,
        )
        for code in sorted(names)
    ]
    return Sheet("Betalare", PAYERS, rows)
