"""Where an incoming payment belongs.

In order: what is not in kronor waits; what the bank takes back is led to the payment it took back; a payment
reference decides by itself; then amount and payer only suggest, and a person confirms. What nobody claims
stays visible as unknown. Every öre of a payment is either allocated to invoices or left as rest: never both,
never neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from services.billing.domain.camt.statement import HOME_CURRENCY, Payment
from services.billing.domain.references import ReferenceKind, is_reference, references_in

EXACT = "exact"
PARTIAL = "partial"
OVER = "over"
SUGGESTED = "suggested"
UNKNOWN = "unknown"
FOREIGN_CURRENCY = "foreign_currency"
REVERSED = "reversed"
REVERSAL_UNKNOWN = "reversal_unknown"
OUTGOING = "outgoing"

OUTCOMES = (EXACT, PARTIAL, OVER, SUGGESTED, UNKNOWN, FOREIGN_CURRENCY, REVERSED, REVERSAL_UNKNOWN, OUTGOING)
# Booked without a person: the reference itself says what it is for.
DECIDED = frozenset({EXACT, PARTIAL, OVER, REVERSED})

BY_REFERENCE = "reference"
BY_REFERENCE_IN_MESSAGE = "reference_in_message"
BY_NUMBER_IN_MESSAGE = "invoice_number_in_message"
BY_AMOUNT_AND_PAYER = "amount_and_payer"
BY_SUM_OF_PAYER = "sum_of_payer"
BY_AMOUNT = "amount"
BY_PAYER = "payer"


@dataclass(frozen=True, slots=True)
class Payer:
    """How a payer is known on a statement: by number, by account, or by a name the bank writes."""

    code: str
    name: str
    organisation_number: str = ""
    accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice with what is left to pay of it."""

    invoice_id: str
    number: str
    payer_code: str
    reference: str
    open_ore: int
    due_on: date


@dataclass(frozen=True, slots=True)
class Allocation:
    invoice_id: str
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a person may confirm, and why it is offered. The allocations never exceed the payment."""

    allocations: tuple[Allocation, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Match:
    """`rest_ore` is what the allocations leave of the payment; `reverses` is the taken-back payment's key."""

    outcome: str
    allocations: tuple[Allocation, ...]
    rest_ore: int
    payer_code: str | None = None
    suggestions: tuple[Suggestion, ...] = ()
    because: str = ""
    reverses: str | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A payment that was taken in before, and where it went."""

    key: str
    amount_ore: int
    references: tuple[str, ...]
    payer_account: str
    payer_organisation_number: str
    booked_on: date
    end_to_end: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """What a payment is held against."""

    items: Sequence[OpenItem]
    payers: Mapping[str, Payer]
    earlier: Sequence[Earlier] = ()
    kind: ReferenceKind = field(default_factory=ReferenceKind)


def match(payment: Payment, book: Book) -> Match:
    """Where `payment` belongs, given what is open now. A pure function: the same in, the same out."""
    if payment.currency != HOME_CURRENCY:
        return Match(FOREIGN_CURRENCY, (), payment.amount_ore, payer_of(payment, book.payers))
    if not payment.is_credit:
        return _taken_back(payment, book) if payment.is_reversal else Match(OUTGOING, (), payment.amount_ore)
    for because, items in _named(payment, book):
        if items:
            return _allocate(payment.amount_ore, items, because)
    payer = payer_of(payment, book.payers)
    suggestions = _suggestions(payment.amount_ore, payer, book.items)
    outcome = SUGGESTED if suggestions else UNKNOWN
    return Match(outcome, (), payment.amount_ore, payer, suggestions)


def match_all(payments: Sequence[Payment], book: Book) -> list[Match]:
    """Each in turn, against what the earlier ones left open."""
    open_ore = {item.invoice_id: item.open_ore for item in book.items}
    matches = []
    for payment in payments:
        items = [
            replace(item, open_ore=open_ore[item.invoice_id])
            for item in book.items
            if open_ore[item.invoice_id] > 0
        ]
        found = match(payment, replace(book, items=items))
        for allocation in found.allocations:
            open_ore[allocation.invoice_id] -= allocation.amount_ore
        matches.append(found)
    return matches


def payer_of(payment: Payment, payers: Mapping[str, Payer]) -> str | None:
    """Who paid, if exactly one payer fits: by number first, then by account, then by the whole name."""
    name = _plain(payment.payer_name)
    tests = (
        lambda payer: (
            payer.organisation_number != "" and payer.organisation_number == payment.payer_organisation_number
        ),
        lambda payer: payment.payer_account != "" and payment.payer_account in payer.accounts,
        lambda payer: name != "" and name in (_plain(payer.name), _plain(f"{payer.name} kommun")),
    )
    for fits in tests:
        found = [code for code, payer in sorted(payers.items()) if fits(payer)]
        if len(found) == 1:
            return found[0]
    return None


def _plain(name: str) -> str:
    """`Västerås stad` and `VÄSTERÅS STAD` are one; so are Norberg and Norbergs kommun."""
    words = "".join(c if c.isalnum() else " " for c in name.casefold()).split()
    if len(words) > 1 and words[-1] in ("kommun", "stad"):
        words = [*words[:-2], words[-2].removesuffix("s")]
    return " ".join(words)


def _named(payment: Payment, book: Book) -> Sequence[tuple[str, list[OpenItem]]]:
    """Items the payment names, by what it names them with."""
    structured = {"".join(each.split()) for each in payment.references}
    written = set(references_in(payment.message, book.kind))
    return (
        (BY_REFERENCE, _of_references(structured, book)),
        (BY_REFERENCE_IN_MESSAGE, _of_references(written, book)),
        (BY_NUMBER_IN_MESSAGE, [item for item in book.items if item.number in structured]),
    )


def _of_references(references: set[str], book: Book) -> list[OpenItem]:
    valid = {each for each in references if is_reference(each, book.kind)}
    return [item for item in book.items if item.reference in valid and item.open_ore > 0]


def _allocate(amount_ore: int, items: Sequence[OpenItem], because: str) -> Match:
    """To the named invoices, the one due first first; what is left over is the payer's."""
    left, allocations = amount_ore, []
    ordered = sorted(items, key=lambda item: (item.due_on, item.invoice_id))
    for item in ordered:
        part = min(left, item.open_ore)
        if part > 0:
            allocations.append(Allocation(item.invoice_id, part))
            left -= part
    open_ore = sum(item.open_ore for item in ordered)
    outcome = OVER if left else EXACT if amount_ore == open_ore else PARTIAL
    return Match(outcome, tuple(allocations), left, ordered[0].payer_code, because=because)


