"""Words for what became of a payment."""

from __future__ import annotations

from services.chassis.refusals import N_

OUTCOMES = {
    "exact": N_("Paid exactly"),
    "partial": N_("Paid in part"),
    "over": N_("Paid too much"),
    "suggested": N_("Suggestion to confirm"),
    "unknown": N_("Unknown"),
    "foreign_currency": N_("Another currency"),
    "reversed": N_("Takes back a payment"),
    "reversal_unknown": N_("Takes back something unknown"),
    "outgoing": N_("Payment out"),
}
BECAUSE = {
    "reference": N_("The payment reference names the invoice."),
    "reference_in_message": N_("The message has the payment reference."),
    "invoice_number_in_message": N_("The invoice's number is given as reference."),
    "amount_and_payer": N_("The payer has an invoice of exactly this amount."),
    "sum_of_payer": N_("All open invoices of the payer are exactly this amount together."),
    "amount": N_("An invoice has exactly this amount, but the payer is not known."),
    "payer": N_("The payer is known, the amount fits none: the oldest invoices first."),
    "bank_reversal": N_("The bank has taken the payment back."),
}
KINDS = {
    "matched": N_("Found by itself"),
    "confirmed": N_("Confirmed"),
    "manual": N_("Booked by hand"),
    "undone": N_("Taken back"),
    "reversed": N_("Taken back by the bank"),
}
