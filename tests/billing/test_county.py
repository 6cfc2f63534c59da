from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from services.billing import county
from services.billing.commands import basis as commands
from services.billing.domain.populations import Figure
from services.billing.queries import basis as queries
from services.chassis.refusals import Refused
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from tests.billing.examples import NINE_ORE, POPULATIONS, REGION

DAY = date(2024, 12, 31)


def test_the_countys_figures_are_those_of_the_example(storage: Storage) -> None:
    with storage.reading() as connection:
        figures = queries.newest_figures(connection, DAY)
    assert {code: row.population for code, row in figures.items()} == POPULATIONS


def test_the_agreement_is_half_and_half(storage: Storage) -> None:
    with storage.reading() as connection:
        agreement = queries.agreement_on(connection, date(2025, 1, 1))
    assert agreement is not None
    assert (agreement.region_code, agreement.region_name, agreement.region_percent) == (
        "19",
        "Region Västmanland",
        50,
    )


def test_loading_again_adds_nothing(storage: Storage) -> None:
    with storage.reading() as connection:
        before = queries.population_vintages(connection)
    county.load(storage, COUNTY_FOLDER)
    with storage.reading() as connection:
        assert queries.population_vintages(connection) == before


def test_loading_again_leaves_a_revision_alone(storage: Storage) -> None:
    with storage.unit() as unit:
        commands.record_populations(unit, [Figure("1981", DAY, 22900, "scb.se")], "a test")
    county.load(storage, COUNTY_FOLDER)
    with storage.reading() as connection:
        assert queries.newest_figures(connection, DAY)["1981"].population == 22900


def test_the_demo_opens_2025_once(storage: Storage) -> None:
    county.load_demo(storage, COUNTY_FOLDER)
    county.load_demo(storage, COUNTY_FOLDER)
    with storage.reading() as connection:
        (run,) = queries.runs_of_year(connection, 2025)
    assert run.shares_ore == {REGION: 500_000_00, **NINE_ORE}


def test_the_demo_does_not_undo_a_later_version(storage: Storage) -> None:
    county.load_demo(storage, COUNTY_FOLDER)
    with storage.unit() as unit:
        commands.open_year(unit, 2025, 120_000_000, DAY, "a test")
    county.load_demo(storage, COUNTY_FOLDER)
    with storage.reading() as connection:
        assert [run.basis.budget_ore for run in queries.runs_of_year(connection, 2025)] == [
            120_000_000,
            100_000_000,
        ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("code,date\n", "line 1"),
        ("municipality_code,reference_date,population,source\n1981,2024-12-31,many,x\n", "line 2"),
        (
            "municipality_code,reference_date,population,source\n1981,2024-12-31,5,x\n1980,31/12,5,x\n",
            "line 3",
        ),
        ("municipality_code,reference_date,population,source\n1981,2024-12-31,5\n", "line 2"),
        ("municipality_code,reference_date,population,source\n1981,2024-12-31,5,x,y\n", "line 2"),
    ],
)
def test_a_broken_file_names_its_line_and_loads_nothing(
    empty: Storage, tmp_path: Path, text: str, says: str
) -> None:
    shutil.copy(COUNTY_FOLDER / "county.yaml", tmp_path)
    (tmp_path / "populations.csv").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as caught:
        county.load(empty, tmp_path)
    refusal = caught.value.refusal
    assert says in refusal.reason % refusal.facts
    with empty.reading() as connection:
        assert queries.population_vintages(connection) == []
        assert queries.agreement_on(connection, DAY) is None
