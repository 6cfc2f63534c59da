"""No invoice is issued whose e-invoice would be refused on its way."""

from __future__ import annotations

from collections.abc import Iterable

from services.billing.configuration import Issuer
from services.billing.invoice_papers import einvoice_of
from services.billing.peppol.rules import checked
from services.billing.queries import invoices
from services.chassis.storage.unit import Unit


def refuse_failing(unit: Unit, invoice_ids: Iterable[str], issuer: Issuer) -> None:
    """Try the e-invoice of each, in the unit that issues them: one that fails takes all of them back.

    Raises Refused: einvoice_fails, with the rule that failed.
    """
    for invoice_id in invoice_ids:
        checked(einvoice_of(unit.connection, invoices.invoice(unit.connection, invoice_id), issuer))
