"""Move payments to where they belong, and back. Every move is a booking of its own; none is ever changed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from services.billing.commands.desk import Desk
from services.billing.domain.ledger import Posting
from services.billing.domain.matching import Allocation
from services.billing.domain.refusals import refuse_without_reason
from services.billing.payment_tables import payment_allocations, payment_bookings
from services.billing.queries import invoices as invoice_queries
from services.billing.queries import ledger as ledger_queries
from services.billing.queries import payments as queries
from services.billing.queries.payments import Booking, Kept, Part
from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused

MATCHED, CONFIRMED, MANUAL, UNDONE, REVERSED = "matched", "confirmed", "manual", "undone", "reversed"


def move(
    desk: Desk,
    booking_id: str,
    payment_id: str,
    allocations: Sequence[Allocation],
    reason: str,
    *,
    kind: str = MATCHED,
) -> None:
    """Put parts of a payment on invoices. Sent again with its id it is booked once.

    `reason` is why: what the payment was matched by, or a person's words. Raises Refused: booking_id_used,
    payment_unknown, payment_not_valued, nothing_to_book, payment_too_small, invoice_unknown,
    invoice_paid_too_much.
    """
    desk.take_turns()
    asked = [(each.invoice_id, each.amount_ore) for each in allocations]
    known = queries.booking_by_id(desk.unit.connection, booking_id)
    if known is not None:
        return _refuse_other(known, payment_id, [(p.invoice_id, p.amount_ore) for p in known.parts] == asked)
    payment = queries.payment(desk.unit.connection, payment_id)
    _refuse_impossible(payment, [ore for _, ore in asked])
    parts = [
        _on_invoice(desk, derived_id("billing", "allocation", booking_id, str(line)), payment, each)
        for line, each in enumerate(allocations, start=1)
    ]
    _keep(desk, Booking.made(booking_id, payment_id, kind, reason, parts))
    return None


def _on_invoice(desk: Desk, voucher_id: str, payment: Kept, allocation: Allocation) -> Part:
    invoice = invoice_queries.invoice(desk.unit.connection, allocation.invoice_id)
    if allocation.amount_ore > invoice.open_ore:
        raise Refused(
            Refusal(
                "invoice_paid_too_much",
                N_("Invoice %(number)s has less left to pay than that. Look at it again, then book."),
                {"number": invoice.number, "open_ore": invoice.open_ore},
            )
        )
    account = desk.chart.claim_of(invoice.payer_code, invoice.compensation_id)
    claim = Posting(account, -allocation.amount_ore, invoice.payer_code, invoice.invoice_id)
    text = f"Betalning av faktura {invoice.number}"
    _from_unallocated(desk, voucher_id, payment, claim, invoice.year, text=text)
    return Part(invoice.invoice_id, account, allocation.amount_ore, voucher_id)


def _from_unallocated(
    desk: Desk, voucher_id: str, payment: Kept, side: Posting, year: int, *, text: str
) -> None:
    sides = (Posting(desk.unallocated, -side.amount_ore, payment.payer_code), side)
    desk.book(voucher_id, payment.told.booked_on, year, text, sides)


def book_elsewhere(
    desk: Desk, booking_id: str, payment_id: str, account: str, amount_ore: int, *, reason: str
) -> None:
    """Move a part of what is left to an account that is no claim: a difference, a fee, something not ours.

    Of a payment out the amount is below zero, as its rest is. Raises Refused: account_not_by_hand,
    reason_missing, and those of move.
    """
    refuse_without_reason(reason)
    taken = {*desk.chart.claims, desk.chart.number("bank"), desk.unallocated}
    if account in taken or account not in desk.chart.names:
        raise Refused(
            Refusal(
                "account_not_by_hand",
                N_(
                    "Claims on payers follow invoices, credit notes and payments, and are not booked by hand."
                ),
                status=422,
            )
        )
    desk.take_turns()
    known = queries.booking_by_id(desk.unit.connection, booking_id)
    if known is not None:
        same = [(part.account, part.amount_ore) for part in known.parts] == [(account, amount_ore)]
        return _refuse_other(known, payment_id, same)
    payment = queries.payment(desk.unit.connection, payment_id)
    _refuse_impossible(payment, [amount_ore])
    voucher_id = derived_id("billing", "allocation", booking_id, "1")
    side = Posting(account, -amount_ore, payment.payer_code)
    _from_unallocated(desk, voucher_id, payment, side, payment.told.booked_on.year, text=reason)
    part = Part(None, account, amount_ore, voucher_id)
    _keep(desk, Booking.made(booking_id, payment_id, MANUAL, reason, [part]))
    return None


def _refuse_other(known: Booking, payment_id: str, same: bool) -> None:
    if known.payment_id != payment_id or not same:
        raise Refused(
            Refusal(
                "booking_id_used",
                N_("This form was already used for another booking. Reload the page and fill it in again."),
            )
        )


def _refuse_impossible(payment: Kept, amounts: Sequence[int]) -> None:
    if payment.worth_ore is None:
        raise Refused(
            Refusal(
                "payment_not_valued",
                N_("The payment is in %(currency)s. Say what it is worth in kronor first."),
                {"currency": payment.told.currency},
            )
        )
    sign = 1 if payment.told.is_credit else -1
    if not amounts or any(ore * sign <= 0 for ore in amounts):
        raise Refused(
            Refusal("nothing_to_book", N_("Write what to book where: an amount above 0 kr."), status=422)
        )
    if sum(amounts) * sign > payment.rest_ore * sign:
        raise Refused(
            Refusal(
                "payment_too_small",
                N_("There is less left of the payment than that. Look at it again, then book."),
                {"rest_ore": payment.rest_ore},
            )
        )


def _keep(desk: Desk, booking: Booking) -> None:
    desk.unit.execute(
        sa.insert(payment_bookings),
        {
            "booking_id": booking.booking_id,
            "payment_id": booking.payment_id,
            "kind": booking.kind,
            "reason": booking.reason.strip()[:500],
            "amount_ore": booking.amount_ore,
            "undoes_id": booking.undoes_id,
            "booked_by": desk.by,
            "booked_at": desk.unit.now,
        },
    )
    desk.unit.execute(
        sa.insert(payment_allocations),
        [
            {
                "booking_id": booking.booking_id,
                "line": line,
                "invoice_id": part.invoice_id,
                "account": part.account,
                "amount_ore": part.amount_ore,
                "voucher_id": part.voucher_id,
            }
            for line, part in enumerate(booking.parts, start=1)
        ],
    )


def undo(desk: Desk, new_id: str, booking_id: str, reason: str, *, kind: str = UNDONE) -> None:
    """Take a booking back: each of its vouchers gets its opposite, today. The payment has its rest again.

    Raises Refused: booking_unknown, booking_undone, booking_returned, reason_missing.
    """
    refuse_without_reason(reason)
    desk.take_turns()
    booking = queries.booking_by_id(desk.unit.connection, booking_id)
    if booking is None:
        raise Refused(Refusal("booking_unknown", N_("There is no such booking."), status=404))
    if booking.undone_by_id == new_id:
        return
    if booking.undone_by_id is not None or booking.undoes_id is not None:
        raise Refused(Refusal("booking_undone", N_("That booking is taken back already.")))
    parts = []
    for line, part in enumerate(booking.parts, start=1):
        voucher_id = derived_id("billing", "undo", new_id, str(line))
        _book_opposite(desk, voucher_id, part.voucher_id, reason)
        parts.append(Part(part.invoice_id, part.account, -part.amount_ore, voucher_id))
    _keep(desk, Booking.made(new_id, booking.payment_id, kind, reason, parts, undoes_id=booking_id))


def _book_opposite(desk: Desk, voucher_id: str, corrects_id: str, reason: str) -> None:
    booked = ledger_queries.voucher_by_id(desk.unit.connection, corrects_id)
    if booked is None:
        raise LookupError(f"the voucher {corrects_id} is not there")
    sides = tuple(Posting(p.account, -p.amount_ore, p.payer_code, p.invoice_id) for p in booked.postings)
    text = f"Återtagen bokning: {reason}"
    desk.book(voucher_id, desk.unit.today, booked.year, text, sides, corrects_id=corrects_id)
