"""Double entry: a voucher's postings sum to zero, and nothing that is booked is ever changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.chassis.refusals import N_, Refusal

# What an account is used for; the chart of accounts says which number and name it has.
ROLES = (
    "bank",
    "receivable_municipalities",
    "receivable_region",
    "receivable_compensation",
    "shares_municipalities",
    "shares_region",
    "hosts_payable",
    "compensation_payable",
    "clearing",
    "unallocated_payments",
    "payment_differences",
    "cost_study_days",
    "cost_orchestra",
    "cost_festival",
    "cost_tour",
    "cost_coordination",
    "cost_other",
)
INVOICE, CREDIT_NOTE, PAYMENT, NETTING, COST, MANUAL = (
    "invoice",
    "credit_note",
    "payment",
    "netting",
    "cost",
    "manual",
)


@dataclass(frozen=True, slots=True)
class Account:
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart of accounts: an account for each of ROLES."""

    source: str
    accounts: Mapping[str, Account]

    def number(self, role: str) -> str:
        return self.accounts[role].number

    @property
    def names(self) -> dict[str, str]:
        return {account.number: account.name for account in self.accounts.values()}

    @property
    def receivables(self) -> tuple[str, str]:
        """Claims for cost shares: what the reconciliation of a year is about."""
        return self.number("receivable_municipalities"), self.number("receivable_region")

    @property
    def claims(self) -> tuple[str, ...]:
        """All claims on payers, those for places too: nobody books on them by hand."""
        return (*self.receivables, self.number("receivable_compensation"))

    def receivable_of(self, payer_code: str) -> str:
        return self.number("receivable_region" if len(payer_code) == 2 else "receivable_municipalities")

    def claim_of(self, payer_code: str, compensation_id: str | None) -> str:
        """The account of the claim that an invoice makes: for a share, or for the places of a run."""
        if compensation_id is not None:
            return self.number("receivable_compensation")
        return self.receivable_of(payer_code)

    def revenue_of(self, payer_code: str) -> str:
        return self.number("shares_region" if len(payer_code) == 2 else "shares_municipalities")


@dataclass(frozen=True, slots=True)
class Posting:
    """Debit above zero, credit below."""

    account: str
    amount_ore: int
    payer_code: str | None = None
    invoice_id: str | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """`year` is the budget year it belongs to, `booked_on` the day it is booked on."""

    voucher_id: str
    booked_on: date
    kind: str
    year: int
    text: str
    postings: tuple[Posting, ...]
    corrects_id: str | None = None


def reversed_postings(postings: Sequence[Posting]) -> tuple[Posting, ...]:
    return tuple(Posting(p.account, -p.amount_ore, p.payer_code, p.invoice_id) for p in postings)


def refusal_for_voucher(voucher: Voucher, chart: Chart, today: date) -> Refusal | None:
    if not voucher.text.strip():
        return Refusal("voucher_without_text", N_("Say what the voucher is about."), status=422)
    if voucher.booked_on > today:
        return Refusal("voucher_in_future", N_("A voucher cannot be booked on a day to come."), status=422)
    unknown = sorted({p.account for p in voucher.postings} - set(chart.names))
    if unknown:
        return Refusal(
            "account_unknown",
            N_("Account %(account)s is not in the chart of accounts."),
            {"account": ", ".join(unknown)},
            status=422,
        )
    off_ore = sum(posting.amount_ore for posting in voucher.postings)
    if off_ore or len(voucher.postings) < 2 or any(not posting.amount_ore for posting in voucher.postings):
        return Refusal(
            "voucher_not_balanced",
            N_("Debit and credit differ by %(ore)s öre, or a row is empty. A voucher must balance."),
            {"ore": off_ore},
            status=422,
        )
    return None


def month_of(day: date) -> date:
    return day.replace(day=1)


def month_after(month: date) -> date:
    return month_of(month + timedelta(days=31))


def refusal_to_close(month: date, closed: Sequence[date], today: date) -> Refusal | None:
    """A month is closed once, when it is over."""
    if month in closed:
        return Refusal("month_closed_already", N_("That month is closed already."))
    if month_after(month) > month_of(today):
        return Refusal(
            "month_not_over",
            N_("A month can be closed when it is over: this one from %(day)s."),
            {"day": month_after(month)},
        )
    return None


def first_open_day(day: date, closed: Sequence[date]) -> date:
    """`day` if its month is open, else the first day of the next month that is."""
    while month_of(day) in closed:
        day = month_after(month_of(day))
    return day
