"""Budgets by year and version, and what hosts spent on their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.billing.domain.budgets import KINDS, Budget, Cost, Line
from services.billing.tables import budget_lines, budgets, cost_decisions, costs


@dataclass(frozen=True, slots=True)
class ReportedCost:
    """`approved` None: nobody has decided."""

    cost: Cost
    reported_by: str
    approved: bool | None
    reason: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """A kind of cost: what the budget gives it, and what has been approved of what was reported."""

    kind: str
    texts: tuple[str, ...]
    budget_ore: int
    approved_ore: int
    waiting_ore: int

    @property
    def left_ore(self) -> int:
        return self.budget_ore - self.approved_ore


def budgets_of_year(connection: sa.Connection, year: int) -> list[Budget]:
    """Every version, the newest first."""
    rows = connection.execute(
        sa.select(budgets).where(budgets.c.year == year).order_by(budgets.c.version.desc())
    ).all()
    return [_budget(connection, row) for row in rows]


def newest_budget(connection: sa.Connection, year: int) -> Budget | None:
    return next(iter(budgets_of_year(connection, year)), None)


def budget_by_id(connection: sa.Connection, budget_id: str) -> Budget | None:
    row = connection.execute(sa.select(budgets).where(budgets.c.budget_id == budget_id)).first()
    return None if row is None else _budget(connection, row)


def _budget(connection: sa.Connection, row: sa.Row[Any]) -> Budget:
    lines = connection.execute(
        sa.select(budget_lines).where(budget_lines.c.budget_id == row.budget_id).order_by(budget_lines.c.line)
    )
    return Budget(
        row.year,
        row.version,
        tuple(Line(line.kind, line.text, line.amount_ore) for line in lines),
        row.decided_by,
        row.decided_on,
        row.reason,
    )


def costs_of_year(connection: sa.Connection, year: int) -> list[ReportedCost]:
    return _costs(connection, costs.c.year == year)


def cost_by_id(connection: sa.Connection, cost_id: str) -> ReportedCost | None:
    return next(iter(_costs(connection, costs.c.cost_id == cost_id)), None)


def _costs(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[ReportedCost]:
    rows = connection.execute(
        sa.select(costs, cost_decisions.c.approved, cost_decisions.c.reason, cost_decisions.c.decided_by)
        .join(cost_decisions, cost_decisions.c.cost_id == costs.c.cost_id, isouter=True)
        .where(where)
        .order_by(costs.c.spent_on, costs.c.cost_id)
    )
    return [
        ReportedCost(
            Cost(r.cost_id, r.year, r.kind, r.host_code, r.amount_ore, r.spent_on, r.text),
            r.reported_by,
            r.approved,
            r.reason or "",
            r.decided_by or "",
        )
        for r in rows
    ]


def outcome(budget: Budget, reported: Sequence[ReportedCost]) -> list[LineOutcome]:
    """Budget beside outcome, in the order of the kinds."""
    sums: dict[tuple[str, bool | None], int] = {}
    for each in reported:
        key = (each.cost.kind, each.approved)
        sums[key] = sums.get(key, 0) + each.cost.amount_ore
    return [
        LineOutcome(
            kind,
            tuple(line.text for line in budget.lines if line.kind == kind),
            budget.of_kind_ore(kind),
            sums.get((kind, True), 0),
            sums.get((kind, None), 0),
        )
        for kind in KINDS
        if budget.of_kind_ore(kind) or _has(sums, kind)
    ]


def _has(sums: Mapping[tuple[str, bool | None], int], kind: str) -> bool:
    return any(key[0] == kind and key[1] is not False for key in sums)
