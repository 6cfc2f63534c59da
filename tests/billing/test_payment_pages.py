from __future__ import annotations

import io
import re

import pytest
from werkzeug.test import Client

from services.billing import checks
from services.billing.commands import invoicing
from services.billing.commands.einvoices import refuse_failing
from services.billing.commands.payers import record_payer
from services.billing.configuration import configuration_from
from services.billing.domain import siefile
from services.billing.domain.payers import PayerDetails
from services.billing.queries import invoices, payments
from services.billing.queries.invoices import Invoice
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.refusals import Refused
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from tests.billing.bank_files import Line, Part, bank_file
from tests.billing.booking import BY, CHART, YEAR, issue, issued, newest, open_year
from tests.billing.test_payments import kronor, paying
from tests.web import TestResponse, bearer, client_of, sign_in

ISSUER = configuration_from(COUNTY_FOLDER / "chart.yaml").issuer


@pytest.fixture
def first(storage: Storage) -> dict[str, Invoice]:
    open_year(storage)
    return {each.payer_code: each for each in issue(storage, 1)}


@pytest.fixture
def client(first: dict[str, Invoice], composition: Composition) -> Client:
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


@pytest.fixture
def token(client: Client, composition: Composition) -> str:
    return sign_in(client, composition, role="finance", municipality="19", name="Anders")


def upload(client: Client, token: str, content: bytes) -> TestResponse:
    form = {"csrf_token": token, "file": (io.BytesIO(content), "camt.xml")}
    return client.post("/finance/payments/import", data=form)


def words(response: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def kept(composition: Composition) -> list[payments.Kept]:
    with composition.parts.storage.reading() as connection:
        assert checks.check(connection) == []
        return payments.every_payment(connection)


def test_take_in_confirm_and_undo(
    client: Client, composition: Composition, token: str, first: dict[str, Invoice]
) -> None:
    assert "Nothing waits" in client.get("/finance/payments").text
    norberg, sala = first["1962"], first["1981"]
    amount = kronor(sala.amount_ore)
    unclear = Line(amount, [Part(amount, payer="Sala kommun", payer_number="2120002098")])
    response = upload(client, token, bank_file([paying(norberg), unclear]))
    assert (response.status_code, response.headers["Location"]) == (303, "/finance/payments")
    page = client.get("/finance/payments")
    assert "Taken in: 2 payments, of which 1 found their invoice and 1 wait for you." in words(page)
    upload(client, token, bank_file([paying(norberg), unclear]))
    assert "That file was taken in before. Nothing has changed." in client.get("/finance/payments").text
    waiting = next(each for each in kept(composition) if not each.is_settled)
    path = f"/finance/payments/{waiting.payment_id}"
    page = client.get(path)
    assert "The payer has an invoice of exactly this amount." in page.text
    form = {
        "csrf_token": token,
        "booking_id": hidden(page.text, "booking_id"),
        "suggestion": "0",
        "seen": hidden(page.text, "seen"),
    }
    stale = client.post(f"{path}/confirm", data={**form, "seen": "other"})
    assert (stale.status_code, "Look at the suggestion again" in stale.text) == (409, True)
    for _ in range(2):
        assert client.post(f"{path}/confirm", data=form).status_code == 303
    assert all(each.is_settled for each in kept(composition))
    done = words(client.get(path))
    assert f"Invoice {sala.number}" in done
    assert "Anders, Region Västmanland" in done
    undo = {"csrf_token": token, "booking_id": new_id(), "reason": "it was for another one"}
    assert client.post(f"{path}/bookings/{form['booking_id']}/undo", data=undo).status_code == 303
    assert not all(each.is_settled for each in kept(composition))


def test_by_hand_on_an_invoice_an_account_and_back(
    client: Client, composition: Composition, token: str, first: dict[str, Invoice]
) -> None:
    upload(client, token, bank_file([Line("100.00"), Line("10.00", credit=False, day="2025-05-02")]))
    by_way = {each.told.is_credit: each for each in kept(composition)}
    path = f"/finance/payments/{by_way[True].payment_id}"
    base = {"csrf_token": token, "reason": "told on the phone"}
    invoice_id = first["1962"].invoice_id
    put = {**base, "booking_id": new_id(), "invoice_id": invoice_id, "amount": "60"}
    for changes, text in (
        ({"reason": ""}, "Say why in 5 to 500 characters"),
        ({"amount": "1000"}, "There is less left of the payment than that"),
        ({"amount": "x"}, "Write an amount in kronor"),
        ({"invoice_id": ""}, "Choose one."),
        ({"booking_id": "x"}, "The form is damaged"),
    ):
        refused = client.post(f"{path}/allocate", data={**put, **changes})
        assert refused.status_code in (409, 422)
        assert text in words(refused)
    assert client.post(f"{path}/allocate", data=put).status_code == 303
    elsewhere = {
        **base,
        "booking_id": new_id(),
        "account": CHART.number("payment_differences"),
        "amount": "30",
    }
    assert client.post(f"{path}/elsewhere", data=elsewhere).status_code == 303
    back = {"csrf_token": token, "reason": "paid back", "returns_id": by_way[True].payment_id}
    assert client.post(f"/finance/payments/{by_way[False].payment_id}/return", data=back).status_code == 303
    assert all(each.is_settled for each in kept(composition))


def test_record_and_value(client: Client, composition: Composition, token: str) -> None:
    payment_id = new_id()
    form = {
        "csrf_token": token, "payment_id": payment_id, "amount": "12,50", "booked_on": "2025-04-01",
        "payer_code": "1962", "reason": "paid in cash",
    }  # fmt: skip
    response = client.post("/finance/payments/record", data=form)
    assert response.headers["Location"] == f"/finance/payments/{payment_id}"
    assert "paid in cash" in client.get(f"/finance/payments/{payment_id}").text
    bad = client.post("/finance/payments/record", data={**form, "amount": "-1", "payment_id": new_id()})
    assert (bad.status_code, "An amount must be more than 0 kr." in bad.text) == (422, True)
    upload(client, token, bank_file([Line("10.00", currency="EUR")]))
    foreign = next(each for each in kept(composition) if each.told.currency == "EUR")
    path = f"/finance/payments/{foreign.payment_id}"
    assert "What is it worth?" in client.get(path).text
    value = {"csrf_token": token, "amount": "112", "reason": "the bank's rate"}
    assert client.post(f"{path}/value", data=value).status_code == 303
    assert kept(composition)[0].worth_ore is not None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not whole XML"),
        (b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "document type or entities"),
        (bank_file([Line("1.00")], account="SE00"), "The statement is of account SE00"),
    ],
)
def test_a_file_that_is_refused(
    client: Client, composition: Composition, token: str, content: bytes, text: str
) -> None:
    response = upload(client, token, content)
    assert (response.status_code, text in words(response)) == (422, True)
    assert kept(composition) == []


