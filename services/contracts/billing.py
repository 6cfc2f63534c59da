"""Facts billing publishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.contracts.fact import Fact


@dataclass(frozen=True, slots=True)
class CostShare:
    payer_code: str  # a municipality's code, or the county's for the region
    share_ore: int


@dataclass(frozen=True, slots=True)
class CostSharesComputed(Fact):
    """A year's budget split over the region and the members; the shares sum exactly to the budget."""

    NAME, VERSION, SOURCE, SUBJECT = "cost_shares_computed", 1, "billing", "run_id"

    run_id: str
    year: int
    budget_ore: int
    population_date: date
    shares: tuple[CostShare, ...]


@dataclass(frozen=True, slots=True)
class InvoiceIssued(Fact):
    """An invoice, or a credit note (`kind` credit_note, below zero) that takes back the one it names.

    `term_id` is the term whose places it compensates hosts for, `instalment` then 0; None for a cost share.
    """

    NAME, VERSION, SOURCE, SUBJECT = "invoice_issued", 1, "billing", "invoice_id"

    invoice_id: str
    number: str
    kind: str
    year: int
    instalment: int
    payer_code: str
    amount_ore: int
    due_on: date
    credits_id: str | None
    term_id: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceReminded(Fact):
    """A late invoice's reminder. `level` counts from 1, `open_ore` is what was left to pay that day."""

    NAME, VERSION, SOURCE, SUBJECT = "invoice_reminded", 1, "billing", "invoice_id"

    reminder_id: str
    number: str
    invoice_id: str
    invoice_number: str
    year: int
    payer_code: str
    level: int
    open_ore: int
    due_on: date
    pay_by: date


FACTS: tuple[type[Fact], ...] = (CostSharesComputed, InvoiceIssued, InvoiceReminded)
