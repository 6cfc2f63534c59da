"""Does everything agree, and where does a difference come from?

Equations for a year and each of its payers: the budget is the shares; a share is what was invoiced and
not credited, and what instalments to come ask for; what was invoiced is what the ledger claims; and what was
invoiced, less credits, payments and netting, is what is open. And that is what accounting is told by SIE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Paper:
    """An invoice or credit note as far as reconciling goes. A credit note has nothing open."""

    payer_code: str
    kind: str
    instalment: int
    version: int
    amount_ore: int
    open_ore: int
    due_on: date


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a difference comes from: `kind` names it, instalments and versions say which invoices."""

    kind: str
    ore: int
    instalments: tuple[int, ...] = ()
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A payer's year, in öre. `booked` is what the ledger claims for invoices and credit notes."""

    code: str
    name: str
    share_ore: int
    to_come_ore: int
    invoiced_ore: int
    credited_ore: int
    paid_ore: int
    netted_ore: int
    booked_ore: int
    balance_ore: int
    causes: tuple[Cause, ...]

    @property
    def asked_ore(self) -> int:
        return self.invoiced_ore - self.credited_ore

    @property
    def open_ore(self) -> int:
        return self.asked_ore - self.paid_ore - self.netted_ore

    @property
    def off_ore(self) -> int:
        """What the share lacks or has too much of, over invoices and instalments to come."""
        return self.share_ore - self.asked_ore - self.to_come_ore

    @property
    def off_ledger_ore(self) -> int:
        return self.asked_ore - self.booked_ore

    @property
    def agrees(self) -> bool:
        return not (self.off_ore or self.off_ledger_ore or self.open_ore - self.balance_ore)


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sums that must be the same; `left` and `right` name them."""

    name: str
    left_ore: int
    right_ore: int

    @property
    def off_ore(self) -> int:
        return self.left_ore - self.right_ore


@dataclass(frozen=True, slots=True)
class Reconciliation:
    year: int
    version: int
    budget_ore: int
    rows: tuple[Row, ...]
    ageing_ore: Mapping[str, Mapping[str, int]]
    sie_ore: int | None = None  # what SIE files, read back, leave open; None: not asked

    def total(self, name: str) -> int:
        return sum(int(getattr(row, name)) for row in self.rows)

    @property
    def equations(self) -> tuple[Equation, ...]:
        asked, to_come = self.total("asked_ore"), self.total("to_come_ore")
        settled = self.total("paid_ore") + self.total("netted_ore")
        found = (
            Equation("budget", self.budget_ore, self.total("share_ore")),
            Equation("shares", self.total("share_ore"), asked + to_come),
            Equation("ledger", asked, self.total("booked_ore")),
            Equation("open", asked - settled, self.total("balance_ore")),
        )
        if self.sie_ore is None:
            return found
        return (*found, Equation("sie", self.total("balance_ore"), self.sie_ore))

    @property
    def agrees(self) -> bool:
        return all(row.agrees for row in self.rows) and not any(each.off_ore for each in self.equations)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the newest run says: its version, the shares, and the instalments by number and payer."""

    year: int
    version: int
    budget_ore: int
    shares_ore: Mapping[str, int]
    instalments_ore: Mapping[int, Mapping[str, int]]
    issued: frozenset[int]

    def to_come_ore(self, code: str) -> int:
        if not self.instalments_ore:  # nobody has agreed when: all of it is to come
            return self.shares_ore.get(code, 0)
        return sum(row.get(code, 0) for n, row in self.instalments_ore.items() if n not in self.issued)

    def planned_ore(self, code: str, number: int) -> int:
        return self.instalments_ore.get(number, {}).get(code, 0)


def reconcile(
    plan: Plan,
    papers: Sequence[Paper],
    claims: Mapping[tuple[str, str], int],
    names: Mapping[str, str],
    today: date,
) -> Reconciliation:
    """`claims` is what each kind of voucher put on the claims accounts, by payer and kind, in öre.

    A year without instalments has nothing to come: its shares stand against its invoices as they are.
    """
    codes = sorted({*plan.shares_ore, *(each.payer_code for each in papers), *(code for code, _ in claims)})
    rows = tuple(_row(code, names.get(code, code), plan, papers, claims) for code in codes)
    return Reconciliation(plan.year, plan.version, plan.budget_ore, rows, ageing(papers, today))


def _row(
    code: str, name: str, plan: Plan, papers: Sequence[Paper], claims: Mapping[tuple[str, str], int]
) -> Row:
    own = [each for each in papers if each.payer_code == code]
    booked = {kind: ore for (payer, kind), ore in claims.items() if payer == code}
    return Row(
        code,
        name,
        plan.shares_ore.get(code, 0),
        plan.to_come_ore(code),
        sum(each.amount_ore for each in own if each.kind == "invoice"),
        -sum(each.amount_ore for each in own if each.kind == "credit_note"),
        -sum(ore for kind, ore in booked.items() if kind not in ("invoice", "credit_note", "netting")),
        -booked.get("netting", 0),
        booked.get("invoice", 0) + booked.get("credit_note", 0),
        sum(booked.values()),
        _causes(code, plan, own, booked),
    )


def _causes(code: str, plan: Plan, own: Sequence[Paper], booked: Mapping[str, int]) -> tuple[Cause, ...]:
    """A difference by what led to it: a newer version, a missing invoice, or a ledger that says otherwise."""
    causes = []
    stale: dict[int, int] = {}
    for number in sorted(plan.issued):
        asked = sum(each.amount_ore for each in own if each.instalment == number)
        off_ore = plan.planned_ore(code, number) - asked
        if off_ore:
            stale[number] = off_ore
    if stale:
        versions = sorted({p.version for p in own if p.instalment in stale and p.version != plan.version})
        kind = "earlier_version" if versions else "not_issued"
        causes.append(Cause(kind, sum(stale.values()), tuple(stale), tuple(versions)))
    claimed = booked.get("invoice", 0) + booked.get("credit_note", 0)
    off_ledger = sum(each.amount_ore for each in own) - claimed
    if off_ledger:
        causes.append(Cause("ledger", off_ledger))
    return tuple(causes)


def ageing(papers: Sequence[Paper], today: date) -> dict[str, dict[str, int]]:
    """What is open, by payer and how long it has been due; see BUCKETS."""
    found: dict[str, dict[str, int]] = {}
    for each in papers:
        if each.kind == "invoice" and each.open_ore:
            row = found.setdefault(each.payer_code, {})
            bucket = bucket_of(each.due_on, today)
            row[bucket] = row.get(bucket, 0) + each.open_ore
    return found


def bucket_of(due_on: date, today: date) -> str:
    overdue = (today - due_on).days
    if overdue <= 0:
        return "not_due"
    for first, last in ((1, 30), (31, 60), (61, 90)):
        if overdue <= last:
            return f"{first}-{last}"
    return "over_90"


BUCKETS = ("not_due", "1-30", "31-60", "61-90", "over_90")
