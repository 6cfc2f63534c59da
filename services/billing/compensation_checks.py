"""Invariants of compensation for places, for `samklang check`."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.queries import compensation as queries
from services.billing.queries.compensation import Run
from services.billing.tables import invoices, postings


def check_compensation(connection: sa.Connection) -> list[str]:
    """What does not hold, in words; empty when all is well."""
    runs = queries.every_run(connection)
    terms: dict[str, list[Run]] = {}
    for run in runs:
        terms.setdefault(run.basis.term.term_id, []).append(run)
    return [
        *(f"{_name(run)} is not what its frozen basis gives" for run in runs if not run.holds()),
        *(finding for of_term in terms.values() for finding in _asked(connection, of_term)),
        *_sides(connection),
        *_bases(connection),
    ]


def _name(run: Run) -> str:
    return f"the compensation of {run.basis.term.term_id}, version {run.version},"


def _asked(connection: sa.Connection, runs: list[Run]) -> list[str]:
    """What is asked of each home, host by host, is what the newest issued run gives."""
    issued = next((run for run in runs if run.issued_at is not None), None)
    asked = queries.asked_now(connection, queries.papers_of_term(connection, runs))
    found = {each.home: {host: ore for host, ore in each.hosts_ore.items() if ore} for each in asked}
    owed = issued.found.owed_ore() if issued else {}
    wanted = {home: {host: ore for host, ore in row.items() if ore} for home, row in owed.items()}
    return [
        f"{_name(runs[0])} asks {home} for something else than its newest issued version gives"
        for home in sorted(found.keys() | wanted.keys())
        if found.get(home, {}) != wanted.get(home, {})
    ]


def _sides(connection: sa.Connection) -> list[str]:
    """What is claimed of homes for a run is what hosts are owed for it."""
    claim = sa.case((postings.c.invoice_id.is_not(None), postings.c.amount_ore), else_=0)
    debt = sa.case((postings.c.invoice_id.is_(None), -postings.c.amount_ore), else_=0)
    rows = connection.execute(
        sa.select(invoices.c.compensation_id, sa.func.sum(claim), sa.func.sum(debt))
        .join(postings, postings.c.voucher_id == invoices.c.voucher_id)
        .where(invoices.c.compensation_id.is_not(None))
        .group_by(invoices.c.compensation_id)
    )
    amounts = {
        run_id: int(ore)
        for run_id, ore in connection.execute(
            sa.select(invoices.c.compensation_id, sa.func.sum(invoices.c.amount_ore))
            .where(invoices.c.compensation_id.is_not(None))
            .group_by(invoices.c.compensation_id)
        )
    }
    return [
        f"the compensation {run_id} claims {int(claimed)} öre, owes {int(owed)}, asks for {amounts[run_id]}"
        for run_id, claimed, owed in rows
        if not int(claimed) == int(owed) == amounts[run_id]
    ]


def _bases(connection: sa.Connection) -> list[str]:
    """A paper rests on a run of shares or on one of compensation, not on both or none."""
    both = invoices.c.run_id.is_not(None) == invoices.c.compensation_id.is_not(None)
    wrong = connection.scalar(sa.select(sa.func.count()).select_from(invoices).where(both))
    return [f"{wrong} papers do not say what they ask for"] if wrong else []
