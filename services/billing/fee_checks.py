"""Invariants of the fee basis, for `samklang check`."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.fee_tables import place_fees
from services.billing.queries.fees import lines_in


def check_fees(connection: sa.Connection) -> list[str]:
    """A price is the sum of its lines, in words where it is not; empty when all is well."""
    findings = []
    for row in connection.execute(sa.select(place_fees).order_by(place_fees.c.application_id)):
        off_ore = row.total_ore - sum(line.amount_ore for line in lines_in(row.lines))
        if off_ore:
            findings.append(
                f"the price of the place {row.application_id} differs from its lines by {off_ore} öre"
            )
    return findings
