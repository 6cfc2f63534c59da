"""Take in a bank file: every payment gets its voucher and its home; what a reference decides is booked."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa

from services.billing.commands.allocations import move
from services.billing.commands.desk import Desk
from services.billing.commands.returns import take_back
from services.billing.domain import matching
from services.billing.domain.camt.reading import read_file
from services.billing.domain.camt.statement import HOME_CURRENCY, Entry, File, Payment, Statement
from services.billing.domain.ledger import Posting
from services.billing.domain.matching import Book, Earlier, Match
from services.billing.domain.refusals import refuse_without_reason
from services.billing.payment_tables import payments, statement_files, statements
from services.billing.queries import payments as queries
from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused

MOST_ORE = 10**13
BANK_REVERSAL = "bank_reversal"


@dataclass(frozen=True, slots=True)
class Imported:
    """`known` counts entries that another file had brought already; `again` is a file taken in before."""

    again: bool
    statements: int = 0
    payments: int = 0
    booked: int = 0
    waiting: int = 0
    known: int = 0
    pending: int = 0


def import_statement(desk: Desk, content: bytes, account: str) -> Imported:
    """Everything in the file, or nothing. The same file again changes nothing.

    Raises Refused: statement_changed, those of read_file, and those of the ledger's book.
    """
    file = read_file(content, account)
    desk.take_turns()
    if queries.file_by_digest(desk.unit.connection, file.digest) is not None:
        return Imported(again=True)
    fresh = _fresh(desk, file)
    if not any(entries for _, entries in fresh) and _all_known(desk, file):
        return Imported(again=True)
    file_id = derived_id("billing", "statement-file", file.digest)
    desk.unit.execute(
        sa.insert(statement_files),
        {"file_id": file_id, "digest": file.digest, "imported_by": desk.by, "imported_at": desk.unit.now},
    )
    intake = _Intake(desk)
    for statement, entries in fresh:
        statement_id = _keep_statement(desk, statement, file_id)
        for entry in entries:
            for payment in entry.payments:
                intake.take(payment, entry.key, statement_id)
    entries_in_all = sum(len(statement.entries) for statement in file.statements)
    return Imported(
        False,
        len(fresh),
        intake.taken,
        intake.booked,
        intake.taken - intake.booked,
        entries_in_all - sum(len(entries) for _, entries in fresh),
        sum(statement.pending for statement in file.statements),
    )


def _fresh(desk: Desk, file: File) -> list[tuple[Statement, list[Entry]]]:
    """The statements with the entries nobody has brought yet. Raises Refused: statement_changed."""
    keys = [entry.key for statement in file.statements for entry in statement.entries]
    seen = queries.known_entries(desk.unit.connection, keys)
    fresh = []
    for statement in file.statements:
        entries = [entry for entry in statement.entries if entry.key not in seen]
        seen |= {entry.key for entry in entries}
        if not _is_known(desk, statement):
            fresh.append((statement, entries))
        elif entries:
            raise Refused(
                Refusal(
                    "statement_changed",
                    N_(
                        "Statement %(statement)s was taken in before, and now says something else. Nothing "
                        "is taken in. Ask the bank which one holds."
                    ),
                    {"statement": statement.statement_id[:60]},
                    rule="statement-taken-in-once",
                )
            )
    return fresh


def _is_known(desk: Desk, statement: Statement) -> bool:
    return queries.statement_known(
        desk.unit.connection, statement.kind, statement.account, statement.statement_id[:200]
    )


def _all_known(desk: Desk, file: File) -> bool:
    return all(_is_known(desk, statement) for statement in file.statements)


def _keep_statement(desk: Desk, statement: Statement, file_id: str) -> str:
    statement_id = derived_id(
        "billing", "statement", statement.kind, statement.account, statement.statement_id
    )
    desk.unit.execute(
        sa.insert(statements),
        {
            "statement_id": statement_id,
            "file_id": file_id,
            "kind": statement.kind,
            "version": statement.version,
            "bank_id": statement.statement_id[:200],
            "account": statement.account,
            "opening_ore": statement.opening_ore,
            "closing_ore": statement.closing_ore,
            "entries": len(statement.entries),
            "pending": statement.pending,
        },
    )
    return statement_id


class _Intake:
    """Takes in payment after payment; each is matched against what the ones before it left open."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._book = queries.book_now(desk.unit.connection)
        self.taken = self.booked = 0

    def take(self, payment: Payment, entry_key: str, statement_id: str) -> None:
        found = matching.match(payment, self._book)
        payment_id = derived_id("billing", "payment", payment.key)
        _keep_payment(self._desk, payment_id, payment, found, (entry_key, statement_id))
        self.taken += 1
        self.booked += found.outcome in matching.DECIDED
        if found.allocations:
            booking_id = derived_id("billing", "booking", payment.key)
            move(self._desk, booking_id, payment_id, found.allocations, found.because)
        if found.reverses is not None:
            self._take_back(payment_id, found.reverses)
        else:
            self._remember(payment_id, payment, found)

    def _take_back(self, payment_id: str, reverses: str) -> None:
        take_back(self._desk, payment_id, reverses, BANK_REVERSAL)
        # What was paid is open again: the next payment of the file may be for it.
        self._book = queries.book_now(self._desk.unit.connection)

    def _remember(self, payment_id: str, payment: Payment, found: Match) -> None:
        paid = {each.invoice_id: each.amount_ore for each in found.allocations}
        items = [
            replace(item, open_ore=item.open_ore - paid.get(item.invoice_id, 0)) for item in self._book.items
        ]
        earlier = self._book.earlier
        if payment.is_credit and payment.currency == HOME_CURRENCY:
            earlier = [*earlier, _earlier(payment_id, payment)]
        self._book = Book([item for item in items if item.open_ore > 0], self._book.payers, earlier)


