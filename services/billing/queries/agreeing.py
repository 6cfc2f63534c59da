"""What a version of the agreement would change, before it is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from services.billing.domain.basis import Agreement, members_on
from services.billing.queries import basis, freezing
from services.billing.queries.basis import Run
from services.billing.queries.invoices import has_invoices
from services.chassis.refusals import Refusal, Refused


@dataclass(frozen=True, slots=True)
class PayerEffect:
    code: str
    name: str
    before_ore: int
    after_ore: int

    @property
    def delta_ore(self) -> int:
        return self.after_ore - self.before_ore


@dataclass(frozen=True, slots=True)
class YearEffect:
    """An opened year that the version would decide. `why_not` says why its shares could not be computed."""

    year: int
    has_invoices: bool
    population_date: date
    payers: tuple[PayerEffect, ...]
    why_not: Refusal | None = None

    @property
    def changes(self) -> bool:
        return any(each.delta_ore for each in self.payers)

    @property
    def total_delta_ore(self) -> int:
        """Zero: a budget is split anew, not made larger."""
        return sum(each.delta_ore for each in self.payers)


def effects(connection: sa.Connection, agreement: Agreement) -> tuple[YearEffect, ...]:
    """Every opened year on whose first day the version is valid, the newest first."""
    return tuple(
        _effect(connection, agreement, run)
        for run in basis.newest_runs(connection)
        if agreement.is_valid_on(members_on(run.basis.year))
    )


def _effect(connection: sa.Connection, agreement: Agreement, run: Run) -> YearEffect:
    year, before = run.basis.year, run.basis
    invoiced = has_invoices(connection, year)
    try:
        day = freezing.population_date_of(connection, agreement, year)
        after, shares = freezing.freeze(
            connection,
            agreement,
            year,
            day,
            budget_ore=before.budget_ore,
            budget_version=before.budget_version,
        )
        after.instalments()
    except Refused as error:
        return YearEffect(year, invoiced, before.population_date, (), error.refusal)
    names = {member.code: member.name for member in (*before.members, *after.members)}
    names |= {before.agreement.region_code: before.agreement.region_name}
    names |= {agreement.region_code: agreement.region_name}
    payers = (
        PayerEffect(code, names[code], run.shares_ore.get(code, 0), shares.by_payer.get(code, 0))
        for code in sorted(run.shares_ore.keys() | shares.by_payer.keys())
    )
    return YearEffect(year, invoiced, day, tuple(payers))
