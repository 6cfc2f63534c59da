"""Population figures, and the runs that compute a year's shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from services.billing.domain import basis as rules
from services.billing.domain import populations as population_rules
from services.billing.domain.agreements import as_text, terms_document
from services.billing.domain.basis import Basis
from services.billing.domain.populations import Figure
from services.billing.domain.refusals import RUN_ID_USED
from services.billing.domain.shares import Shares
from services.billing.queries import basis as queries
from services.billing.queries import freezing
from services.billing.queries.budgets import newest_budget
from services.billing.queries.invoices import has_invoices
from services.billing.tables import (
    budget_years,
    populations,
    share_run_instalments,
    share_run_members,
    share_run_memberships,
    share_run_parts,
    share_runs,
)
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit
from services.contracts.billing import CostShare, CostSharesComputed


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many figures were the first of their date, changed an earlier one, or were known already."""

    first: int
    revised: int
    unchanged: int


def record_populations(unit: Unit, figures: Sequence[Figure], by: str) -> Recorded:
    """Keep figures; one that differs from what is known becomes a new vintage, and counts from now on.

    All of them or none. Raises Refused, naming the row.
    """
    for row, figure in enumerate(figures, start=1):
        refusal = population_rules.refusal_for(figure, row, unit.today)
        if refusal is not None:
            raise Refused(refusal)
    _refuse_twice_given(figures)
    first = revised = 0
    for day in sorted({figure.reference_date for figure in figures}):
        known = queries.newest_figures(unit.connection, day)
        for figure in figures:
            if figure.reference_date != day:
                continue
            before = known.get(figure.municipality_code)
            if before is not None and (before.population, before.source) == (
                figure.population,
                figure.source.strip(),
            ):
                continue
            _add_vintage(unit, figure, 1 if before is None else before.vintage + 1, by)
            first += before is None
            revised += before is not None
    return Recorded(first, revised, len(figures) - first - revised)


def _refuse_twice_given(figures: Sequence[Figure]) -> None:
    seen: dict[tuple[str, date], int] = {}
    for row, figure in enumerate(figures, start=1):
        earlier = seen.setdefault((figure.municipality_code, figure.reference_date), row)
        if earlier != row:
            raise Refused(
                Refusal(
                    "population_given_twice",
                    N_("Rows %(earlier)s and %(row)s are both about %(municipality)s on %(day)s. Keep one."),
                    {
                        "earlier": earlier,
                        "row": row,
                        "municipality": figure.municipality_code,
                        "day": figure.reference_date,
                    },
                    status=422,
                )
            )


def _add_vintage(unit: Unit, figure: Figure, vintage: int, by: str) -> None:
    added = unit.execute(
        insert_ignoring(unit.connection, populations),
        {
            "municipality_code": figure.municipality_code,
            "reference_date": figure.reference_date,
            "vintage": vintage,
            "population": figure.population,
            "source": figure.source.strip(),
            "published_on": figure.published_on,
            "recorded_by": by,
            "recorded_at": unit.now,
        },
    )
    if added.rowcount != 1:
        # Somebody else committed this vintage between our look and our insert.
        raise Refused(
            Refusal(
                "population_changed_meanwhile",
                N_(
                    "Somebody recorded a figure for %(municipality)s at the same moment. "
                    "Look at it, then try again."
                ),
                {"municipality": figure.municipality_code},
            )
        )


def open_year(
    unit: Unit,
    year: int,
    budget_ore: int,
    population_date: date,
    by: str,
    *,
    run_id: str | None = None,
    budget_version: int | None = None,
) -> str:
    """Freeze the year's basis, compute its shares and say so; the id of the run that holds.

    The same basis as the year's newest run gives that run. Another one gives the next version, and the
    earlier runs are kept. A caller that tries again with its `run_id` gets its run, whatever came after.

    Raises Refused: year_unknown, population_date_in_future, agreement_missing, run_id_used, and those of
    compute_shares.
    """
    refusal = rules.refusal_for_year(year, population_date, unit.today)
    if refusal is not None:
        raise Refused(refusal)
    lock_year(unit, year)
    if run_id is not None:
        earlier = queries.run_by_id(unit.connection, run_id)
        if earlier is not None:
            return _again(earlier, year, budget_ore, population_date)
    agreement = freezing.agreement_of(unit.connection, year)
    basis, shares = freezing.freeze(
        unit.connection,
        agreement,
        year,
        population_date,
        budget_ore=budget_ore,
        budget_version=budget_version,
    )
    runs = queries.runs_of_year(unit.connection, year)
    if runs and runs[0].basis.decides == basis.decides:
        return runs[0].run_id
    _refuse_another_budget_after_issue(unit, runs, basis)
    version = runs[0].version + 1 if runs else 1
    return _keep(unit, run_id or new_id(), version, basis, shares, by=by)


