"""From an issued invoice to the papers that tell of it: the e-invoice's plain values, and the PDF's texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from services.billing.configuration import Issuer
from services.billing.papers.pdf import Paper, Table
from services.billing.peppol import document as einvoice
from services.billing.peppol.document import (
    BANKGIRO,
    SWEDISH_ORGANISATION,
    Address,
    EInvoice,
    Line,
    Party,
    PayTo,
)
from services.billing.queries import invoices as queries
from services.billing.queries.invoices import Invoice
from services.chassis.money import format_kronor
from services.chassis.refusals import N_
from services.chassis.web.languages import Texts


def einvoice_of(connection: sa.Connection, invoice: Invoice, issuer: Issuer) -> EInvoice:
    """The values of the e-invoice. What is missing stays empty: the rules say so, by name."""
    details = queries.payer_revision(connection, invoice.payer_code, invoice.payer_revision)
    credited = queries.invoice(connection, invoice.credits_id) if invoice.credits_id else None
    buyer = _buyer(invoice.payer_name, details)
    sign = -1 if invoice.kind == "credit_note" else 1  # a credit note's amounts are said without the minus
    name = f"Kostnadsandel {invoice.year}" if invoice.run_id else f"Ersättning för platser {invoice.year}"
    priced = [each for each in invoice.lines if each.amount_ore]
    lines = [
        Line(str(number), name, sign * each.amount_ore, description=each.text.sv)
        for number, each in enumerate(priced, start=1)
    ]
    return EInvoice(
        kind=einvoice.CREDIT_NOTE if invoice.kind == "credit_note" else einvoice.INVOICE,
        number=invoice.number,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        seller=seller_of(issuer),
        buyer=buyer,
        lines=tuple(lines),
        pay_to=PayTo(digits(issuer.bankgiro), BANKGIRO, invoice.reference),
        buyer_reference=invoice.order_reference,
        note=" ".join(each.text.sv for each in invoice.lines if not each.amount_ore),
        period_from=invoice.period_first,
        period_to=invoice.period_last,
        preceding=(credited.number, credited.issued_on) if credited else None,
    )


def _buyer(name: str, details: sa.Row[Any] | None) -> Party:
    if details is None:
        return Party(name, "", Address("", "", ""))
    scheme, _colon, endpoint = details.peppol_id.rpartition(":")
    mail = details.contact if "@" in details.contact else ""
    return Party(
        name,
        digits(details.organisation_number),
        Address(details.street, digits(details.postal_code), details.town),
        endpoint=endpoint,
        endpoint_scheme=scheme or SWEDISH_ORGANISATION,
        contact_name="" if mail else details.contact,
        mail=mail,
    )


def seller_of(issuer: Issuer) -> Party:
    return Party(
        issuer.name,
        digits(issuer.organisation_number),
        Address(issuer.street, digits(issuer.postal_code), issuer.town),
        contact_name=issuer.name if issuer.contact else "",
        mail=issuer.contact,
    )


def digits(text: str) -> str:
    """`991-2346` as 9912346."""
    return "".join(letter for letter in text if letter.isdigit())


def paper_of(
    connection: sa.Connection, invoice: Invoice, issuer: Issuer, texts: Texts, language: str
) -> Paper:
    """The paper in a reader's language."""
    say: Callable[[str], str] = texts.gettext
    details = queries.payer_revision(connection, invoice.payer_code, invoice.payer_revision)
    credit = invoice.kind == "credit_note"
    title = N_("Credit note %(number)s") if credit else N_("Invoice %(number)s")
    amount = f"{format_kronor(abs(invoice.amount_ore), language)} kr"
    receiver = (
        (invoice.payer_name, details.street, f"{details.postal_code} {details.town}") if details else ()
    )
    important = (
        ((say(N_("Amount credited")), amount),)
        if credit
        else (
            (say(N_("To pay")), amount),
            (say(N_("Due")), invoice.due_on.isoformat()),
            (say(N_("Bankgiro")), issuer.bankgiro),
            (say(N_("Payment reference (OCR)")), invoice.reference),
        )
    )
    rows = tuple(
        (
            line.text.in_language(language),
            format_kronor(-line.amount_ore if credit else line.amount_ore, language)
            if line.amount_ore
            else "",
        )
        for line in invoice.lines
    )
    total = (say(N_("Sum")), format_kronor(abs(invoice.amount_ore), language))
    return Paper(
        language=language,
        title=say(title) % {"number": invoice.number},
        day=invoice.issued_on,
        sender=sender_of(issuer, say),
        receiver=receiver or (invoice.payer_name,),
        facts=(
            (say(N_("Issued on")), invoice.issued_on.isoformat()),
            (say(N_("Your reference")), invoice.order_reference or "–"),
            (say(N_("Period")), f"{invoice.period_first.isoformat()} – {invoice.period_last.isoformat()}"),
        ),
        important=important,
        tables=(
            Table(say(N_("Rows")), (say(N_("Text")), say(N_("Amount, kr"))), (False, True), rows, (total,)),
        ),
        notes=(say(N_("Outside the scope of VAT: costs shared between public bodies by agreement.")),),
        page_of=say(N_("Page {page} of {pages}")),
    )


def sender_of(issuer: Issuer, say: Callable[[str], str]) -> tuple[str, ...]:
    """The lines that say who sends a paper."""
    return (
        issuer.name,
        issuer.street,
        f"{issuer.postal_code} {issuer.town}",
        f"{say(N_('Organisation number'))} {issuer.organisation_number}",
        issuer.contact,
    )
