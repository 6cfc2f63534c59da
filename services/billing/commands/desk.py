"""Where payments are booked: in which unit, by which chart of accounts, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.billing.commands import ledger
from services.billing.commands.numbers import hold_series
from services.billing.domain.ledger import PAYMENT, Chart, Posting, Voucher, first_open_day
from services.billing.queries import ledger as queries
from services.chassis.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Desk:
    unit: Unit
    chart: Chart
    by: str

    def take_turns(self) -> None:
        """Two who book payments at once take turns, so that the second sees what the first did."""
        hold_series(self.unit, "payments")

    @property
    def unallocated(self) -> str:
        return self.chart.number("unallocated_payments")

    def day(self, day: date) -> date:
        """`day`, or the first day after it whose month is open."""
        return first_open_day(day, list(queries.closings(self.unit.connection)))

    def book(
        self,
        voucher_id: str,
        day: date,
        year: int,
        text: str,
        postings: tuple[Posting, ...],
        *,
        corrects_id: str | None = None,
    ) -> None:
        """Raises Refused: see the ledger's book."""
        voucher = Voucher(voucher_id, self.day(day), PAYMENT, year, text[:300], postings, corrects_id)
        ledger.book(self.unit, voucher, self.chart, self.by)
