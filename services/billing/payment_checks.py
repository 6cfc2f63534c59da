"""Invariants of payments, for `samklang check`."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.domain.camt.statement import HOME_CURRENCY
from services.billing.domain.ledger import PAYMENT
from services.billing.payment_tables import (
    payment_allocations,
    payment_bookings,
    payment_values,
    payments,
    statements,
)
from services.billing.queries import payments as queries
from services.billing.tables import postings, vouchers


def check_payments(connection: sa.Connection) -> list[str]:
    """What does not hold, in words; empty when all is well. No payer's name is told."""
    return [
        *_bookings(connection),
        *_ledger(connection),
        *_intake(connection),
        *_statements(connection),
        *_overdrawn(connection),
    ]


def _bookings(connection: sa.Connection) -> list[str]:
    """A booking is the sum of its parts."""
    rows = connection.execute(
        sa.select(
            payment_bookings.c.booking_id,
            (
                payment_bookings.c.amount_ore
                - sa.func.coalesce(sa.func.sum(payment_allocations.c.amount_ore), 0)
            ),
        )
        .outerjoin(payment_allocations, payment_allocations.c.booking_id == payment_bookings.c.booking_id)
        .group_by(payment_bookings.c.booking_id, payment_bookings.c.amount_ore)
    )
    return [
        f"the booking {booking_id} differs from its parts by {int(off)} öre"
        for booking_id, off in rows
        if off
    ]


def _ledger(connection: sa.Connection) -> list[str]:
    """What payments put on an invoice is what the ledger says they did."""
    rows = connection.execute(
        sa.select(postings.c.invoice_id, -sa.func.sum(postings.c.amount_ore))
        .join(vouchers, vouchers.c.voucher_id == postings.c.voucher_id)
        .where(vouchers.c.kind == PAYMENT, postings.c.invoice_id.is_not(None))
        .group_by(postings.c.invoice_id)
    )
    booked = {invoice_id: int(ore) for invoice_id, ore in rows}
    paid = queries.paid_by_invoice(connection)
    return [
        f"payments of invoice {each} differ from the ledger by {paid.get(each, 0) - booked.get(each, 0)} öre"
        for each in sorted(paid.keys() | booked.keys())
        if paid.get(each, 0) != booked.get(each, 0)
    ]


def _intake(connection: sa.Connection) -> list[str]:
    """The voucher that brought a payment in has its amount, and one in kronor has such a voucher."""
    debit = sa.func.sum(sa.case((postings.c.amount_ore > 0, postings.c.amount_ore), else_=0))
    worth = sa.func.coalesce(payment_values.c.amount_ore, payments.c.amount_ore)
    voucher = sa.func.coalesce(payment_values.c.voucher_id, payments.c.voucher_id)
    rows = connection.execute(
        sa.select(payments.c.payment_id, payments.c.currency, worth.label("worth"), debit.label("booked"))
        .outerjoin(payment_values, payment_values.c.payment_id == payments.c.payment_id)
        .outerjoin(postings, postings.c.voucher_id == voucher)
        .group_by(payments.c.payment_id, payments.c.currency, worth, payment_values.c.payment_id)
    )
    return [
        f"the payment {row.payment_id} differs from its voucher by {row.worth - int(row.booked or 0)} öre"
        for row in rows
        if row.worth != int(row.booked or 0) and (row.currency == HOME_CURRENCY or row.booked)
    ]


def _statements(connection: sa.Connection) -> list[str]:
    """Nothing of a statement is missing: a payment at least an entry that no other file brought."""
    rows = connection.execute(
        sa.select(
            statements.c.bank_id, statements.c.entries, sa.func.count(sa.distinct(payments.c.entry_key))
        )
        .outerjoin(payments, payments.c.statement_id == statements.c.statement_id)
        .group_by(statements.c.statement_id, statements.c.bank_id, statements.c.entries)
    )
    return [
        f"statement {bank_id} has {entries} entries and brought {brought}"
        for bank_id, entries, brought in rows
        if brought > entries
    ]


def _overdrawn(connection: sa.Connection) -> list[str]:
    """No more was booked of a payment than came."""
    return [
        f"more is booked of the payment {each.payment_id} than came: {each.rest_ore} öre"
        for each in queries.every_payment(connection)
        if each.rest_ore * (1 if each.told.is_credit else -1) < 0
    ]