def _suggestions(amount_ore: int, payer: str | None, items: Sequence[OpenItem]) -> tuple[Suggestion, ...]:
    """At most five, the likeliest first. An amount alone suggests only where few invoices have it."""
    open_items = sorted(
        (item for item in items if item.open_ore > 0), key=lambda item: (item.due_on, item.invoice_id)
    )
    theirs = [item for item in open_items if item.payer_code == payer]
    found: dict[tuple[Allocation, ...], str] = {}
    for item in theirs:
        if item.open_ore == amount_ore:
            found.setdefault(_whole(item), BY_AMOUNT_AND_PAYER)
    if theirs and sum(item.open_ore for item in theirs) == amount_ore:
        found.setdefault(tuple(each for item in theirs for each in _whole(item)), BY_SUM_OF_PAYER)
    if not found:
        for item in open_items:
            if item.open_ore == amount_ore:
                found.setdefault(_whole(item), BY_AMOUNT)
    if not found and theirs:
        found[_allocate(amount_ore, theirs, BY_PAYER).allocations] = BY_PAYER
    return tuple(Suggestion(allocations, because) for allocations, because in list(found.items())[:5])


def _whole(item: OpenItem) -> tuple[Allocation, ...]:
    return (Allocation(item.invoice_id, item.open_ore),)


def _taken_back(payment: Payment, book: Book) -> Match:
    """The bank takes a payment back: the same amount, and the same reference or payer; the newest fits."""
    fits = [
        each
        for each in book.earlier
        if each.amount_ore == payment.amount_ore
        and each.booked_on <= payment.booked_on
        and (
            (payment.end_to_end and payment.end_to_end == each.end_to_end)
            or set(payment.references) & set(each.references)
            or (payment.payer_account and payment.payer_account == each.payer_account)
            or (
                payment.payer_organisation_number
                and payment.payer_organisation_number == each.payer_organisation_number
            )
        )
    ]
    if not fits:
        return Match(REVERSAL_UNKNOWN, (), payment.amount_ore, payer_of(payment, book.payers))
    newest = max(fits, key=lambda each: (each.booked_on, each.key))
    return Match(REVERSED, (), 0, payer_of(payment, book.payers), reverses=newest.key)