def test_a_file_over_a_megabyte_is_not_read(client: Client, token: str) -> None:
    assert upload(client, token, b" " * 1_100_000).status_code == 413


@pytest.mark.parametrize("role", ["staff", "guardian", "operator"])
def test_payments_are_the_countys_finance_staffs(
    client: Client, composition: Composition, first: dict[str, Invoice], role: str
) -> None:
    sign_in(client, composition, role=role, municipality="19", person_id="x")
    paths = ["/finance/payments", "/finance/sie", f"/finance/invoices/{first['1962'].invoice_id}/invoice.pdf"]
    assert [client.get(path).status_code for path in paths] == [403, 403, 403]
    sign_in(client, composition, role="finance", municipality="1962")
    assert [client.get(path).status_code for path in paths] == [403, 403, 200]
    other = first["1981"].invoice_id
    assert client.get(f"/finance/invoices/{other}/invoice.pdf").status_code == 403
    assert client.get("/finance/invoices/nothing/e-invoice.xml").status_code == 404


def test_every_invoice_is_a_paper_and_an_e_invoice(
    client: Client, token: str, first: dict[str, Invoice]
) -> None:
    assert len(first) == 10
    for invoice in first.values():
        path = f"/finance/invoices/{invoice.invoice_id}"
        document = client.get(f"{path}/e-invoice.xml")
        assert (document.status_code, document.content_type) == (200, "application/xml")
        assert f">{kronor(invoice.amount_ore)}</cbc:PayableAmount>".encode() in document.data
        assert client.get(f"{path}/invoice.pdf").data.startswith(b"%PDF-")
    assert "passes every layer" in client.get(f"{path}/e-invoice").text


def test_no_invoice_is_issued_whose_e_invoice_fails(storage: Storage) -> None:
    """Köping has no order reference any more: the whole instalment stays unissued, with the rule's name."""
    open_year(storage)
    with storage.unit() as unit:
        details = PayerDetails("1983", "Köpings kommun", "212000-2114", "", "Gatan 1", "731 00", "Köping")
        record_payer(unit, details, BY)
    run = newest(storage)
    with pytest.raises(Refused) as refused, storage.unit() as unit:
        ids = invoicing.issue_instalment(unit, YEAR, 1, CHART, BY, run_id=run.run_id)
        refuse_failing(unit, ids, ISSUER)
    assert refused.value.refusal.rule == "PEPPOL-EN16931-R003"
    assert issued(storage) == []


