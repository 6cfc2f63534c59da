"""Payments, what was done with them and what is left of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.billing.domain.camt.statement import HOME_CURRENCY
from services.billing.domain.camt.statement import Payment as Told
from services.billing.domain.matching import Book, Earlier, OpenItem, Payer
from services.billing.payment_tables import (
    payment_allocations,
    payment_bookings,
    payment_returns,
    payment_values,
    payments,
    statement_files,
    statements,
)
from services.billing.queries import basis, invoices
from services.chassis.refusals import N_, Refusal, Refused


@dataclass(frozen=True, slots=True)
class Kept:
    """A payment as it was taken in. `worth_ore` is None where it is in another currency and not valued yet.

    `rest_ore` is what no booking has moved yet: below zero for a payment out that nothing explains.
    """

    payment_id: str
    told: Told
    outcome: str
    payer_code: str | None
    statement_id: str | None
    voucher_id: str | None
    worth_ore: int | None
    rest_ore: int
    returns_id: str | None
    recorded_by: str
    recorded_at: datetime

    @property
    def is_settled(self) -> bool:
        return self.worth_ore is not None and self.rest_ore == 0


@dataclass(frozen=True, slots=True)
class Part:
    invoice_id: str | None
    account: str
    amount_ore: int
    voucher_id: str


@dataclass(frozen=True, slots=True)
class Booking:
    """A move of parts of a payment; `undone_by_id` is the booking that took it back."""

    booking_id: str
    payment_id: str
    kind: str
    reason: str
    amount_ore: int
    undoes_id: str | None
    undone_by_id: str | None
    booked_by: str
    booked_at: datetime | None
    parts: tuple[Part, ...]

    @classmethod
    def made(
        cls,
        booking_id: str,
        payment_id: str,
        kind: str,
        reason: str,
        parts: Sequence[Part],
        *,
        undoes_id: str | None = None,
    ) -> Booking:
        """One that is about to be kept."""
        amount_ore = sum(part.amount_ore for part in parts)
        return cls(booking_id, payment_id, kind, reason, amount_ore, undoes_id, None, "", None, tuple(parts))


def file_by_digest(connection: sa.Connection, digest: str) -> str | None:
    found: str | None = connection.scalar(
        sa.select(statement_files.c.file_id).where(statement_files.c.digest == digest)
    )
    return found


def statement_known(connection: sa.Connection, kind: str, account: str, bank_id: str) -> bool:
    where = (statements.c.kind == kind, statements.c.account == account, statements.c.bank_id == bank_id)
    return connection.scalar(sa.select(statements.c.statement_id).where(*where)) is not None


def known_entries(connection: sa.Connection, keys: Sequence[str]) -> set[str]:
    """Those of the entries that are taken in already, from whichever file."""
    found: set[str] = set()
    for first in range(0, len(keys), 500):
        some = keys[first : first + 500]
        found |= set(
            connection.scalars(sa.select(payments.c.entry_key).where(payments.c.entry_key.in_(some)))
        )
    return found


def every_statement(connection: sa.Connection) -> Sequence[sa.Row[Any]]:
    """The newest import first."""
    return connection.execute(
        sa.select(statements, statement_files.c.imported_by, statement_files.c.imported_at)
        .join(statement_files, statement_files.c.file_id == statements.c.file_id)
        .order_by(statement_files.c.imported_at.desc(), statements.c.bank_id.desc())
    ).all()


def payment(connection: sa.Connection, payment_id: str) -> Kept:
    """Raises Refused: payment_unknown."""
    found = next(iter(_kept(connection, payments.c.payment_id == payment_id)), None)
    if found is None:
        raise Refused(Refusal("payment_unknown", N_("There is no such payment."), status=404))
    return found


def payment_by_key(connection: sa.Connection, key: str) -> Kept | None:
    return next(iter(_kept(connection, payments.c.key == key)), None)


def every_payment(connection: sa.Connection) -> list[Kept]:
    """The newest first."""
    return _kept(connection, sa.true())


def _kept(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Kept]:
    moved = (
        sa.select(
            payment_bookings.c.payment_id, sa.func.sum(payment_bookings.c.amount_ore).label("moved_ore")
        )
        .group_by(payment_bookings.c.payment_id)
        .subquery()
    )
    other = payments.alias("other")
    returned = (
        sa.select(payment_returns.c.returns_id, sa.func.sum(other.c.amount_ore).label("returned_ore"))
        .join(other, other.c.payment_id == payment_returns.c.payment_id)
        .group_by(payment_returns.c.returns_id)
        .subquery()
    )
    rows = connection.execute(
        sa.select(
            payments,
            payment_values.c.amount_ore.label("value_ore"),
            sa.func.coalesce(moved.c.moved_ore, 0).label("moved_ore"),
            sa.func.coalesce(returned.c.returned_ore, 0).label("returned_ore"),
            payment_returns.c.returns_id,
        )
        .outerjoin(payment_values, payment_values.c.payment_id == payments.c.payment_id)
        .outerjoin(moved, moved.c.payment_id == payments.c.payment_id)
        .outerjoin(returned, returned.c.returns_id == payments.c.payment_id)
        .outerjoin(payment_returns, payment_returns.c.payment_id == payments.c.payment_id)
        .where(where)
        .order_by(payments.c.booked_on.desc(), payments.c.recorded_at.desc(), payments.c.payment_id)
    )
    return [_one(row) for row in rows]


def _one(row: sa.Row[Any]) -> Kept:
    worth = row.amount_ore if row.currency == HOME_CURRENCY else row.value_ore
    signed = (worth or 0) if row.is_credit else -(worth or 0)
    rest = 0 if row.returns_id is not None else signed - int(row.moved_ore) - int(row.returned_ore)
    told = Told(
        row.key,
        row.amount_ore,
        row.currency,
        row.is_credit,
        row.is_reversal,
        row.booked_on,
        tuple(json.loads(row.references)),
        row.message,
        row.payer_name,
        row.payer_account,
        row.payer_organisation_number,
        row.original_amount,
        row.original_currency,
        row.end_to_end,
    )
    return Kept(
        row.payment_id,
        told,
        row.outcome,
        row.payer_code,
        row.statement_id,
        row.voucher_id,
        worth,
        rest,
        row.returns_id,
        row.recorded_by,
        row.recorded_at,
    )


def bookings_of(connection: sa.Connection, payment_id: str) -> list[Booking]:
    """In the order they were made."""
    rows = connection.execute(
        sa.select(payment_bookings)
        .where(payment_bookings.c.payment_id == payment_id)
        .order_by(payment_bookings.c.booked_at, payment_bookings.c.booking_id)
    ).all()
    parts: dict[str, list[Part]] = {}
    for part in connection.execute(
        sa.select(payment_allocations)
        .where(payment_allocations.c.booking_id.in_([row.booking_id for row in rows]))
        .order_by(payment_allocations.c.booking_id, payment_allocations.c.line)
    ):
        parts.setdefault(part.booking_id, []).append(
            Part(part.invoice_id, part.account, part.amount_ore, part.voucher_id)
        )
    undone = {row.undoes_id: row.booking_id for row in rows if row.undoes_id}
    return [
        Booking(
            row.booking_id,
            row.payment_id,
            row.kind,
            row.reason,
            row.amount_ore,
            row.undoes_id,
            undone.get(row.booking_id),
            row.booked_by,
            row.booked_at,
            tuple(parts.get(row.booking_id, [])),
        )
        for row in rows
    ]


def booking_by_id(connection: sa.Connection, booking_id: str) -> Booking | None:
    owner = connection.scalar(
        sa.select(payment_bookings.c.payment_id).where(payment_bookings.c.booking_id == booking_id)
    )
    if owner is None:
        return None
    return next(each for each in bookings_of(connection, owner) if each.booking_id == booking_id)


def paid_by_invoice(connection: sa.Connection) -> dict[str, int]:
    """What payments put on each invoice, what was undone taken off again."""
    rows = connection.execute(
        sa.select(payment_allocations.c.invoice_id, sa.func.sum(payment_allocations.c.amount_ore))
        .where(payment_allocations.c.invoice_id.is_not(None))
        .group_by(payment_allocations.c.invoice_id)
    )
    return {invoice_id: int(ore) for invoice_id, ore in rows if ore}


def book_now(connection: sa.Connection) -> Book:
    """What payments are matched against: open invoices, who pays, and the payments of before."""
    items = [
        OpenItem(each.invoice_id, each.number, each.payer_code, each.reference, each.open_ore, each.due_on)
        for each in invoices.every_invoice(connection)
        if each.open_ore > 0
    ]
    kept = every_payment(connection)
    return Book(items, _payers(connection, kept), _earlier(kept))


def _payers(connection: sa.Connection, kept: Sequence[Kept]) -> dict[str, Payer]:
    """Accounts are those from which a payer has paid before; two payers' common one names neither."""
    accounts: dict[str, set[str]] = {}
    for each in kept:
        if each.payer_code and each.told.is_credit and each.told.payer_account:
            accounts.setdefault(each.payer_code, set()).add(each.told.payer_account)
    details = invoices.payer_details(connection)
    names = basis.municipality_names(connection)
    return {
        code: Payer(
            code,
            details[code].legal_name if code in details else names[code],
            details[code].organisation_number.replace("-", "") if code in details else "",
            frozenset(accounts.get(code, ())),
        )
        for code in sorted(names.keys() | details.keys())
    }


def _earlier(kept: Sequence[Kept]) -> list[Earlier]:
    gone = {each.returns_id for each in kept if each.returns_id}
    return [
        Earlier(
            each.payment_id,
            each.told.amount_ore,
            each.told.references,
            each.told.payer_account,
            each.told.payer_organisation_number,
            each.told.booked_on,
            each.told.end_to_end,
        )
        for each in kept
        if each.told.is_credit and each.told.currency == HOME_CURRENCY and each.payment_id not in gone
    ]


def booked_until(connection: sa.Connection) -> date | None:
    """The newest day of which a payment is known."""
    day: date | None = connection.scalar(sa.select(sa.func.max(payments.c.booked_on)))
    return day
