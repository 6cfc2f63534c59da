"""Netting: what the cooperation owes a host for approved costs is set off against what the host still owes.

The oldest invoice first, never more than either side. What is left of the costs is paid out, what is left of
the invoices is paid in; the settlement itself clears to zero over all parties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.billing.domain.ledger import Chart, Posting


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    invoice_id: str
    number: str
    payer_code: str
    due_on: date
    open_ore: int


@dataclass(frozen=True, slots=True)
class Setting:
    """A host's settlement; `parts` are the invoices with what is set off against each."""

    host_code: str
    owed_ore: int
    open_ore: int
    parts: tuple[tuple[OpenInvoice, int], ...]

    @property
    def netted_ore(self) -> int:
        return sum(ore for _invoice, ore in self.parts)

    @property
    def left_to_pay_out_ore(self) -> int:
        return self.owed_ore - self.netted_ore

    @property
    def left_to_pay_in_ore(self) -> int:
        return self.open_ore - self.netted_ore


def settings_of(owed_ore: Mapping[str, int], invoices: Sequence[OpenInvoice]) -> tuple[Setting, ...]:
    """A settlement for each host that is owed something, by its code."""
    found = []
    for host in sorted(code for code, ore in owed_ore.items() if ore > 0):
        own = sorted(
            (each for each in invoices if each.payer_code == host and each.open_ore > 0),
            key=lambda each: (each.due_on, each.number),
        )
        left, parts = owed_ore[host], []
        for each in own:
            ore = min(left, each.open_ore)
            if ore:
                parts.append((each, ore))
                left -= ore
        found.append(Setting(host, owed_ore[host], sum(each.open_ore for each in own), tuple(parts)))
    return tuple(found)


def postings_of(setting: Setting, chart: Chart) -> tuple[Posting, ...]:
    """The debt to the host is taken away, the claims on it too, and the clearing between them is zero."""
    host, ore = setting.host_code, setting.netted_ore
    return (
        Posting(chart.number("hosts_payable"), ore, host),
        Posting(chart.number("clearing"), -ore),
        Posting(chart.number("clearing"), ore),
        *(Posting(chart.receivable_of(host), -part, host, each.invoice_id) for each, part in setting.parts),
    )
