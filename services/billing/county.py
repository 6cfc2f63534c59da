"""Loads the county's populations and agreement, and opens the demo year."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import yaml

from services.billing.commands import agreements as agreement_commands
from services.billing.commands import basis as commands
from services.billing.commands import budgets
from services.billing.commands.payers import record_payer
from services.billing.domain.agreements import BY_PERIOD, FIXED, ORE, DayOfYear, PopulationRule, Terms
from services.billing.domain.basis import Agreement
from services.billing.domain.budgets import Budget, Line
from services.billing.domain.payers import PayerDetails
from services.billing.domain.populations import Figure
from services.billing.queries import basis as queries
from services.billing.queries import invoices as invoice_queries
from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.engine import Storage
from services.contracts.fact import LocalText

BY = "samklang load"
FILE = "populations.csv"
COLUMNS = ("municipality_code", "reference_date", "population", "source")

# The presentation names the halves only. How the shares are paid is the product's choice for the demo.
TERMS = Terms(
    population=PopulationRule(FIXED, DayOfYear(12, 31), years_before=1),
    due_days=(DayOfYear(1, 31), DayOfYear(4, 30), DayOfYear(7, 31), DayOfYear(10, 31)),
    rounding=ORE,
    change=BY_PERIOD,
    payment_days=30,
    netting=True,
)

DEMO_YEAR = 2025
DEMO_BUDGET_ORE = 100_000_000
DEMO_POPULATION_DATE = date(2024, 12, 31)
DEMO_BUDGET = Budget(
    DEMO_YEAR,
    version=0,
    lines=(
        Line("study_days", "Länsstudiedagar för lärarna", 180_000_00),
        Line("orchestra", "Västmanlands Ungdomssymfoniker och LänsVärldsOrkestern Work", 240_000_00),
        Line("festival", "Länets teaterfestival", 150_000_00),
        Line("tour", "Workshopturné", 90_000_00),
        Line("coordination", "Samordning, webbplats och nyhetsbrev", 340_000_00),
    ),
    decided_by="Styrgruppen för Regional Kulturskola",
    decided_on=date(2024, 10, 15),
    reason="",
)


def load(storage: Storage, folder: Path) -> None:
    """The agreement and every population figure. Raises Refused, naming the file and its row.

    Loading again adds nothing. A figure that was revised since stays revised: what the file says is
    already among its vintages.
    """
    figures = _read_figures(folder / FILE)
    agreement = _read_agreement(folder / "county.yaml")
    payers = _read_payers(folder / "payers.csv")
    with storage.unit() as unit:
        agreement_commands.record_agreement(unit, agreement, BY)
        kept = {
            (row.municipality_code, row.reference_date, row.population, row.source)
            for row in queries.population_vintages(unit.connection)
        }
        fresh = [
            figure
            for figure in figures
            if (figure.municipality_code, figure.reference_date, figure.population, figure.source) not in kept
        ]
        commands.record_populations(unit, fresh, BY)
        for payer in payers:
            if payer.payer_code not in invoice_queries.payer_details(unit.connection):
                record_payer(unit, payer, BY)


def load_demo(storage: Storage, folder: Path) -> None:
    """Open 2025 as the worked example does. The members must have arrived from the catalogue."""
    run_id = derived_id("billing", "demo", folder.name, str(DEMO_YEAR))
    with storage.unit() as unit:
        budgets.record_budget(unit, derived_id("billing", "demo budget", folder.name), DEMO_BUDGET, BY)
        commands.open_year(
            unit,
            DEMO_YEAR,
            DEMO_BUDGET_ORE,
            DEMO_POPULATION_DATE,
            BY,
            run_id=run_id,
            budget_version=1,
        )


def _read_agreement(file: Path) -> Agreement:
    """Half and half, as the cooperation presented it in 2015-2018; the region is the county file's."""
    county = yaml.safe_load(file.read_text(encoding="utf-8"))
    region = county["region"]
    return Agreement(
        version=1,
        valid_from=date(2015, 1, 1),
        valid_to=None,
        region_code=str(county["code"]),
        region_name=region,
        region_percent=50,
        text=LocalText(
            sv=f"{region} betalar hälften av budgeten. Medlemskommunerna betalar den andra hälften i "
            "proportion till sin folkmängd.",
            en=f"{region} pays half of the budget. The member municipalities pay the other half in "
            "proportion to their populations.",
        ),
        source="Samarbetets egen presentation 2015–2018",
        terms=TERMS,
    )


def _read_payers(file: Path) -> list[PayerDetails]:
    """How the payers want their invoices; a county without the file has none."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8-sig", newline="") as handle:
        return [PayerDetails(**row) for row in csv.DictReader(handle)]


def _read_figures(file: Path) -> list[Figure]:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise _broken(1, f"the columns must be {', '.join(COLUMNS)}")
        return [_figure(reader.line_num, row) for row in reader]


def _figure(line: int, row: dict[str, str]) -> Figure:
    if None in row or None in row.values():
        raise _broken(line, f"a row has {len(COLUMNS)} values")
    try:
        population = int(row["population"])
    except ValueError as error:
        raise _broken(line, "the population is not a whole number") from error
    try:
        reference_date = date.fromisoformat(row["reference_date"])
    except ValueError as error:
        raise _broken(line, "the reference date is not written as 2024-12-31") from error
    return Figure(row["municipality_code"], reference_date, population, row["source"])


def _broken(line: int, reason: str) -> Refused:
    return Refused(
        Refusal(
            "county_file_broken",
            N_("%(file)s, line %(line)s: %(reason)s"),
            {"file": FILE, "line": line, "reason": reason},
            status=422,
        )
    )