def _earlier(payment_id: str, payment: Payment) -> Earlier:
    return Earlier(
        payment_id,
        payment.amount_ore,
        payment.references,
        payment.payer_account,
        payment.payer_organisation_number,
        payment.booked_on,
        payment.end_to_end,
    )


def _keep_payment(
    desk: Desk, payment_id: str, payment: Payment, found: Match, origin: tuple[str, str | None]
) -> None:
    """The payment's row, and the voucher that brings it from the bank to the unallocated payments.

    `origin` is the key of its entry and its statement, None where a person recorded it.
    """
    voucher_id = None
    if payment.currency == HOME_CURRENCY:
        voucher_id = derived_id("billing", "payment-voucher", payment_id)
        day = payment.booked_on
        sides = (
            Posting(desk.chart.number("bank"), payment.signed_ore),
            Posting(desk.unallocated, -payment.signed_ore, found.payer_code),
        )
        # Who paid is on the payment and not in the voucher's text: vouchers leave the house.
        text = f"Inbetalning {day.isoformat()}" if payment.is_credit else f"Utbetalning {day.isoformat()}"
        desk.book(voucher_id, day, day.year, text, sides)
    desk.unit.execute(
        sa.insert(payments),
        {
            "payment_id": payment_id,
            "key": payment.key,
            "entry_key": origin[0],
            "statement_id": origin[1],
            "amount_ore": payment.amount_ore,
            "currency": payment.currency,
            "is_credit": payment.is_credit,
            "is_reversal": payment.is_reversal,
            "booked_on": payment.booked_on,
            "references": json.dumps(payment.references),
            "message": payment.message,
            "payer_name": payment.payer_name,
            "payer_account": payment.payer_account,
            "payer_organisation_number": payment.payer_organisation_number,
            "end_to_end": payment.end_to_end,
            "original_amount": payment.original_amount,
            "original_currency": payment.original_currency,
            "outcome": found.outcome,
            "payer_code": found.payer_code,
            "voucher_id": voucher_id,
            "recorded_by": desk.by,
            "recorded_at": desk.unit.now,
        },
    )


def record_payment(
    desk: Desk,
    payment_id: str,
    amount_ore: int,
    booked_on: date,
    payer_code: str | None,
    *,
    reason: str,
) -> None:
    """A payment that no bank file brings, with why. Sent again with its id it is recorded once.

    Raises Refused: payment_amount_impossible, payment_day_impossible, reason_missing, payment_id_used.
    """
    refuse_without_reason(reason)
    if not 0 < amount_ore <= MOST_ORE:
        raise Refused(
            Refusal("payment_amount_impossible", N_("An amount must be more than 0 kr."), status=422)
        )
    if booked_on > desk.unit.today:
        raise Refused(
            Refusal("payment_day_impossible", N_("A payment cannot have come on a day to come."), status=422)
        )
    desk.take_turns()
    message = reason.strip()[:500]
    told = Payment(payment_id, amount_ore, HOME_CURRENCY, True, False, booked_on, (), message, "", "", "")
    known = queries.payment_by_key(desk.unit.connection, payment_id)
    if known is None:
        found = Match(matching.UNKNOWN, (), amount_ore, payer_code)
        _keep_payment(desk, payment_id, told, found, (payment_id, None))
    elif (known.told, known.payer_code) != (told, payer_code):
        raise Refused(
            Refusal(
                "payment_id_used",
                N_("This form was already used for another payment. Reload the page and fill it in again."),
            )
        )
