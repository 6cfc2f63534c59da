"""Invariants of compensation for places, for `samklang check`."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from services.billing.queries import compensation as queries
from services.billing.queries.compensation import Run
from services.billing.tables import invoices, postings


def check_compensation(connection: sa.Connection) -> list[str]:
    """What does not hold, in words; empty when all is well."""
    runs = queries.every_run(connection)
    return [
        *(f"{_name(run)} is not what its frozen basis gives" for run in runs if not run.holds()),
        *(
            f"{_name(of_term[0])} asks {home} for something else than its newest issued version gives"
            for of_term in _by_term(runs)
            for home in _off_by_home_ore(connection, of_term)
        ),
        *(
            f"the compensation {each.run_id} claims {each.claimed_ore} öre, owes {each.owed_ore}, "
            f"asks for {each.asked_ore}"
            for each in _sides(connection)
            if each.off_ore
        ),
        *_bases(connection),
    ]


def off_by_year_ore(connection: sa.Connection) -> dict[int, int]:
    """By how many öre what is asked, claimed and owed for places differ; years in which they agree are 0."""
    found: dict[int, int] = {}
    for each in _sides(connection):
        found[each.year] = found.get(each.year, 0) + each.off_ore
    for of_term in _by_term(queries.every_run(connection)):
        year = of_term[0].basis.term.year
        found[year] = found.get(year, 0) + sum(_off_by_home_ore(connection, of_term).values())
    return found


def _by_term(runs: list[Run]) -> list[list[Run]]:
    terms: dict[str, list[Run]] = {}
    for run in runs:
        terms.setdefault(run.basis.term.term_id, []).append(run)
    return list(terms.values())


def _name(run: Run) -> str:
    return f"the compensation of {run.basis.term.term_id}, version {run.version},"


def _off_by_home_ore(connection: sa.Connection, runs: list[Run]) -> dict[str, int]:
    """What is asked of each home, host by host, less what the newest issued run gives; homes that differ."""
    issued = next((run for run in runs if run.issued_at is not None), None)
    asked = queries.asked_now(connection, queries.papers_of_term(connection, runs))
    off: dict[tuple[str, str], int] = {}
    for each in asked:
        for host, ore in each.hosts_ore.items():
            off[each.home, host] = off.get((each.home, host), 0) + ore
    for home, row in (issued.found.owed_ore() if issued else {}).items():
        for host, ore in row.items():
            off[home, host] = off.get((home, host), 0) - ore
    found: dict[str, int] = {}
    for (home, _host), ore in sorted(off.items()):
        if ore:
            found[home] = found.get(home, 0) + abs(ore)
    return found


@dataclass(frozen=True, slots=True)
class _Sides:
    """What a run's papers ask for, what their vouchers claim of homes, and what they owe hosts."""

    run_id: str
    year: int
    asked_ore: int
    claimed_ore: int
    owed_ore: int

    @property
    def off_ore(self) -> int:
        return abs(self.asked_ore - self.claimed_ore) + abs(self.claimed_ore - self.owed_ore)


def _sides(connection: sa.Connection) -> list[_Sides]:
    claim = sa.case((postings.c.invoice_id.is_not(None), postings.c.amount_ore), else_=0)
    debt = sa.case((postings.c.invoice_id.is_(None), -postings.c.amount_ore), else_=0)
    of_run = (invoices.c.compensation_id, invoices.c.year)
    of_compensation = invoices.c.compensation_id.is_not(None)
    rows = connection.execute(
        sa.select(*of_run, sa.func.sum(claim).label("claimed"), sa.func.sum(debt).label("owed"))
        .join(postings, postings.c.voucher_id == invoices.c.voucher_id)
        .where(of_compensation)
        .group_by(*of_run)
    ).all()
    asked = {
        run_id: int(ore)
        for run_id, ore in connection.execute(
            sa.select(invoices.c.compensation_id, sa.func.sum(invoices.c.amount_ore))
            .where(of_compensation)
            .group_by(invoices.c.compensation_id)
        )
    }
    return [
        _Sides(row.compensation_id, row.year, asked[row.compensation_id], int(row.claimed), int(row.owed))
        for row in rows
    ]


def _bases(connection: sa.Connection) -> list[str]:
    """A paper rests on a run of shares or on one of compensation, not on both or none."""
    both = invoices.c.run_id.is_not(None) == invoices.c.compensation_id.is_not(None)
    wrong = connection.scalar(sa.select(sa.func.count()).select_from(invoices).where(both))
    return [f"{wrong} papers do not say what they ask for"] if wrong else []
