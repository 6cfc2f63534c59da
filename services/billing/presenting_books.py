"""The books as pages show them: equations in words, differences with what they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.billing.domain.reconciling import BUCKETS, Cause, Reconciliation, Row
from services.billing.presenting import swedish_order
from services.chassis.refusals import N_

EQUATIONS = {
    "budget": (N_("The budget"), N_("is the sum of the shares")),
    "shares": (N_("The shares"), N_("are what is invoiced and what is still to come")),
    "ledger": (N_("Invoiced, less credited"), N_("is what the ledger claims")),
    "open": (N_("Invoiced, less credited, paid and netted"), N_("is what is open in the ledger")),
    "sie": (N_("What is open in the ledger"), N_("is what the SIE files say, read back")),
}
CAUSES = {
    "earlier_version": N_(
        "Instalment %(instalments)s was issued on version %(versions)s of the shares. Correct it."
    ),
    "not_issued": N_("Instalment %(instalments)s asks for something that no invoice does. Correct it."),
    "ledger": N_("The ledger does not have what the invoices say. Tell operations; samklang check names it."),
}
BUCKET_NAMES = {
    "not_due": N_("Not due yet"),
    "1-30": N_("1–30 days late"),
    "31-60": N_("31–60 days late"),
    "61-90": N_("61–90 days late"),
    "over_90": N_("More than 90 days late"),
}
STATES = {
    "credited": (N_("credited"), "neutral"),
    "paid": (N_("paid"), "ok"),
    "partly_paid": (N_("partly paid"), "queue"),
    "overdue": (N_("overdue"), "warn"),
    "open": (N_("open"), "info"),
}
KINDS_OF_VOUCHER = {
    "invoice": N_("Invoice"),
    "credit_note": N_("Credit note"),
    "payment": N_("Payment"),
    "netting": N_("Netting"),
    "cost": N_("Cost of a host"),
    "manual": N_("By hand"),
}


@dataclass(frozen=True, slots=True)
class EquationLine:
    left: str
    right: str
    left_ore: int
    right_ore: int
    off_ore: int


def equations(found: Reconciliation) -> list[EquationLine]:
    return [
        EquationLine(*EQUATIONS[each.name], each.left_ore, each.right_ore, each.off_ore)
        for each in found.equations
    ]


def rows_by_name(rows: Iterable[Row]) -> list[Row]:
    """Municipalities by name, the region after them as in the table of shares."""
    return sorted(rows, key=lambda row: (len(row.code) == 2, swedish_order(row.name)))


def causes(found: Reconciliation) -> list[tuple[Row, Cause]]:
    return [(row, cause) for row in rows_by_name(found.rows) for cause in row.causes]


def aged(found: Reconciliation) -> list[tuple[str, dict[str, int], int]]:
    """Name, öre by bucket and their sum, for each payer with something open."""
    return [
        (row.name, {bucket: ages.get(bucket, 0) for bucket in BUCKETS}, sum(ages.values()))
        for row in rows_by_name(found.rows)
        if (ages := dict(found.ageing_ore.get(row.code, {})))
    ]
