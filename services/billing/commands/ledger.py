"""Book vouchers, reverse them, and close months. Nothing here changes what is booked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from services.billing.commands.numbers import hold_series, take_number
from services.billing.domain import ledger as rules
from services.billing.domain.ledger import Chart, Posting, Voucher
from services.billing.domain.refusals import VOUCHER_UNKNOWN, refuse_without_reason
from services.billing.queries import ledger as queries
from services.billing.tables import period_closings, postings, vouchers
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit


def series_of(day: date) -> str:
    return f"voucher:{day.year}"


def book(unit: Unit, voucher: Voucher, chart: Chart, by: str) -> int:
    """Keep a voucher; its number. A voucher that was kept before under its id is not kept again.

    Raises Refused: period_closed, voucher_id_used, and those of refusal_for_voucher.
    """
    refusal = rules.refusal_for_voucher(voucher, chart, unit.today)
    if refusal is not None:
        raise Refused(refusal)
    known = queries.voucher_by_id(unit.connection, voucher.voucher_id)
    if known is not None:
        return _again(known, voucher)
    # The number first: from here on nobody closes a month of this year until this unit has ended.
    number = take_number(unit, series_of(voucher.booked_on))
    refuse_closed(unit, voucher.booked_on)
    unit.execute(
        sa.insert(postings),
        [
            {
                "voucher_id": voucher.voucher_id,
                "line": line,
                "account": posting.account,
                "amount_ore": posting.amount_ore,
                "payer_code": posting.payer_code,
                "invoice_id": posting.invoice_id,
            }
            for line, posting in enumerate(voucher.postings, start=1)
        ],
    )
    unit.execute(
        sa.insert(vouchers),
        {
            "voucher_id": voucher.voucher_id,
            "series": series_of(voucher.booked_on),
            "number": number,
            "booked_on": voucher.booked_on,
            "kind": voucher.kind,
            "year": voucher.year,
            "text": voucher.text.strip(),
            "corrects_id": voucher.corrects_id,
            "booked_by": by,
            "booked_at": unit.now,
        },
    )
    return number


def _again(known: queries.Booked, voucher: Voucher) -> int:
    if (known.kind, known.postings) != (voucher.kind, voucher.postings):
        raise Refused(
            Refusal(
                "voucher_id_used",
                N_("This form was already used for another voucher. Reload the page and fill it in again."),
            )
        )
    return known.number


def refuse_closed(unit: Unit, day: date) -> None:
    """Raises Refused with the first day on which a correction can be booked."""
    closings = queries.closings(unit.connection)
    month = rules.month_of(day)
    if month not in closings:
        return
    raise Refused(
        Refusal(
            "period_closed",
            N_("The month of %(day)s is closed. Book the correction on %(open)s, which is open."),
            {"day": day, "open": min(unit.today, rules.first_open_day(day, list(closings)))},
        )
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A booking by hand: an amount from one account to another."""

    voucher_id: str
    year: int
    booked_on: date
    debit: str
    credit: str
    amount_ore: int
    reason: str


def book_by_hand(unit: Unit, entry: Entry, chart: Chart, by: str) -> int:
    """A booking between two accounts that no other command makes. Receivables belong to invoices alone.

    Raises Refused: account_not_by_hand, reason_missing, and those of book.
    """
    if {entry.debit, entry.credit} & set(chart.claims):
        raise Refused(
            Refusal(
                "account_not_by_hand",
                N_(
                    "Claims on payers follow invoices, credit notes and payments, and are not booked by hand."
                ),
                status=422,
            )
        )
    refuse_without_reason(entry.reason)
    sides = (Posting(entry.debit, entry.amount_ore), Posting(entry.credit, -entry.amount_ore))
    voucher = Voucher(entry.voucher_id, entry.booked_on, rules.MANUAL, entry.year, entry.reason, sides)
    return book(unit, voucher, chart, by)


def reverse(unit: Unit, voucher_id: str, chart: Chart, by: str, *, new_id: str, reason: str) -> int:
    """Take back a booking by hand with its opposite, today. Raises Refused."""
    booked = queries.voucher_by_id(unit.connection, voucher_id)
    if booked is None:
        raise Refused(VOUCHER_UNKNOWN)
    if booked.kind != rules.MANUAL:
        raise Refused(
            Refusal(
                "voucher_not_by_hand",
                N_(
                    "Only what was booked by hand is reversed here. "
                    "An invoice is corrected with a credit note."
                ),
            )
        )
    if booked.corrected_by is not None and booked.corrected_by != new_id:
        raise Refused(Refusal("voucher_reversed", N_("That voucher is reversed already.")))
    voucher = Voucher(
        new_id,
        unit.today,
        rules.MANUAL,
        booked.year,
        reason,
        rules.reversed_postings(booked.postings),
        voucher_id,
    )
    return book(unit, voucher, chart, by)


def refuse_other_year(unit: Unit, voucher_id: str, year: int) -> None:
    """Raises Refused where the voucher is of another budget year than its address says, or of none."""
    booked = queries.voucher_by_id(unit.connection, voucher_id)
    if booked is None or booked.year != year:
        raise Refused(VOUCHER_UNKNOWN)


def close_month(unit: Unit, month: date, by: str) -> None:
    """From now on nothing is booked in the month. Raises Refused: month_not_over, month_closed_already."""
    first = rules.month_of(month)
    hold_series(unit, series_of(first))
    refusal = rules.refusal_to_close(first, list(queries.closings(unit.connection)), unit.today)
    if refusal is not None:
        raise Refused(refusal)
    unit.execute(sa.insert(period_closings), {"month": first, "closed_by": by, "closed_at": unit.now})
