"""Vouchers with their postings, balances, and which months are closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from services.billing.domain.ledger import Posting
from services.billing.tables import period_closings, postings, vouchers


@dataclass(frozen=True, slots=True)
class Booked:
    voucher_id: str
    series: str
    number: int
    booked_on: date
    kind: str
    year: int
    text: str
    corrects_id: str | None
    corrected_by: str | None
    booked_by: str
    booked_at: datetime
    postings: tuple[Posting, ...]

    @property
    def amount_ore(self) -> int:
        """The sum of its debit side."""
        return sum(posting.amount_ore for posting in self.postings if posting.amount_ore > 0)


@dataclass(frozen=True, slots=True)
class Closing:
    month: date
    closed_by: str
    closed_at: datetime


def closings(connection: sa.Connection) -> dict[date, Closing]:
    """Closed months by their first day, the newest first."""
    rows = connection.execute(sa.select(period_closings).order_by(period_closings.c.month.desc()))
    return {row.month: Closing(row.month, row.closed_by, row.closed_at) for row in rows}


def voucher_by_id(connection: sa.Connection, voucher_id: str) -> Booked | None:
    return next(iter(_booked(connection, vouchers.c.voucher_id == voucher_id, 1)), None)


def vouchers_of_year(connection: sa.Connection, year: int, most: int = 500) -> list[Booked]:
    """Those that belong to a budget year, the newest first."""
    return _booked(connection, vouchers.c.year == year, most)


def every_voucher_of_year(connection: sa.Connection, year: int) -> list[Booked]:
    """All that belong to a budget year, the newest first."""
    return _booked(connection, vouchers.c.year == year, None)


def vouchers_between(connection: sa.Connection, first: date, last: date) -> list[Booked]:
    """Every voucher booked in a time, both days included, in the order of their numbers."""
    found = _booked(connection, vouchers.c.booked_on.between(first, last), None)
    return sorted(found, key=lambda each: (each.series, each.number))


def _booked(connection: sa.Connection, where: sa.ColumnElement[bool], most: int | None) -> list[Booked]:
    rows = connection.execute(
        sa.select(vouchers)
        .where(where)
        .order_by(vouchers.c.booked_on.desc(), vouchers.c.series.desc(), vouchers.c.number.desc())
        .limit(most)
    ).all()
    ids = [row.voucher_id for row in rows]
    parts = _postings(connection, ids)
    corrected = {
        about: by
        for about, by in connection.execute(
            sa.select(vouchers.c.corrects_id, vouchers.c.voucher_id).where(vouchers.c.corrects_id.in_(ids))
        )
    }
    return [
        Booked(
            row.voucher_id,
            row.series,
            row.number,
            row.booked_on,
            row.kind,
            row.year,
            row.text,
            row.corrects_id,
            corrected.get(row.voucher_id),
            row.booked_by,
            row.booked_at,
            tuple(parts.get(row.voucher_id, [])),
        )
        for row in rows
    ]


def _postings(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[Posting]]:
    parts: dict[str, list[Posting]] = {}
    for row in connection.execute(
        sa.select(postings)
        .where(postings.c.voucher_id.in_(ids))
        .order_by(postings.c.voucher_id, postings.c.line)
    ):
        parts.setdefault(row.voucher_id, []).append(
            Posting(row.account, row.amount_ore, row.payer_code, row.invoice_id)
        )
    return parts


def balances(connection: sa.Connection, year: int) -> dict[str, int]:
    """The sum of each account that a budget year touched, by its number; they sum to zero."""
    rows = connection.execute(
        sa.select(postings.c.account, sa.func.sum(postings.c.amount_ore))
        .join(vouchers, vouchers.c.voucher_id == postings.c.voucher_id)
        .where(vouchers.c.year == year)
        .group_by(postings.c.account)
        .order_by(postings.c.account)
    )
    return {account: int(ore) for account, ore in rows}


def claims(connection: sa.Connection, year: int, accounts: Sequence[str]) -> dict[tuple[str, str], int]:
    """What a budget year's vouchers put on claims accounts, by payer and kind of voucher."""
    rows = connection.execute(
        sa.select(postings.c.payer_code, vouchers.c.kind, sa.func.sum(postings.c.amount_ore))
        .join(vouchers, vouchers.c.voucher_id == postings.c.voucher_id)
        .where(vouchers.c.year == year, postings.c.account.in_(accounts))
        .group_by(postings.c.payer_code, vouchers.c.kind)
    )
    return {(payer or "", kind): int(ore) for payer, kind, ore in rows}