def test_an_e_invoice_that_fails_is_shown_with_its_rule(
    client: Client, composition: Composition, token: str
) -> None:
    with composition.parts.storage.unit() as unit:
        details = PayerDetails("1983", "Köpings kommun", "212000-2114", "", "Gatan 1", "731 00", "Köping")
        record_payer(unit, details, BY)
    found = {each.payer_code: each for each in issue(composition.parts.storage, 2) if each.instalment == 2}
    path = f"/finance/invoices/{found['1983'].invoice_id}"
    refused = client.get(f"{path}/e-invoice.xml")
    assert (refused.status_code, "PEPPOL-EN16931-R003" in refused.text) == (422, True)
    page = words(client.get(f"{path}/e-invoice"))
    assert "does not leave the house" in page
    assert "PEPPOL-EN16931-R003" in page


def test_sie_and_the_same_figures_as_tables(client: Client, token: str, first: dict[str, Invoice]) -> None:
    page = client.get("/finance/sie")
    assert "Read back: the same, to the öre" in page.text
    file = client.get("/finance/sie/vouchers.se?first=2026-01-01&last=2026-12-31")
    back = siefile.read(file.data)
    assert len(back.vouchers) == 10
    assert siefile.sums_of(back.vouchers).debit_ore == sum(each.amount_ore for each in first.values())
    table = client.get("/finance/sie/vouchers.csv").data.decode("utf-8-sig").splitlines()
    assert len(table) == 1 + 20
    assert client.get("/finance/sie/vouchers.xlsx").data.startswith(b"PK")
    assert "There are no vouchers" in client.get("/finance/sie?first=2025-01-01&last=2025-02-28").text
    for query in ("first=2025-02-29", "first=2026-02-01&last=2026-01-01", "first=2025-01-01&last=2026-01-01"):
        assert client.get(f"/finance/sie?{query}").status_code == 422


def test_the_api(client: Client, composition: Composition, first: dict[str, Invoice]) -> None:
    region = bearer(composition, role="finance", municipality="19")
    content = bank_file([paying(first["1962"]), Line("5.00"), Line("9.00", currency="EUR")]).decode()
    done = client.post("/api/billing/statements", json={"content": content}, headers=region).json
    assert (done["payments"], done["booked"], done["waiting"], done["again"]) == (3, 1, 2, False)
    assert client.post("/api/billing/statements", json={"content": content}, headers=region).json["again"]
    listed = client.get("/api/billing/payments", headers=region).json["payments"]
    unknown = next(each for each in listed if each["outcome"] == "unknown")
    foreign = next(each for each in listed if each["currency"] == "EUR")
    path = f"/api/billing/payments/{unknown['payment_id']}"
    sala = first["1981"].invoice_id
    body = {
        "booking_id": new_id(),
        "reason": "by telephone",
        "allocations": [{"invoice_id": sala, "amount_ore": 200}],
    }
    assert client.post(f"{path}/bookings", json=body, headers=region).json["rest_ore"] == 300
    undo = {"booking_id": new_id(), "reason": "not theirs"}
    undone = client.post(f"{path}/bookings/{body['booking_id']}/undo", json=undo, headers=region).json
    assert (undone["rest_ore"], len(undone["bookings"])) == (500, 2)
    account = {"booking_id": new_id(), "reason": "given away", "account": "3990", "amount_ore": 500}
    assert client.post(f"{path}/bookings", json=account, headers=region).json["settled"]
    value = {"amount_ore": 10_000, "reason": "the bank's rate"}
    valued = client.post(f"/api/billing/payments/{foreign['payment_id']}/value", json=value, headers=region)
    assert valued.json["rest_ore"] == 10_000
    record = {"payment_id": new_id(), "amount_ore": 1, "booked_on": "2025-05-01", "reason": "found it"}
    assert client.post("/api/billing/payments", json=record, headers=region).json["rest_ore"] == 1
    back = {"returns_id": unknown["payment_id"], "reason": "wrong way"}
    refused = client.post(f"{path}/return", json=back, headers=region)
    assert (refused.status_code, refused.json["name"]) == (409, "return_impossible")
    norberg = bearer(composition, role="finance", municipality="1962")
    assert client.get("/api/billing/payments", headers=norberg).status_code == 403
    evil = {"content": "<!DOCTYPE a><a/>"}
    refused = client.post("/api/billing/statements", json=evil, headers=region)
    assert (refused.status_code, refused.json["name"]) == (422, "statement_unsafe")
    kept(composition)
    with composition.parts.storage.reading() as connection:
        assert invoices.invoice(connection, sala).open_ore == first["1981"].amount_ore
