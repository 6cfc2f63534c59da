"""What guardians owe a host for a term: each place's price by its lines, or what it cost to leave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.contracts.fact import LocalText

LEFT = "withdrawal"  # the rule of a line for a place that ended within its term


@dataclass(frozen=True, slots=True)
class FeeLine:
    """`rule` names the sentence of the host's rule book; a discount is below zero."""

    rule: str
    text: LocalText
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Fee:
    """What a place costs its family. `home` and `guardian_id` are None for a protected identity.

    `rental_ore` is the part of the total that rents an instrument. `voucher_ore` is what a Fritidskort pays:
    the family pays `total_ore`, the voucher's office this. `outcome` is set where the place ended within the
    term: its only line is then what leaving cost.
    """

    application_id: str
    course_id: str
    home: str | None
    guardian_id: str | None
    child_number: int
    course_number: int
    rents: str | None
    rental_ore: int
    voucher_ore: int
    total_ore: int
    lines: tuple[FeeLine, ...]
    outcome: str | None = None

    @property
    def sums_exactly(self) -> bool:
        return sum(line.amount_ore for line in self.lines) == self.total_ore


@dataclass(frozen=True, slots=True)
class RuleTotal:
    """A rule over all places: how many lines follow it and what they sum to."""

    rule: str
    text: LocalText
    count: int
    amount_ore: int


@dataclass(frozen=True, slots=True)
class StepTotal:
    """Places by which of the family's children the pupil is: the sibling step."""

    child_number: int
    count: int
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Basis:
    """The fee basis of a host and term. `unpriced` counts places whose price is not told yet."""

    term_id: str
    term: LocalText
    host: str
    fees: tuple[Fee, ...]
    unpriced: int

    def total(self, name: str) -> int:
        return sum(int(getattr(fee, name)) for fee in self.fees)

    @property
    def fees_ore(self) -> int:
        """Before rental and Fritidskort, what leaving cost among it."""
        return self.total("total_ore") - self.total("rental_ore") + self.total("voucher_ore")

    @property
    def by_rule(self) -> tuple[RuleTotal, ...]:
        """In the order of the rules' names; a rule whose words changed has a row for each."""
        lines = [line for fee in self.fees for line in fee.lines]
        return tuple(
            RuleTotal(rule, text, len(own), sum(line.amount_ore for line in own))
            for (rule, text), own in _grouped(lines)
        )

    @property
    def by_step(self) -> tuple[StepTotal, ...]:
        held = [fee for fee in self.fees if fee.outcome is None]
        return tuple(
            StepTotal(number, len(own), sum(fee.total_ore for fee in own))
            for number in sorted({fee.child_number for fee in held})
            if (own := [fee for fee in held if fee.child_number == number])
        )


def _grouped(lines: Sequence[FeeLine]) -> list[tuple[tuple[str, LocalText], list[FeeLine]]]:
    found: dict[tuple[str, LocalText], list[FeeLine]] = {}
    for line in lines:
        found.setdefault((line.rule, line.text), []).append(line)
    return sorted(found.items(), key=lambda item: (item[0][0], item[0][1].sv))
