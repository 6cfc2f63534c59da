from __future__ import annotations

from datetime import date
from io import BytesIO

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook
from werkzeug.test import Client

from services.chassis.process import Composition
from tests.billing import booking
from tests.billing.test_pages import words
from tests.billing.test_reactions import TERM, check, ended, moved, place, tell
from tests.web import bearer, client_of, sign_in


@pytest.fixture
def client(composition: Composition) -> Client:
    storage = composition.parts.storage
    booking.open_year(storage)
    tell(storage, TERM, place(1, "1962", "1980"), place(2, "1962", "1980"), place(3, None, "1980"), ended(2))
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


def test_a_figure_leads_to_its_facts_and_a_protected_place_to_none(
    client: Client, composition: Composition
) -> None:
    sign_in(client, composition, role="finance", municipality="1962")
    assert "/finance/2025/flow/vt27/1962/1980" in client.get("/finance/2025").text
    page = client.get("/finance/2025/flow/vt27/1962/1980")
    assert "1 place counts" in words(page)
    assert (page.text.count("<code>a1"), page.text.count("<code>a2"), page.text.count("<code>a3")) == (
        1,
        1,
        0,
    )
    for home in ("None", "1980", "x"):
        assert "No places" in client.get(f"/finance/2025/flow/vt27/{home}/1980").text
    assert client.get("/finance/2025/flow/vt99/1962/1980").status_code == 404


def test_the_api_counts_the_same(client: Client, composition: Composition) -> None:
    county = bearer(composition, role="finance", municipality="19")
    (term,) = client.get("/api/billing/years/2025/flow", headers=county).get_json()["terms"]
    assert term["places"] == [{"home": "1962", "host": "1980", "places": 1.0, "thousandths": 1000}]
    assert (term["not_shown"], term["all_places"]) == (1, 2)


def test_a_move_splits_the_figures_everywhere(client: Client, composition: Composition) -> None:
    tell(composition.parts.storage, moved(1, "1962", "1907", date(2027, 3, 1)), first=9)
    sign_in(client, composition, role="finance", municipality="1962")
    year = client.get("/finance/2025")
    assert "Västerås 0.322" in words(year)
    assert "Västerås 0.678" in words(year)
    assert "1 place is split" in words(year)
    old, new = (client.get(f"/finance/2025/flow/vt27/{home}/1980") for home in ("1962", "1907"))
    assert "count for 0.322 places here" in words(old)
    assert "49 0.322" in words(old)
    assert "103 0.678" in words(new)
    county = bearer(composition, role="finance", municipality="19")
    (term,) = client.get("/api/billing/years/2025/flow", headers=county).get_json()["terms"]
    assert {each["home"]: each["thousandths"] for each in term["places"]} == {"1907": 678, "1962": 322}
    (fact,) = client.get("/api/billing/flow/vt27/1907/1980", headers=county).get_json()["places"]
    assert (fact["first_on"], fact["last_on"], fact["days"]) == ("2027-03-01", "2027-06-11", 103)
    assert client.get("/api/billing/flow/vt99/1907/1980", headers=county).status_code == 404


def test_files_have_the_same_figures(client: Client, composition: Composition) -> None:
    tell(composition.parts.storage, moved(1, "1962", "1907", date(2027, 3, 1)), first=9)
    sign_in(client, composition, role="finance", municipality="19")
    lines = client.get("/finance/2025/flow.csv").data.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "Termin;Hemkommun, kod;Hemkommun;Värdkommun, kod;Värdkommun;Platser"
    assert "Vårterminen;1907;Surahammar;1980;Västerås;0,678" in lines
    assert "Vårterminen;1962;Norberg;1980;Västerås;0,322" in lines
    assert lines[3].endswith(";1,000")  # the one whose home is not shown
    book = load_workbook(BytesIO(client.get("/finance/2025/flow.xlsx").data))
    matrix, split = (list(sheet.values) for sheet in book.worksheets)
    assert sum(row[5] for row in matrix[1:]) == pytest.approx(2)
    assert [(row[3], row[7], row[8]) for row in split[1:]] == [("1962", 49, 0.322), ("1907", 103, 0.678)]
    facts = client.get("/finance/2025/flow/vt27/1962/1980/facts.csv").data.decode("utf-8-sig")
    assert [line.split(";")[-1] for line in facts.split("\r\n")[1:-1]] == ["0,322", "0,000"]
    assert client.get("/finance/2025/flow/vt99/1962/1980/facts.csv").status_code == 404


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            "UPDATE place_stays SET thousandths = thousandths - 1 WHERE home_municipality = '1907'",
            "sum to 999",
        ),
        ("UPDATE place_stays SET home_municipality = '1980'", "its moves do not give"),
        ("DELETE FROM place_stays", "thousandths of 2 places"),
        ("UPDATE places SET moved = FALSE", "its moves do not give"),
        ("UPDATE place_subjects SET pupil_id = 'p3' WHERE application_id = 'a3'", "say more than that"),
    ],
)
def test_check_sees_what_is_wrong_with_the_flow(
    composition: Composition, client: Client, harm: str, said: str
) -> None:
    storage = composition.parts.storage
    tell(storage, moved(1, "1962", "1907", date(2027, 3, 1)), first=9)
    assert check(storage) == []
    with storage.unit() as unit:
        unit.execute(sa.text(harm))
    assert any(said in finding for finding in check(storage))


def test_only_finance_staff_see_the_facts(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="staff", municipality="1980")
    assert client.get("/finance/2025/flow/vt27/1962/1980").status_code == 403
