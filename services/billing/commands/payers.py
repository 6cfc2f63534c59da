"""Keep how a payer wants its invoices; every change is a revision of its own."""

from __future__ import annotations

from dataclasses import asdict

from services.billing.domain.payers import PayerDetails, read_details
from services.billing.queries import invoices
from services.billing.tables import payers
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit


def record_payer(unit: Unit, details: PayerDetails, by: str, *, seen: int | None = None) -> int:
    """The revision that counts from now on; the same details again give the same one.

    `seen` is the revision that was changed, 0 for none. Raises Refused: payer_changed_meanwhile, and those of
    read_details.
    """
    values = asdict(read_details(details))
    known = invoices.payer_details(unit.connection).get(details.payer_code)
    if known is not None and all(getattr(known, name) == value for name, value in values.items()):
        return int(known.revision)
    newest = int(known.revision) if known is not None else 0
    kept = {**values, "revision": newest + 1, "recorded_by": by, "recorded_at": unit.now}
    # Somebody else's revision between our look and our insert is not written over.
    if (seen is not None and seen != newest) or unit.execute(
        insert_ignoring(unit.connection, payers), kept
    ).rowcount != 1:
        raise Refused(
            Refusal(
                "payer_changed_meanwhile",
                N_(
                    "Somebody changed the payer's details meanwhile. Look at them, then change what is wrong."
                ),
            )
        )
    return newest + 1
