"""What could be netted in a year: what hosts are owed by the ledger, and their open invoices."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.domain.ledger import Chart
from services.billing.domain.netting import OpenInvoice, Setting, settings_of
from services.billing.queries import ledger
from services.billing.queries.invoices import invoices_of_year


def settings(connection: sa.Connection, year: int, chart: Chart) -> tuple[Setting, ...]:
    owed: dict[str, int] = {}
    for (host, _kind), ore in ledger.claims(connection, year, [chart.number("hosts_payable")]).items():
        owed[host] = owed.get(host, 0) - ore
    waiting = [
        OpenInvoice(each.invoice_id, each.number, each.payer_code, each.due_on, each.open_ore)
        for each in invoices_of_year(connection, year)
        if each.kind == "invoice" and each.open_ore > 0
    ]
    return settings_of(owed, waiting)
