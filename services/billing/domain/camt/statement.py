"""What a statement says, whatever its version: entries, each with the payments in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

STATEMENT = "statement"  # camt.053: every booking of a time, with balances
NOTIFICATION = "notification"  # camt.054: single bookings, in more detail

HOME_CURRENCY = "SEK"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of an entry. Amounts in öre, or the hundredth of `currency`; always above 0.

    `is_credit` is whether money came in. `is_reversal` is whether the bank takes an earlier booking back:
    then a debit takes back an incoming payment, which had the same `end_to_end`. `original_currency` is set
    where the payer paid in another. `key` tells this payment from every other of the account, in whichever
    file it comes again.
    """

    key: str
    amount_ore: int
    currency: str
    is_credit: bool
    is_reversal: bool
    booked_on: date
    references: tuple[str, ...]
    message: str
    payer_name: str
    payer_account: str
    payer_organisation_number: str
    original_amount: str = ""
    original_currency: str = ""
    end_to_end: str = ""

    @property
    def signed_ore(self) -> int:
        return self.amount_ore if self.is_credit else -self.amount_ore


@dataclass(frozen=True, slots=True)
class Entry:
    """A booked line of the account. More than one payment: a batch, split."""

    key: str
    amount_ore: int
    currency: str
    is_credit: bool
    booked_on: date
    payments: tuple[Payment, ...]

    @property
    def signed_ore(self) -> int:
        return self.amount_ore if self.is_credit else -self.amount_ore


@dataclass(frozen=True, slots=True)
class Statement:
    """`opening_ore` and `closing_ore` are None where the bank says no booked balance.

    `pending` counts entries that are not booked yet; they come again when they are.
    """

    kind: str
    version: str
    message_id: str
    statement_id: str
    account: str
    currency: str
    opening_ore: int | None
    closing_ore: int | None
    entries: tuple[Entry, ...]
    pending: int

    @property
    def payments(self) -> tuple[Payment, ...]:
        return tuple(payment for entry in self.entries for payment in entry.payments)


@dataclass(frozen=True, slots=True)
class File:
    """A message can hold several statements. `digest` is of its bytes: the same file is known again by it."""

    digest: str
    statements: tuple[Statement, ...]


def key_of(*parts: str) -> str:
    """A short name for what the parts say together."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
