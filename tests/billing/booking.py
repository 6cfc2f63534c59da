"""A year with a budget and invoices, for tests of what comes after them."""

from __future__ import annotations

from datetime import date

from services.billing import county
from services.billing.commands import basis, budgets, invoicing
from services.billing.configuration import configuration_from
from services.billing.domain.budgets import Budget, Line
from services.billing.queries import correcting
from services.billing.queries.basis import Run, run_of_year
from services.billing.queries.invoices import Invoice, invoices_of_year
from services.chassis.ids import new_id
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage

CHART = configuration_from(COUNTY_FOLDER / "chart.yaml").chart
YEAR = 2025
BY = "a test"


def open_year(storage: Storage) -> Run:
    county.load_demo(storage, COUNTY_FOLDER)
    return newest(storage)


def newest(storage: Storage) -> Run:
    with storage.reading() as connection:
        return run_of_year(connection, YEAR)[0]


def issue(storage: Storage, *numbers: int) -> list[Invoice]:
    run = newest(storage)
    with storage.unit() as unit:
        for number in numbers:
            invoicing.issue_instalment(unit, YEAR, number, CHART, BY, run_id=run.run_id)
    return issued(storage)


def issued(storage: Storage) -> list[Invoice]:
    with storage.reading() as connection:
        return invoices_of_year(connection, YEAR)


def preview(storage: Storage) -> correcting.CorrectionPreview:
    with storage.reading() as connection:
        return correcting.preview(connection, YEAR, date(2026, 11, 24))


def correct(storage: Storage, reason: str = "a reason of a test", correction_id: str = "") -> list[str]:
    seen = preview(storage)
    with storage.unit() as unit:
        return invoicing.issue_correction(
            unit,
            YEAR,
            CHART,
            BY,
            run_id=seen.run.run_id,
            fingerprint=seen.fingerprint,
            correction_id=correction_id or new_id(),
            reason=reason,
        )


def decide_budget(storage: Storage, amounts_ore: dict[str, int], reason: str = "") -> int:
    lines = tuple(Line(kind, kind, ore) for kind, ore in amounts_ore.items())
    budget = Budget(YEAR, 0, lines, "The steering group", date(2024, 10, 15), reason)
    with storage.unit() as unit:
        return budgets.record_budget(unit, new_id(), budget, BY)


def compute(storage: Storage) -> Run:
    with storage.unit() as unit:
        basis.compute_year(unit, YEAR, BY)
    return newest(storage)
