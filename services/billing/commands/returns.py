"""Payments that go back, and payments in another currency."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.commands.allocations import REVERSED, undo
from services.billing.commands.desk import Desk
from services.billing.domain.ledger import Posting
from services.billing.domain.refusals import refuse_without_reason
from services.billing.payment_tables import payment_returns, payment_values
from services.billing.queries import payments as queries
from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused


def take_back(desk: Desk, payment_id: str, returns_id: str, reason: str) -> None:
    """A payment out takes from a payment in, and what that one had paid is open again.

    So both the bank's reversals and what was paid back of an overpayment. Raises Refused: payment_unknown,
    return_impossible, reason_missing.
    """
    refuse_without_reason(reason)
    desk.take_turns()
    connection = desk.unit.connection
    out, original = queries.payment(connection, payment_id), queries.payment(connection, returns_id)
    if out.returns_id == returns_id:
        return
    amount_ore = out.told.amount_ore
    if out.told.is_credit or not original.told.is_credit or out.rest_ore != -amount_ore:
        raise _impossible()
    if amount_ore > original.rest_ore:
        for booking in queries.bookings_of(connection, returns_id):
            if booking.undone_by_id is None and booking.undoes_id is None:
                undoing = derived_id("billing", "reversal", payment_id, booking.booking_id)
                undo(desk, undoing, booking.booking_id, reason, kind=REVERSED)
        original = queries.payment(connection, returns_id)
    if amount_ore > original.rest_ore:
        raise _impossible()
    row = {"payment_id": payment_id, "returns_id": returns_id, "reason": reason.strip()[:500]}
    desk.unit.execute(
        sa.insert(payment_returns), {**row, "recorded_by": desk.by, "recorded_at": desk.unit.now}
    )


def _impossible() -> Refused:
    return Refused(
        Refusal(
            "return_impossible",
            N_("Only a payment out that nothing explains yet can take back a payment in, at most all of it."),
        )
    )


def value(desk: Desk, payment_id: str, amount_ore: int, reason: str) -> None:
    """Say what a payment in another currency is worth, as the bank exchanged it. Once.

    Raises Refused: payment_unknown, payment_valued, nothing_to_book, reason_missing.
    """
    refuse_without_reason(reason)
    if not 0 < amount_ore <= 10**13:
        raise Refused(
            Refusal("nothing_to_book", N_("Write what to book where: an amount above 0 kr."), status=422)
        )
    desk.take_turns()
    payment = queries.payment(desk.unit.connection, payment_id)
    if payment.worth_ore is not None:
        if payment.worth_ore == amount_ore and payment.voucher_id is None:
            return
        raise Refused(Refusal("payment_valued", N_("What the payment is worth is known already.")))
    voucher_id = derived_id("billing", "payment-value", payment_id)
    day = payment.told.booked_on
    signed = amount_ore if payment.told.is_credit else -amount_ore
    sides = (
        Posting(desk.chart.number("bank"), signed),
        Posting(desk.unallocated, -signed, payment.payer_code),
    )
    desk.book(voucher_id, day, day.year, f"Betalning i {payment.told.currency} {day}", sides)
    desk.unit.execute(
        sa.insert(payment_values),
        {
            "payment_id": payment_id,
            "amount_ore": amount_ore,
            "reason": reason.strip()[:500],
            "voucher_id": voucher_id,
            "recorded_by": desk.by,
            "recorded_at": desk.unit.now,
        },
    )
