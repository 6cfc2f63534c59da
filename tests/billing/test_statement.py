"""A year statement says the same on its page, as PDF and as files; its figures are the reconciliation's."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
import pytest
from pypdf import PdfReader
from werkzeug.test import Client

from services.billing.commands import budgets
from services.billing.commands.netting import net
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from tests.billing import booking
from tests.billing.bank_files import Line, Part, bank_file
from tests.billing.booking import BY, CHART, YEAR
from tests.billing.papers.test_pdf import structure
from tests.billing.test_invoicing import revise
from tests.billing.test_ledger import cost
from tests.billing.test_pages import words
from tests.billing.test_payments import take
from tests.billing.test_reactions import TERM, place, tell
from tests.web import client_of, sign_in

SALA = "/finance/2025/statements/1981"


def told(storage: Storage) -> None:
    """Sala: two instalments, one corrected for its population, a payment in part and costs netted."""
    booking.open_year(storage)
    booking.issue(storage, 1)
    revise(storage, "1981", 22_900)
    booking.correct(storage)
    booking.issue(storage, 2)
    own = [each for each in booking.issued(storage) if each.payer_code == "1981" and each.open_ore]
    paid = [Part("5000.00", own[0].reference, payer="Sala kommun")]
    take(storage, bank_file([Line("5000.00", paid)]))
    spent = cost(amount_ore=1_000_00)
    with storage.unit() as unit:
        budgets.report_cost(unit, spent, BY)
        budgets.decide_cost(unit, spent.cost_id, CHART, BY, approved=True)
        net(unit, YEAR, CHART, BY, netting_id=new_id(), total_ore=1_000_00)
    tell(storage, TERM, place(1, "1981", "1980"), place(2, "1981", "1981"), place(3, "1962", "1981"))


@pytest.fixture
def client(composition: Composition) -> Client:
    told(composition.parts.storage)
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    sign_in(client, composition, role="finance", municipality="1981")
    return client


def test_the_page_tells_the_year_of_a_payer(client: Client) -> None:
    page = words(client.get(SALA))
    assert "Year statement 2025, Sala" in page
    assert "Population 22,900" in page
    assert "Vintage of the figure 2" in page
    share = booking_figures(client)["Andel av budgeten"]
    for line in (f"Share of the budget {share}", "Credited 10,524.28", "Paid 5,000.00", "Netted 1,000.00"):
        assert line in page, line
    assert "What its children have, in the newest term" in page
    assert "1 1 Västerås 1 1" in page
    assert "Everything agrees, to the öre" in page
    assert f'href="{SALA}"' in client.get("/finance/2025/reconciliation").text


def rows_of(client: Client) -> list[dict[str, str]]:
    text = client.get(f"{SALA}/statement.csv").data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def booking_figures(client: Client) -> dict[str, str]:
    """Amounts of the summary as the English page writes them."""
    return {
        row["Post"]: f"{float(row['Belopp, kr'].replace(',', '.')):,.2f}"
        for row in rows_of(client)
        if row["Avsnitt"] == "Summering"
    }


def ore(text: str) -> int:
    return int(text.replace(",", ""))


def test_the_files_have_every_figure_and_they_add_up(client: Client, composition: Composition) -> None:
    rows = rows_of(client)
    sums = {row["Post"]: ore(row["Belopp, kr"]) for row in rows if row["Avsnitt"] == "Summering"}
    invoiced = sum(ore(row["Belopp, kr"]) for row in rows if row["Avsnitt"] == "Fakturor")
    settled = sum(ore(row["Belopp, kr"]) for row in rows if row["Avsnitt"] == "Reglerat")
    assert invoiced == sums["Fakturerat"] - sums["Krediterat"]
    assert settled == sums["Betalt"] + sums["Kvittat"] == 6_000_00
    assert sums["Öppet"] == invoiced - settled
    assert sums["Andel av budgeten"] == invoiced + sums["Återstår att fakturera"]
    assert [row["Post"] for row in rows if row["Avsnitt"] == "Fakturor"] == [
        f"{'Kreditfaktura' if each.kind == 'credit_note' else 'Faktura'} {each.number}"
        for each in booking.issued(composition.parts.storage)
        if each.payer_code == "1981"
    ]
    places = {row["Post"]: row["Antal"] for row in rows if row["Avsnitt"] == "Platser"}
    assert list(places.values()) == ["1,000", "1,000", "1,000"]
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{SALA}/statement.xlsx").data))
    cells: list[tuple[Any, ...]] = list(book.worksheets[0].iter_rows(values_only=True))
    assert cells[0] == tuple(rows[0])
    assert [round(row[6] * 100) for row in cells[1:] if row[6] is not None] == [
        ore(row["Belopp, kr"]) for row in rows if row["Belopp, kr"]
    ]


def test_the_pdf_is_accessible_and_says_the_same(client: Client) -> None:
    answer = client.get(f"{SALA}/statement.pdf")
    assert answer.content_type == "application/pdf"
    reader = PdfReader(io.BytesIO(answer.data))
    root: Any = reader.trailer["/Root"]
    assert b"pdfuaid:part>1<" in root["/Metadata"].get_object().get_data().replace(b" ", b"")
    assert structure(root["/StructTreeRoot"]).count("/Table") == 4
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    sums = booking_figures(client)
    for said in (
        "Year statement 2025, Sala",
        sums["Andel av budgeten"],
        sums["Öppet"],
        "22,900",
        "Västerås 1",
    ):
        assert said in text, said


def test_the_region_has_a_percentage_and_no_places(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="finance", municipality="19")
    page = words(client.get("/finance/2025/statements/19"))
    assert "Part of the budget 50.00 %" in page
    assert "children" not in page
    assert client.get("/finance/2025/statements/19/statement.pdf").status_code == 200


@pytest.mark.parametrize("ending", ["pdf", "xlsx", "csv"])
def test_files_are_the_payers_and_the_countys(client: Client, composition: Composition, ending: str) -> None:
    assert client.get(f"/finance/2025/statements/1962/statement.{ending}").status_code == 403
    assert "Download as PDF" not in client.get("/finance/2025/statements/1962").text
    sign_in(client, composition, role="finance", municipality="19")
    assert client.get(f"/finance/2025/statements/1962/statement.{ending}").status_code == 200
    sign_in(client, composition, role="staff", municipality="1981")
    for path in (SALA, f"{SALA}/statement.{ending}"):
        assert client.get(path).status_code == 403


def test_who_has_no_share_has_no_statement(client: Client, composition: Composition) -> None:
    assert client.get("/finance/2025/statements/1907").status_code == 404
    assert client.get("/finance/2024/statements/1981").status_code == 404
    sign_in(client, composition, role="finance", municipality="19")
    assert client.get("/finance/2025/statements/%C3%A5/statement.csv").status_code == 404
