"""A year's budget by its lines, and what hosts spent on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.billing.domain.shares import MOST_BUDGET_ORE
from services.chassis.municipality import is_municipality_code
from services.chassis.refusals import N_, Refusal

# What the cooperation does together, in the order its budget lists it.
KINDS: Mapping[str, str] = {
    "study_days": N_("Study days"),
    "orchestra": N_("Orchestras"),
    "festival": N_("Festival"),
    "tour": N_("Workshop tour"),
    "coordination": N_("Coordination"),
    "other": N_("Other"),
}


@dataclass(frozen=True, slots=True)
class Line:
    kind: str
    text: str
    amount_ore: int


@dataclass(frozen=True, slots=True)
class Budget:
    """A version of a year's budget. `reason` says why it differs from the one before it."""

    year: int
    version: int
    lines: tuple[Line, ...]
    decided_by: str
    decided_on: date
    reason: str

    @property
    def total_ore(self) -> int:
        return sum(line.amount_ore for line in self.lines)

    def of_kind_ore(self, kind: str) -> int:
        return sum(line.amount_ore for line in self.lines if line.kind == kind)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a host municipality spent for the cooperation."""

    cost_id: str
    year: int
    kind: str
    host_code: str
    amount_ore: int
    spent_on: date
    text: str


def refusal_for_lines(lines: Sequence[Line]) -> Refusal | None:
    if not lines:
        return Refusal("budget_without_lines", N_("A budget needs at least one line."), status=422)
    for number, line in enumerate(lines, start=1):
        if line.kind not in KINDS:
            return Refusal(
                "budget_line_unknown",
                N_("Line %(line)s: %(kind)s is not a kind of cost that the cooperation has."),
                {"line": number, "kind": line.kind},
                status=422,
            )
        if line.amount_ore <= 0:
            return Refusal(
                "budget_line_not_positive",
                N_("Line %(line)s: an amount must be more than 0 kr."),
                {"line": number},
                status=422,
            )
    if sum(line.amount_ore for line in lines) > MOST_BUDGET_ORE:
        return Refusal(
            "budget_too_large",
            N_("That budget is larger than any cooperation's. Check the number of zeros."),
            status=422,
        )
    return None


def refusal_for_cost(cost: Cost, budget: Budget | None, today: date) -> Refusal | None:
    """Why a cost cannot be reported: it must be of a line that the year's budget has."""
    if not is_municipality_code(cost.host_code):
        return Refusal(
            "host_code_invalid",
            N_("The host must be a municipality, by its four digits."),
            status=422,
        )
    if not 0 < cost.amount_ore <= MOST_BUDGET_ORE:
        return Refusal("cost_not_positive", N_("A cost must be more than 0 kr."), status=422)
    if cost.spent_on > today or cost.spent_on.year != cost.year:
        return Refusal(
            "cost_day_impossible",
            N_("The money must have been spent in %(year)s, today at the latest."),
            {"year": cost.year},
            status=422,
        )
    if budget is None or cost.kind not in {line.kind for line in budget.lines}:
        return Refusal(
            "cost_without_budget_line",
            N_("The budget of %(year)s has no such line, so the cost has nothing to stand against."),
            {"year": cost.year},
        )
    return None
