"""A payer's year: what it was asked for and why, what it settled, and what its children got beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import sqlalchemy as sa

from services.billing.domain.agreements import Membership
from services.billing.domain.basis import Member
from services.billing.domain.invoicing import number_text
from services.billing.domain.ledger import NETTING, PAYMENT, Chart
from services.billing.domain.reconciling import Row
from services.billing.queries.basis import Run, municipality_names, run_of_year
from services.billing.queries.flow import Flow, flow_of_year
from services.billing.queries.invoices import Invoice, invoices_of_year
from services.billing.queries.reconciliation import reconciliation
from services.billing.tables import postings, vouchers
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.fact import LocalText


@dataclass(frozen=True, slots=True)
class Settlement:
    """A voucher that took from the payer's claims; below zero where a payment was taken back."""

    voucher: str
    booked_on: date
    kind: str
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Places:
    """Places of a term: held by the municipality's children at home and by host, and those it gave others.

    All are thousandths of places: one whose pupil moved counts for each home by its days.
    """

    term: LocalText
    at_home_thousandths: int
    elsewhere: tuple[tuple[str, int], ...]
    given_thousandths: int


@dataclass(frozen=True, slots=True)
class Statement:
    """`member` is None for the region, which pays a percentage and has no places of its own.

    `of_year` is False where the year has no places and those of the newest term stand in.
    """

    code: str
    name: str
    run: Run
    row: Row
    member: Member | None
    memberships: tuple[Membership, ...]
    invoices: tuple[Invoice, ...]
    settlements: tuple[Settlement, ...]
    of_year: bool
    places: tuple[Places, ...]

    @property
    def year(self) -> int:
        return self.run.basis.year

    @property
    def percent(self) -> Fraction:
        """Of the budget for the region, of the members' population for a member; 0 for one that left."""
        if self.code == self.run.region_code:
            return Fraction(self.run.basis.agreement.region_percent)
        total = sum(self.run.basis.populations.values())
        return Fraction(100 * self.member.population, total) if self.member else Fraction(0)


def statement(connection: sa.Connection, year: int, code: str, chart: Chart, today: date) -> Statement:
    """Raises Refused: year_not_opened, payer_not_of_year."""
    run, _runs = run_of_year(connection, year)
    found = reconciliation(connection, year, chart, today)
    row = next((each for each in found.rows if each.code == code), None)
    if row is None:
        raise Refused(
            Refusal(
                "payer_not_of_year",
                N_("%(code)s has no share of %(year)s, so there is no statement of it."),
                {"code": code, "year": year},
                status=404,
            )
        )
    flow = flow_of_year(connection, year)
    return Statement(
        code,
        row.name,
        run,
        row,
        next((each for each in run.basis.members if each.code == code), None),
        tuple(span for span in run.basis.memberships if span.code == code),
        tuple(each for each in invoices_of_year(connection, year) if each.payer_code == code),
        _settlements(connection, year, code, chart.receivables),
        flow.of_year,
        _places(flow, code, municipality_names(connection)) if len(code) == 4 else (),
    )


def _settlements(
    connection: sa.Connection, year: int, code: str, accounts: Sequence[str]
) -> tuple[Settlement, ...]:
    columns = (vouchers.c.series, vouchers.c.number, vouchers.c.booked_on, vouchers.c.kind)
    rows = connection.execute(
        sa.select(*columns, (-sa.func.sum(postings.c.amount_ore)).label("ore"))
        .join(postings, postings.c.voucher_id == vouchers.c.voucher_id)
        .where(
            vouchers.c.year == year,
            vouchers.c.kind.in_((PAYMENT, NETTING)),
            postings.c.payer_code == code,
            postings.c.account.in_(accounts),
        )
        .group_by(*columns)
        .order_by(vouchers.c.booked_on, vouchers.c.series, vouchers.c.number)
    )
    return tuple(
        Settlement(number_text(row.series, row.number), row.booked_on, row.kind, int(row.ore)) for row in rows
    )


def _places(flow: Flow, code: str, names: dict[str, str]) -> tuple[Places, ...]:
    found = []
    for term in flow.terms:
        own = term.homes.get(code)
        elsewhere = sorted(
            (
                (names.get(host, host), count)
                for host, count in (own.by_host_thousandths if own else {}).items()
            ),
            key=lambda each: (-each[1], each[0]),
        )
        given = sum(
            home.by_host_thousandths.get(code, 0) for other, home in term.homes.items() if other != code
        )
        found.append(Places(term.name, own.at_home_thousandths if own else 0, tuple(elsewhere), given))
    return tuple(found)
