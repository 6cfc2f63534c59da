from __future__ import annotations

import re
from io import BytesIO

import pytest
from openpyxl import load_workbook
from werkzeug.test import Client

from services.billing.configuration import configuration_from
from services.billing.queries import compensation as queries
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from tests.billing.test_compensation import findings, over, papers
from tests.billing.test_pages import words
from tests.web import TestResponse, bearer, client_of, sign_in

__all__ = ["over"]  # the fixture of a term that is over
HERE = "/finance/2026/compensation"
TERM = f"{HERE}/vt26"
API = "/api/billing/compensations/vt26"
CHART = configuration_from(COUNTY_FOLDER / "chart.yaml").chart


@pytest.fixture
def client(over: Storage, composition: Composition) -> Client:
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


@pytest.fixture
def anders(client: Client, composition: Composition) -> Client:
    """Finance staff of the region."""
    sign_in(client, composition, role="finance", municipality="19")
    return client


def press(client: Client, page: str, target: str, *, follow: bool = True, **form: str) -> TestResponse:
    """Send a form as a browser does, with the token that the page carries; then go where it leads."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert token is not None
    return client.post(target, data={"csrf_token": token[1], **form}, follow_redirects=follow)


def compute_and_issue(client: Client, storage: Storage) -> None:
    press(client, TERM, TERM, run_id=new_id())
    with storage.reading() as connection:
        run = queries.runs_of_term(connection, "vt26")[0]
    press(client, TERM, f"{TERM}/issue", run_id=run.run_id, reason="")


def test_a_term_is_seen_before_it_is_issued_and_after(anders: Client, over: Storage) -> None:
    assert "not computed" in words(anders.get(HERE))
    assert "Nothing is issued by it" in words(anders.get(TERM))
    press(anders, TERM, TERM, run_id=new_id())
    page = words(anders.get(TERM))
    assert "Norberg pays 4,454.00" in page
    assert "Surahammar pays 2,046.00" in page
    assert "protected identities: counted" in page
    assert "What would be issued" in page
    assert papers(over) == []
    with over.reading() as connection:
        run = queries.runs_of_term(connection, "vt26")[0]
    press(anders, TERM, f"{TERM}/issue", run_id=run.run_id, reason="")
    page = words(anders.get(TERM))
    assert "What would be issued" not in page
    assert "agrees" in page
    assert "issued" in words(anders.get(HERE))
    invoice = papers(over)[-1]
    sheet = words(anders.get(f"/finance/invoices/{invoice.invoice_id}"))
    assert "By version 1 of the compensation for places, Spring 2026" in sheet
    assert anders.get(f"/finance/invoices/{invoice.invoice_id}/invoice.pdf").data.startswith(b"%PDF")
    assert b"1.318" not in anders.get(f"/finance/invoices/{invoice.invoice_id}/e-invoice.xml").data
    assert findings(over) == []


def test_a_ceiling_is_set_by_its_home_and_makes_a_version(
    client: Client, composition: Composition, anders: Client, over: Storage
) -> None:
    compute_and_issue(anders, over)
    sign_in(client, composition, role="finance", municipality="1962")
    press(client, HERE, "/finance/2026/ceilings/1962", ceiling="1 000", decided_by="The board, 3 March")
    assert "Norberg 1,000.00 4,454.00" in words(client.get(HERE))
    assert "Something has changed since it was computed" in words(client.get(TERM))
    refused = press(client, HERE, "/finance/2026/ceilings/1980", ceiling="1", decided_by="Us", follow=False)
    assert refused.status_code == 403
    sign_in(client, composition, role="finance", municipality="19")
    press(client, TERM, TERM, run_id=new_id())
    page = words(client.get(TERM))
    assert "Above the ceiling of Norberg" in page
    assert "version 1: SEK 4,454.00" in page
    assert "4,454.00 1,000.00" in page  # credited, and asked anew
    old = words(client.get(f"{TERM}?version=1"))
    assert "which no longer holds" in old
    with over.reading() as connection:
        run = queries.runs_of_term(connection, "vt26")[0]
    without = press(client, TERM, f"{TERM}/issue", run_id=run.run_id, reason="")
    assert "Say why" in words(without)
    press(client, TERM, f"{TERM}/issue", run_id=run.run_id, reason="Norberg has set a ceiling")
    assert sum(each.amount_ore for each in papers(over)) == 1_000_00 + 2_046_00
    assert findings(over) == []


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("/finance/2026/ceilings/1962", {"ceiling": "many", "decided_by": "us"}, "Write an amount in kronor"),
        ("/finance/2026/ceilings/1962", {"ceiling": "-1", "decided_by": "us"}, "A ceiling is at least 0 kr"),
        ("/finance/2026/ceilings/1962", {"ceiling": "1"}, "Fill this in"),
        (f"{HERE}/prices", {"price_violin": "much"}, "Write an amount in kronor"),
        (f"{HERE}/prices", {"price_violin": "-1"}, "a price of at least 0 kr"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form(
    anders: Client, over: Storage, path: str, form: dict[str, str], said: str
) -> None:
    answer = press(anders, HERE, path, **form)
    assert answer.status_code == 422
    assert said in words(answer)
    with over.reading() as connection:
        assert queries.ceilings_of_year(connection, 2026) == []


def test_prices_are_recorded_as_a_version(anders: Client) -> None:
    page = press(anders, HERE, f"{HERE}/prices", price_ensemble="", price_instrument="2 500,50")
    assert "agreement version 3" in words(page)
    assert "2,500.50" in words(page)
    assert "has no price for ensemble" in words(anders.get(TERM))


def test_a_year_and_a_term_without_anything_say_what_to_do(anders: Client) -> None:
    assert "No term begins in 2019" in words(anders.get("/finance/2019/compensation"))
    assert anders.get("/finance/2019/compensation/vt26").status_code == 404
    assert anders.get(f"{HERE}/vt99").status_code == 404
    assert anders.get(f"{TERM}/compensation.csv").status_code == 404
    assert anders.get(f"{TERM}?version=7").status_code == 404


def test_only_the_county_computes_and_issues_and_only_finance_reads(
    client: Client, composition: Composition
) -> None:
    sign_in(client, composition, role="finance", municipality="1962")
    assert "Compute the compensation" not in words(client.get(TERM))
    for path in (TERM, f"{TERM}/issue", f"{HERE}/prices"):
        assert press(client, TERM, path, run_id=new_id(), follow=False).status_code == 403
    sign_in(client, composition, role="staff", municipality="1980")
    for path in (HERE, TERM, f"{TERM}/compensation.csv", f"{TERM}/compensation.xlsx"):
        assert client.get(path).status_code == 403
    guest = client_of(composition)
    assert guest.get("/api/billing/compensations/vt26").status_code == 401


def test_a_form_without_its_token_does_nothing(anders: Client, over: Storage) -> None:
    assert anders.post(TERM, data={"run_id": new_id()}).status_code == 403
    with over.reading() as connection:
        assert queries.runs_of_term(connection, "vt26") == []


def test_files_have_what_the_page_has(anders: Client, over: Storage) -> None:
    compute_and_issue(anders, over)
    lines = anders.get(f"{TERM}/compensation.csv").data.decode("utf-8-sig").split("\r\n")
    assert "VT 2026;1;1962;Norberg;1980;Västerås;instrument;1,318;3000,00;3954,00" in lines
    book = load_workbook(BytesIO(anders.get(f"{TERM}/compensation.xlsx").data))
    first, second = (list(sheet.values) for sheet in book.worksheets)
    assert sum(row[9] for row in first[1:]) == pytest.approx(6_500)
    assert [row[7] for row in second[1:]] == [1, 0.318, 0.682, 1]


def test_the_api_does_the_same(client: Client, composition: Composition, over: Storage) -> None:
    county = bearer(composition, role="finance", municipality="19")
    norberg = bearer(composition, role="finance", municipality="1962")
    assert client.post(API, headers=norberg, json={}).status_code == 403
    assert client.get(API, headers=county).status_code == 404
    body = {"prices": [{"kind": "instrument", "price_ore": 100}]}
    assert client.put("/api/billing/agreements/prices", headers=county, json=body).get_json() == {
        "version": 3
    }
    missing = client.post(API, headers=county, json={})
    assert (missing.status_code, missing.get_json()["name"]) == (409, "price_missing")
    body["prices"].append({"kind": "ensemble", "price_ore": 0})
    client.put("/api/billing/agreements/prices", headers=county, json=body)
    ceiling = {"ceiling_ore": 100, "decided_by": "the board"}
    client.put("/api/billing/years/2026/ceilings/1962", headers=norberg, json=ceiling)
    (set_by,) = client.get("/api/billing/years/2026/ceilings", headers=norberg).get_json()["ceilings"]
    assert (set_by["home"], set_by["ceiling_ore"]) == ("1962", 100)
    run_id = client.post(API, headers=county, json={}).get_json()["run_id"]
    seen = client.get(API, headers=norberg).get_json()
    assert (seen["run_id"], seen["total_ore"], seen["not_shown"], seen["holds"]) == (run_id, 168, 1, True)
    assert seen["cuts"] == [{"home": "1962", "host": "1980", "cut_ore": 32}]
    assert [(each["home"], each["asked_ore"]) for each in seen["waiting"]] == [("1907", 68), ("1962", 100)]
    ids = client.post(f"{API}/issue", headers=county, json={"run_id": run_id}).get_json()["invoice_ids"]
    issued = client.get(API, headers=county).get_json()
    assert [each["invoice_id"] for each in issued["invoices"]] == ids
    assert {each["compensation_id"] for each in issued["invoices"]} == {run_id}
    assert client.get(f"{API}/compensation.csv", headers=county).status_code == 200
    assert client.get("/api/billing/years/2026/invoices", headers=county).get_json() == {"invoices": []}
