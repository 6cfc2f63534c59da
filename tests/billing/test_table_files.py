"""Each table of finance comes as workbook and as CSV with the same cells, for who may read its page."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from werkzeug.test import Client

from services.billing.commands.payers import record_payer
from services.billing.domain.payers import PayerDetails
from services.chassis.clock import FixedClock
from services.chassis.process import Composition
from tests.billing import booking
from tests.billing.booking import BY
from tests.billing.test_reminders import late_invoices, send
from tests.web import client_of, sign_in

TABLES = {
    "/finance/2025/shares": 10,
    "/finance/2025/invoices": 10,
    "/finance/2025/reconciliation": 10,
    "/finance/reminders": 10,
    "/finance/payers": 11,
}
EVIL = PayerDetails("1962", "=HYPERLINK(A1)", "212000-2072", "+1", "@x", "738 00", "-1", "", "|cmd")


@pytest.fixture
def client(composition: Composition, clock: FixedClock) -> Client:
    storage = composition.parts.storage
    with storage.unit() as unit:
        record_payer(unit, EVIL, BY)
    late_invoices(storage)
    send(storage)
    client = client_of(composition)
    sign_in(client, composition, role="finance", municipality="1980")
    return client


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def as_text(value: Any, number_format: str) -> str:
    """A cell of the workbook as the CSV writes it."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if number_format == "#,##0.00":
        return f"{value:.2f}".replace(".", ",")
    if isinstance(value, float):
        return f"{value:.4f}".replace(".", ",")
    return "" if value is None else str(value)


@pytest.mark.parametrize("path", TABLES)
def test_both_files_have_the_same_cells(client: Client, path: str) -> None:
    rows = table(client.get(f"{path}.csv").data)
    assert len(rows) == TABLES[path] + 1
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"{path}.xlsx").data)).worksheets[0]
    cells = [[as_text(cell.value, cell.number_format) for cell in row] for row in sheet.iter_rows()]
    assert cells == [[text.removeprefix("'") for text in row] for row in rows]
    assert all(len(row) == len(rows[0]) for row in rows)


@pytest.mark.parametrize("path", TABLES)
def test_the_page_leads_to_its_files(client: Client, path: str) -> None:
    page = client.get(path.removesuffix("/shares")).text
    for ending in ("csv", "xlsx"):
        assert f'href="{path}.{ending}"' in page


@pytest.mark.parametrize("path", TABLES)
def test_only_finance_gets_them_and_no_other_ending_is_one(
    client: Client, composition: Composition, path: str
) -> None:
    assert client.get(f"{path}.exe").status_code == 404
    sign_in(client, composition, role="staff", municipality="1980")
    for ending in ("csv", "xlsx"):
        assert client.get(f"{path}.{ending}").status_code == 403


def test_nothing_that_people_wrote_runs_as_a_formula(client: Client) -> None:
    for path in ("/finance/payers", "/finance/2025/invoices", "/finance/reminders"):
        book = openpyxl.load_workbook(io.BytesIO(client.get(f"{path}.xlsx").data))
        assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
        for row in table(client.get(f"{path}.csv").data):
            assert not any(text.startswith(("=", "+", "@", "|")) for text in row)
    (norberg,) = [row for row in table(client.get("/finance/payers.csv").data) if row[0] == "1962"]
    assert norberg[2:10] == ["'=HYPERLINK(A1)", "212000-2072", "", "'+1", "'@x", "738 00", "'-1", "'|cmd"]


def test_the_workbook_of_reminders_has_those_that_were_sent_too(client: Client, clock: FixedClock) -> None:
    book = openpyxl.load_workbook(io.BytesIO(client.get("/finance/reminders.xlsx").data))
    assert book.sheetnames == ["Sena fakturor", "Påminnelser"]
    sent = list(book.worksheets[1].iter_rows(values_only=True))[1:]
    assert [row[0] for row in sent] == [f"P2026-{number:04d}" for number in range(10, 0, -1)]
    assert {row[7].date() for row in sent} == {clock.now().date() + timedelta(days=10)}  # type: ignore[union-attr]  # a day
    late = table(client.get("/finance/reminders.csv").data)
    assert {(row[5], row[7], row[9]) for row in late[1:]} == {("15", "1", date(2026, 12, 9).isoformat())}


def test_a_year_that_is_not_open_has_no_files(client: Client) -> None:
    for name in ("shares", "invoices", "reconciliation"):
        assert client.get(f"/finance/2024/{name}.xlsx").status_code == 404


def test_the_shares_of_an_earlier_version_as_a_workbook(client: Client, composition: Composition) -> None:
    booking.decide_budget(composition.parts.storage, {"tour": 1_000_000_10}, "one krona more or less")
    booking.compute(composition.parts.storage)
    for version, ore in ((1, 500_000_00), (2, 500_000_05)):
        content = client.get(f"/finance/2025/shares.xlsx?version={version}").data
        rows = list(openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True))
        assert round(float(str(rows[1][7])) * 100) == ore