def compute_year(unit: Unit, year: int, by: str, *, run_id: str | None = None) -> str:
    """Compute a year from its decided budget and the population its agreement says; the id of the run.

    Raises Refused: budget_missing, population_missing, and those of open_year.
    """
    lock_year(unit, year)
    if run_id is not None:
        earlier = queries.run_by_id(unit.connection, run_id)
        if earlier is not None and earlier.basis.year == year:
            return earlier.run_id
    budget = newest_budget(unit.connection, year)
    if budget is None:
        raise Refused(
            Refusal(
                "budget_missing",
                N_("There is no budget for %(year)s yet. Record it with its lines first."),
                {"year": year},
            )
        )
    agreement = freezing.agreement_of(unit.connection, year)
    day = freezing.population_date_of(unit.connection, agreement, year)
    return open_year(unit, year, budget.total_ore, day, by, run_id=run_id, budget_version=budget.version)


def _refuse_another_budget_after_issue(unit: Unit, runs: list[queries.Run], basis: Basis) -> None:
    """Another sum for a year with invoices is a decision, kept with its reason as a version of the budget."""
    if not runs or basis.budget_version is not None or runs[0].basis.budget_ore == basis.budget_ore:
        return
    if has_invoices(unit.connection, basis.year):
        raise Refused(
            Refusal(
                "budget_changed_after_issue",
                N_(
                    "Invoices of %(year)s are issued on another budget. Record the new budget with the "
                    "reason for the change; the invoices are then corrected."
                ),
                {"year": basis.year},
            )
        )


def lock_year(unit: Unit, year: int) -> None:
    """Two who open the same year at once take turns, so that the second sees what the first did."""
    unit.execute(insert_ignoring(unit.connection, budget_years), {"year": year, "opened_at": unit.now})
    unit.execute(sa.select(budget_years).where(budget_years.c.year == year).with_for_update())


def _again(earlier: queries.Run, year: int, budget_ore: int, population_date: date) -> str:
    basis = earlier.basis
    if (basis.year, basis.budget_ore, basis.population_date) != (year, budget_ore, population_date):
        raise Refused(RUN_ID_USED)
    return earlier.run_id


def _keep(unit: Unit, run_id: str, version: int, basis: Basis, shares: Shares, *, by: str) -> str:
    agreement = basis.agreement
    unit.execute(
        sa.insert(share_runs),
        {
            "run_id": run_id,
            "year": basis.year,
            "version": version,
            "budget_ore": basis.budget_ore,
            "population_date": basis.population_date,
            "agreement_version": agreement.version,
            "agreement_sv": agreement.text.sv,
            "agreement_en": agreement.text.en,
            "region_code": agreement.region_code,
            "region_name": agreement.region_name,
            "region_percent": agreement.region_percent,
            "terms": as_text(terms_document(agreement.terms)) if agreement.terms else None,
            "budget_version": basis.budget_version,
            "digest": rules.digest(basis, shares),
            "opened_by": by,
            "opened_at": unit.now,
        },
    )
    unit.execute(
        sa.insert(share_run_members),
        [
            {
                "run_id": run_id,
                "municipality_code": member.code,
                "name": member.name,
                "population": member.population,
                "vintage": member.vintage,
                "source": member.source,
            }
            for member in basis.members
        ],
    )
    _keep_instalments(unit, run_id, basis)
    by_payer = shares.by_payer
    unit.execute(
        sa.insert(share_run_parts),
        [{"run_id": run_id, "payer_code": code, "share_ore": ore} for code, ore in by_payer.items()],
    )
    unit.record(
        CostSharesComputed(
            run_id=run_id,
            year=basis.year,
            budget_ore=basis.budget_ore,
            population_date=basis.population_date,
            shares=tuple(CostShare(code, ore) for code, ore in by_payer.items()),
        )
    )
    return run_id


def _keep_instalments(unit: Unit, run_id: str, basis: Basis) -> None:
    if basis.agreement.terms is None:
        return
    unit.execute(
        sa.insert(share_run_memberships),
        [
            {
                "run_id": run_id,
                "municipality_code": span.code,
                "joined_on": span.joined_on,
                "left_on": span.left_on,
                "name": span.name,
            }
            for span in basis.memberships
        ],
    )
    unit.execute(
        sa.insert(share_run_instalments),
        [
            {"run_id": run_id, "number": each.period.number, "payer_code": code, "amount_ore": ore}
            for each in basis.instalments()
            for code, ore in each.amounts_ore.items()
        ],
    )
