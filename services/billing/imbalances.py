"""By how many öre the equations of the books do not hold: for `samklang check`, the metric and its alert.

Counted from what is kept, payer by payer, so that what one has too much and another too little is seen too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from prometheus_client import Gauge

from services.billing.compensation_checks import off_by_year_ore
from services.billing.configuration import Configuration
from services.billing.domain.reconciling import Reconciliation, Row
from services.billing.queries import basis
from services.billing.queries.invoices import invoices_of_year
from services.billing.queries.payments import paid_by_invoice
from services.billing.queries.reconciliation import reconciliation
from services.billing.siebook import claims_in_sie
from services.billing.tables import postings, vouchers
from services.chassis.refusals import Refused

EQUATIONS = {
    "budget": "the budget is {ore} öre off the sum of its shares",
    "shares": "the shares are {ore} öre off what is invoiced and to come: see the year's correction",
    "ledger": "what is invoiced and not credited is {ore} öre off the ledger",
    "open": "what is invoiced and neither credited, paid nor netted is {ore} öre off the open claims",
    "sie": "the open claims of the ledger are {ore} öre off what the SIE files say",
    "compensation": "what homes are asked for places is {ore} öre off what hosts are owed for them",
    "vouchers": "the debit of vouchers is {ore} öre off their credit",
}
IMBALANCE = Gauge(
    "samklang_imbalance_ore", "Öre by which an equation of the books does not hold", ["service", "equation"]
)


@dataclass(frozen=True, slots=True)
class Imbalance:
    """An equation of a budget year that does not hold. `ore` is above zero."""

    year: int
    equation: str
    ore: int

    def __str__(self) -> str:
        return f"{self.year}: {EQUATIONS[self.equation].format(ore=self.ore)}"


def imbalances(connection: sa.Connection, books: Configuration, today: date) -> list[Imbalance]:
    """Every equation of every opened year that does not hold, the newest year first."""
    unbalanced = _unbalanced_vouchers(connection)
    paid = paid_by_invoice(connection)
    found = []
    for year in [run.basis.year for run in basis.newest_runs(connection)]:
        off = {"vouchers": unbalanced.pop(year, 0)}
        try:
            off |= _of_year(connection, year, books, today, paid)
        except Refused:  # a basis from which nothing can be derived, which the check says by itself
            off |= {}
        found += [Imbalance(year, name, ore) for name, ore in off.items() if ore]
    found += [
        Imbalance(year, "compensation", ore) for year, ore in off_by_year_ore(connection).items() if ore
    ]
    return found + [Imbalance(year, "vouchers", ore) for year, ore in sorted(unbalanced.items())]


def _of_year(
    connection: sa.Connection, year: int, books: Configuration, today: date, paid: Mapping[str, int]
) -> dict[str, int]:
    found = reconciliation(connection, year, books.chart, today)
    paid_by: dict[str, int] = {}
    for each in invoices_of_year(connection, year):
        paid_by[each.payer_code] = paid_by.get(each.payer_code, 0) + paid.get(each.invoice_id, 0)
    in_sie = claims_in_sie(connection, year, books.chart, books.issuer, today)
    return {
        "budget": abs(found.budget_ore - found.total("share_ore")),
        "shares": sum(abs(row.off_ore) for row in found.rows),
        "ledger": sum(abs(row.off_ledger_ore) for row in found.rows),
        "open": _open(found, paid_by),
        "sie": abs(found.total("balance_ore") - in_sie),
    }


def _open(found: Reconciliation, paid_by: Mapping[str, int]) -> int:
    """By the payments as they were booked on invoices, and not by the ledger's own word for them."""

    def off(row: Row) -> int:
        return row.asked_ore - paid_by.get(row.code, 0) - row.netted_ore - row.balance_ore

    return sum(abs(off(row)) for row in found.rows)


def _unbalanced_vouchers(connection: sa.Connection) -> dict[int, int]:
    sums = (
        sa.select(vouchers.c.year, sa.func.sum(postings.c.amount_ore).label("off_ore"))
        .join(postings, postings.c.voucher_id == vouchers.c.voucher_id)
        .group_by(vouchers.c.voucher_id, vouchers.c.year)
        .subquery()
    )
    rows = connection.execute(
        sa.select(sums.c.year, sa.func.sum(sa.func.abs(sums.c.off_ore))).group_by(sums.c.year)
    )
    return {year: int(ore) for year, ore in rows if ore}


def export(found: Iterable[Imbalance]) -> None:
    """Let the metric say it: the sum over the years of each equation, zero where it holds."""
    sums = dict.fromkeys(EQUATIONS, 0)
    for each in found:
        sums[each.equation] += each.ore
    for equation, ore in sums.items():
        IMBALANCE.labels("billing", equation).set(ore)
