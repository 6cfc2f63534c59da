"""An invoice and a credit note as the cooperation sends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from services.billing.peppol.document import (
    BANKGIRO,
    CREDIT_NOTE,
    INVOICE,
    STANDARD,
    Address,
    EInvoice,
    Line,
    Party,
    PayTo,
    Tax,
)

REGION = Party(
    "Region Västmanland",
    "2321000172",
    Address("Regionhuset", "72189", "Västerås"),
    contact_name="Ekonomi",
    phone="021-17 30 00",
    mail="ekonomi@example.se",
)
NORBERG = Party("Norbergs kommun", "2120002080", Address("Box 25", "73821", "Norberg"))

INVOICE_1 = EInvoice(
    INVOICE,
    "20250001",
    date(2025, 3, 1),
    date(2025, 3, 31),
    REGION,
    NORBERG,
    (Line("1", "Andel av 2025 års budget, delbetalning 1", 251_186),),
    PayTo("9912346", BANKGIRO, "202500013"),
    "1962-EK",
    order_reference="B-2025",
    note="Samverkan kulturskola",
    terms="30 dagar netto",
    period_from=date(2025, 1, 1),
    period_to=date(2025, 3, 31),
)
CREDIT_1 = replace(INVOICE_1, kind=CREDIT_NOTE, number="20250002", preceding=("20250001", date(2025, 3, 1)))
MIXED_RATES = replace(
    INVOICE_1,
    seller=replace(REGION, vat_number="SE232100017201"),
    lines=(
        Line("1", "Notställ", 10_001, Tax(STANDARD, 25, ""), quantity=3),
        Line("2", "Böcker", 333, Tax(STANDARD, 6, "")),
        Line("3", "Avdrag", -1, Tax(STANDARD, 6, "")),
    ),
)
