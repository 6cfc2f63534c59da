"""A reminder as PDF for people: what is late, since when, and how to pay it."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.configuration import Issuer
from services.billing.invoice_papers import sender_of
from services.billing.papers.pdf import Paper, Table
from services.billing.queries import invoices as queries
from services.billing.queries.reminders import Reminder
from services.chassis.money import format_kronor
from services.chassis.refusals import N_
from services.chassis.web.languages import Texts


def paper_of(
    connection: sa.Connection, reminder: Reminder, issuer: Issuer, texts: Texts, language: str
) -> Paper:
    """The paper as it was sent, whatever was paid since."""
    say = texts.gettext
    invoice = queries.invoice(connection, reminder.invoice_id)
    details = queries.payer_revision(connection, invoice.payer_code, invoice.payer_revision)
    address = (details.street, f"{details.postal_code} {details.town}") if details else ()
    amount = format_kronor(reminder.open_ore, language)
    headings = (N_("Invoice"), N_("Due"), N_("Days late"), N_("Amount, kr"), N_("Left to pay, kr"))
    row = (
        reminder.invoice_number,
        reminder.due_on.isoformat(),
        str(reminder.days_late),
        format_kronor(invoice.amount_ore, language),
        amount,
    )
    return Paper(
        language=language,
        title=say(N_("Reminder %(number)s")) % {"number": reminder.number},
        day=reminder.reminded_on,
        sender=sender_of(issuer, say),
        receiver=(reminder.payer_name, *address),
        facts=(
            (say(N_("Reminder of this invoice")), str(reminder.level)),
            (say(N_("Sent on")), reminder.reminded_on.isoformat()),
            (say(N_("Your reference")), invoice.order_reference or "–"),
        ),
        important=(
            (say(N_("To pay")), f"{amount} kr"),
            (say(N_("At the latest on")), reminder.pay_by.isoformat()),
            (say(N_("Bankgiro")), issuer.bankgiro),
            (say(N_("Payment reference (OCR)")), invoice.reference),
        ),
        paragraphs=(say(WORDS) % {"number": reminder.invoice_number, "due": reminder.due_on.isoformat()},),
        tables=(
            Table(
                say(N_("What is late")),
                tuple(map(say, headings)),
                (False, False, True, True, True),
                (row,),
            ),
        ),
        notes=(say(CONTEST),),
        page_of=say(N_("Page {page} of {pages}")),
    )


WORDS = N_("Invoice %(number)s fell due on %(due)s, and we have not found its payment.")
CONTEST = N_(
    "If you have paid already, nothing more is needed. If you think the invoice is wrong, contest it on its "
    "page in Samklang: then it is not reminded of again until that is settled."
)
