from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.billing.csv_file import file_name, shares_csv
from services.billing.domain.basis import Agreement, Basis, Member
from services.billing.queries.basis import Run
from services.chassis.spreadsheet import safe_cell
from services.contracts.fact import LocalText
from tests.billing.examples import BUDGET_ORE, NINE_ORE, POPULATIONS, REGION

NAMES = {"1962": "Norberg", "1980": "Västerås"}
RUN = Run(
    "a-run",
    2,
    Basis(
        2025,
        BUDGET_ORE,
        date(2024, 12, 31),
        Agreement(1, date(2015, 1, 1), None, REGION, "Region Västmanland", 50, LocalText("", ""), ""),
        tuple(
            Member(code, NAMES.get(code, code), POPULATIONS[code], 1, "scb.se") for code in sorted(NINE_ORE)
        ),
    ),
    {REGION: 500_000_00, **NINE_ORE},
    "digest",
    "a test",
    datetime(2026, 11, 24, tzinfo=UTC),
)


def rows(run: Run) -> list[list[str]]:
    return list(csv.reader(io.StringIO(shares_csv(run).decode("utf-8-sig")), delimiter=";"))


def test_a_swedish_spreadsheet_reads_it() -> None:
    content = shares_csv(RUN)
    assert content.startswith("\N{ZERO WIDTH NO-BREAK SPACE}År;Version;Kod;Betalare;".encode())
    assert content.count(b"\r\n") == content.count(b"\n") == 11
    table = rows(RUN)
    assert table[1] == ["2025", "2", "19", "Region Västmanland", "", "", "", "500000,00"]
    assert ["2025", "2", "1962", "Norberg", "5452", "2024-12-31", "2,0095", "10047,44"] in table
    assert [
        "2025",
        "2",
        "1980",
        "Västerås",
        "160634",
        "2024-12-31",
        "59.2062".replace(".", ","),
        "296030,78",
    ] in table


def test_the_rows_sum_to_the_budget() -> None:
    kronor, ore = 0, 0
    for row in rows(RUN)[1:]:
        whole, _, part = row[-1].partition(",")
        kronor, ore = kronor + int(whole), ore + int(part)
    assert kronor * 100 + ore == BUDGET_ORE


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "|", "%", " ="])
def test_a_formula_becomes_text(start: str) -> None:
    evil = f'{start}HYPERLINK("http://x";"y")'
    assert safe_cell(evil) == f"'{evil}"
    members = (replace(RUN.basis.members[0], name=evil), *RUN.basis.members[1:])
    run = replace(RUN, basis=replace(RUN.basis, members=members))
    assert rows(run)[2][3] == f"'{evil}"


@pytest.mark.parametrize("name", ["Norberg", "Upplands-Bro", "Östhammar", "A=B", ""])
def test_a_name_stays_as_it_is(name: str) -> None:
    assert safe_cell(name) == name


def test_the_file_says_which_year_and_version() -> None:
    assert file_name(RUN) == "kostnadsandelar-2025-version-2.csv"
