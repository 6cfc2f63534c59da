"""What would be issued, before it is: an instalment's drafts, and a year's corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from services.billing.domain import invoicing as rules
from services.billing.domain.instalments import Instalment
from services.billing.domain.invoicing import Change, Draft
from services.billing.queries.basis import Run, run_of_year
from services.billing.queries.invoices import Invoice, invoices_of_year, live_of_year
from services.billing.tables import invoices
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.fact import LocalText


@dataclass(frozen=True, slots=True)
class PayerDelta:
    """A payer's row of a correction. `total_ore` is of the whole year, `issued_ore` of what is issued now."""

    code: str
    name: str
    credited_ore: int
    replaced_ore: int
    total_ore: int

    @property
    def issued_ore(self) -> int:
        return self.replaced_ore - self.credited_ore


@dataclass(frozen=True, slots=True)
class CorrectionPreview:
    """`before` are the runs that what is credited was issued on, the newest first."""

    run: Run
    before: tuple[Run, ...]
    changes: tuple[Change, ...]
    payers: tuple[PayerDelta, ...]
    fingerprint: str
    budget_change_ore: int

    @property
    def credited_ore(self) -> int:
        return sum(each.credit.amount_ore for each in self.changes if each.credit)

    @property
    def replaced_ore(self) -> int:
        return sum(each.draft.amount_ore for each in self.changes if each.draft)

    @property
    def issued_delta_ore(self) -> int:
        return self.replaced_ore - self.credited_ore

    @property
    def total_delta_ore(self) -> int:
        """Over the whole year: what the budget changed by, and zero where it did not."""
        return sum(each.total_ore for each in self.payers)

    @property
    def reasons(self) -> tuple[LocalText, ...]:
        found: dict[LocalText, None] = {}
        for run in self.before:
            found.update(dict.fromkeys(rules.reasons(run.basis, self.run.basis)))
        return tuple(found)

    def reasons_for(self, change: Change) -> tuple[LocalText, ...]:
        """What changed since the credited invoice, or since the newest run there is to compare with."""
        ids = {run.run_id: run for run in self.before}
        earlier = ids.get(change.credit.run_id) if change.credit else None
        earlier = earlier or (self.before[0] if self.before else None)
        return rules.reasons(earlier.basis, self.run.basis) if earlier else ()


def instalment_of(run: Run, number: int) -> Instalment:
    """Raises Refused: instalments_not_agreed, instalment_unknown."""
    found = next((each for each in run.basis.instalments() if each.period.number == number), None)
    if found is None:
        raise Refused(
            Refusal(
                "instalment_unknown",
                N_("%(year)s has no instalment %(number)s."),
                {"year": run.basis.year, "number": number},
                status=404,
            )
        )
    return found


def drafts_of(
    connection: sa.Connection, year: int, number: int, today: date
) -> tuple[Run, tuple[Draft, ...]]:
    """The newest run and the invoices that issuing an instalment today would give. Raises Refused."""
    run, _runs = run_of_year(connection, year)
    return run, rules.drafts(run.basis, instalment_of(run, number), today)


def issued_numbers(found: list[Invoice]) -> set[int]:
    """The instalments that have been issued, whatever became of their invoices."""
    return {each.instalment for each in found if each.kind == "invoice" and each.correction_id is None}


def preview(connection: sa.Connection, year: int, today: date) -> CorrectionPreview:
    """What must be corrected so that everything issued is what the newest run gives. Raises Refused."""
    run, runs = run_of_year(connection, year)
    found = invoices_of_year(connection, year)
    live = live_of_year(found)
    issued = issued_numbers(found)
    instalments = run.basis.instalments()
    changes = rules.changes(run.basis, instalments, issued, live, today)
    credited = {each.credit.run_id for each in changes if each.credit}
    latest = max(
        (each for each in runs if each.run_id in {i.run_id for i in live}), key=_version, default=run
    )
    to_come = _to_come(latest, issued)
    invoiced: dict[str, int] = {}
    for each in live:
        invoiced[each.payer_code] = invoiced.get(each.payer_code, 0) + each.amount_ore
    totals = rules.total_deltas(run.shares_ore, invoiced, to_come)
    return CorrectionPreview(
        run,
        tuple(each for each in runs if each.run_id in credited),
        changes,
        _payers(changes, totals),
        rules.fingerprint(run.run_id, changes),
        run.basis.budget_ore - sum(invoiced.values()) - sum(to_come.values()),
    )


def _version(run: Run) -> int:
    return run.version


def _to_come(run: Run, issued: set[int]) -> dict[str, int]:
    """What a run still asks for in the instalments that are not issued, by payer."""
    sums: dict[str, int] = {}
    for number, row in run.instalments_ore.items():
        if number not in issued:
            for code, ore in row.items():
                sums[code] = sums.get(code, 0) + ore
    return sums


def _payers(changes: tuple[Change, ...], totals: Mapping[str, int]) -> tuple[PayerDelta, ...]:
    names = {each.payer_code: each.payer_name for each in changes}
    rows = []
    for code in sorted(names, key=lambda code: (len(code) == 2, names[code])):
        own = [each for each in changes if each.payer_code == code]
        rows.append(
            PayerDelta(
                code,
                names[code],
                sum(each.credit.amount_ore for each in own if each.credit),
                sum(each.draft.amount_ore for each in own if each.draft),
                totals.get(code, 0),
            )
        )
    return tuple(rows)


def papers_of(connection: sa.Connection, correction_id: str) -> list[str]:
    """What a correction issued, in order; empty where it has not been."""
    rows = connection.execute(
        sa.select(invoices.c.invoice_id)
        .where(invoices.c.correction_id == correction_id)
        .order_by(invoices.c.series, invoices.c.number)
    )
    return [row.invoice_id for row in rows]
