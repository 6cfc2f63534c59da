"""The pages and the API of the books tell the same, and only the county's finance staff change anything."""

from __future__ import annotations

import re

import pytest
from werkzeug.test import Client

from services.chassis.ids import new_id
from services.chassis.process import Composition
from tests.billing import booking
from tests.billing.test_invoicing import revise
from tests.billing.test_pages import words
from tests.web import bearer, client_of, sign_in

PAGES = (
    "/finance/agreement",
    "/finance/2025/budget",
    "/finance/2025/invoices",
    "/finance/2025/invoices/1",
    "/finance/2025/correction",
    "/finance/2025/ledger",
    "/finance/2025/reconciliation",
)


@pytest.fixture
def client(composition: Composition) -> Client:
    booking.open_year(composition.parts.storage)
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


def test_a_year_is_issued_corrected_and_reconciled(client: Client, composition: Composition) -> None:
    storage = composition.parts.storage
    token = sign_in(client, composition, role="finance", municipality="19", name="Anders")
    preview = client.get("/finance/2025/invoices/1").text
    assert "Nothing has happened yet" in preview
    form = {"csrf_token": token, "run_id": booking.newest(storage).run_id}
    assert client.post("/finance/2025/invoices/1", data=form).status_code == 303
    assert "Everything agrees, to the öre" in client.get("/finance/2025/reconciliation").text
    revise(storage, "1981", 22_900)
    off = words(client.get("/finance/2025/reconciliation"))
    assert "Sala: SEK 24.05. Instalment 1 was issued on version 1 of the shares." in off
    seen = client.get("/finance/2025/correction").text
    assert "the population was 22843 (on 2024-12-31, vintage 1) and is 22900" in seen
    assert "sum exactly to the change of the budget: SEK 0.00" in words(
        client.get("/finance/2025/correction")
    )
    hidden = dict(re.findall(r'name="(run_id|fingerprint|correction_id)" value="([^"]+)"', seen))
    done = client.post(
        "/finance/2025/correction", data={**hidden, "csrf_token": token, "reason": "SCB revised"}
    )
    assert done.status_code == 303
    assert "Everything agrees, to the öre" in client.get("/finance/2025/reconciliation").text
    credit = next(each for each in booking.issued(storage) if each.kind == "credit_note")
    page = words(client.get(f"/finance/invoices/{credit.invoice_id}"))
    assert f"Credit note {credit.number}" in page
    assert "SCB revised" in page


@pytest.mark.parametrize("path", PAGES)
def test_a_municipality_reads_all_and_changes_nothing(
    client: Client, composition: Composition, path: str
) -> None:
    booking.issue(composition.parts.storage, 2)
    token = sign_in(client, composition, role="finance", municipality="1962")
    assert client.get(path).status_code == 200
    answer = client.post(path, data={"csrf_token": token})
    assert answer.status_code in (403, 405)


@pytest.mark.parametrize("path", PAGES)
def test_families_and_staff_see_none_of_it(client: Client, composition: Composition, path: str) -> None:
    sign_in(client, composition, role="staff", municipality="1980")
    assert client.get(path).status_code == 403


def test_a_host_reports_its_own_cost_and_the_county_approves(
    client: Client, composition: Composition
) -> None:
    token = sign_in(client, composition, role="finance", municipality="1981", name="Eva")
    name = new_id()
    form = {
        "csrf_token": token,
        "cost_id": name,
        "kind": "festival",
        "amount": "40 000",
        "spent_on": "2025-05-10",
    }
    wrong = client.post("/finance/2025/costs/1981", data=form)
    assert (wrong.status_code, "Fill this in." in wrong.text) == (422, True)
    form["text"] = "=Scen"
    assert client.post("/finance/2025/costs/1980", data=form).status_code == 403
    assert client.post("/finance/2025/costs/1981", data=form).status_code == 303
    decision = {"csrf_token": token, "approved": "true"}
    assert client.post(f"/finance/costs/{name}", data=decision).status_code == 403
    token = sign_in(client, composition, role="finance", municipality="19", name="Anders")
    assert client.post(f"/finance/costs/{name}", data={**decision, "csrf_token": token}).status_code == 303
    assert "40,000.00" in client.get("/finance/2025/budget").text


def test_a_form_that_does_not_fit_comes_back_with_words(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="19", name="Anders")
    member = {"csrf_token": token, "municipality_code": "1907", "change": "leaves", "day": "2025-06-30"}
    answer = client.post("/finance/agreement", data=member)
    assert (answer.status_code, "is no member, so it cannot leave" in answer.text) == (422, True)
    answer = client.post(
        "/finance/agreement", data={**member, "municipality_code": "1984", "change": "joins"}
    )
    assert (answer.status_code, "is a member twice over" in answer.text) == (422, True)
    budget = {"csrf_token": token, "budget_id": new_id(), "decided_by": "N", "decided_on": "2024-10-15"}
    answer = client.post("/finance/2025/budget", data={**budget, "amount_tour": "=1+1"})
    assert (answer.status_code, "Write an amount in kronor" in answer.text) == (422, True)
    entry = {"csrf_token": token, "voucher_id": new_id(), "booked_on": "2026-11-31"}
    answer = client.post("/finance/2025/ledger", data=entry)
    assert (answer.status_code, "Write a date" in answer.text) == (422, True)


def test_the_api_does_what_the_pages_do(client: Client, composition: Composition) -> None:
    county = bearer(composition, role="finance", municipality="19")
    storage = composition.parts.storage
    issued = client.post(
        "/api/billing/years/2025/instalments/1",
        json={"run_id": booking.newest(storage).run_id},
        headers=county,
    )
    assert len(issued.get_json()["invoice_ids"]) == 10
    revise(storage, "1981", 22_900)
    seen = client.get("/api/billing/years/2025/correction", headers=county).get_json()
    assert (seen["total_delta_ore"], len(seen["changes"])) == (0, 9)
    off = client.get("/api/billing/years/2025/reconciliation", headers=county).get_json()
    assert off["agrees"] is False
    body = {"run_id": seen["run_id"], "fingerprint": seen["fingerprint"], "correction_id": new_id()}
    done = client.post(
        "/api/billing/years/2025/correction", json={**body, "reason": "a revision"}, headers=county
    )
    assert len(done.get_json()["invoice_ids"]) == 18
    told = client.get("/api/billing/years/2025/reconciliation", headers=county).get_json()
    assert told["agrees"] is True
    assert [each["off_ore"] for each in told["equations"]] == [0, 0, 0, 0]
    book = client.get("/api/billing/years/2025/ledger", headers=county).get_json()
    assert sum(each["balance_ore"] for each in book["balances"]) == 0
    papers = client.get("/api/billing/years/2025/invoices", headers=county).get_json()["invoices"]
    assert sum(each["amount_ore"] for each in papers) == 250_000_00
    one = client.get(f"/api/billing/invoices/{papers[0]['invoice_id']}", headers=county).get_json()
    assert one["number"] == "2026-0001"
    terms = client.get("/api/billing/agreements", headers=county).get_json()["agreements"][0]["terms"]
    assert len(terms["due_days"]) == 4
    norberg = bearer(composition, role="finance", municipality="1962")
    ceiling = {"ceiling_ore": 100_000_00, "decided_by": "Kulturnämnden"}
    path = "/api/billing/years/2025/ceilings"
    assert client.put(f"{path}/1962", json=ceiling, headers=norberg).get_json() == {"version": 1}
    assert client.put(f"{path}/1980", json=ceiling, headers=norberg).status_code == 403
