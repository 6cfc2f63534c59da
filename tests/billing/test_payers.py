"""A payer's details are kept by version, by its own staff or the region's, and reach its e-invoices."""

from __future__ import annotations

from dataclasses import replace

import pytest
from werkzeug.test import Client

from services.billing.commands.payers import record_payer
from services.billing.configuration import configuration_from
from services.billing.domain.payers import PayerDetails
from services.billing.invoice_papers import einvoice_of
from services.billing.peppol.rules import checked
from services.billing.queries import invoices
from services.chassis.process import Composition
from services.chassis.refusals import Refused
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from tests.billing import booking
from tests.billing.booking import BY
from tests.billing.test_pages import words
from tests.web import bearer, client_of, sign_in

ISSUER = configuration_from(COUNTY_FOLDER / "chart.yaml").issuer
DETAILS = PayerDetails(
    "1962",
    "Norbergs kommun",
    "212000-2072",
    "EK-7",
    "Box 25",
    "738 21",
    "Norberg",
    "0088:7350000001266",
    "ekonomi@norberg.se",
)


def test_each_change_is_a_version_and_the_same_again_is_none(storage: Storage) -> None:
    with storage.unit() as unit:
        assert record_payer(unit, DETAILS, BY) == 2
        assert record_payer(unit, DETAILS, BY) == 2
        assert record_payer(unit, replace(DETAILS, order_reference="EK-8"), BY, seen=2) == 3
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        record_payer(unit, DETAILS, BY, seen=2)
    assert caught.value.refusal.name == "payer_changed_meanwhile"
    with storage.reading() as connection:
        kept = invoices.payer_revisions(connection, "1962")
    assert [(row.revision, row.order_reference) for row in kept][:2] == [(3, "EK-8"), (2, "EK-7")]


def test_the_e_invoice_goes_to_the_peppol_id_and_the_issued_one_stays(storage: Storage) -> None:
    booking.open_year(storage)
    before = next(each for each in booking.issue(storage, 1) if each.payer_code == "1962")
    with storage.unit() as unit:
        record_payer(unit, DETAILS, BY)
    after = next(
        each for each in booking.issue(storage, 2) if (each.payer_code, each.instalment) == ("1962", 2)
    )
    with storage.reading() as connection:
        first, second = (checked(einvoice_of(connection, each, ISSUER)) for each in (before, after))
    assert b'<cbc:EndpointID schemeID="0007">2120002072<' in first
    assert b'<cbc:EndpointID schemeID="0088">7350000001266<' in second
    assert b"ekonomi@norberg.se" in second
    assert b"EK-7" in second
    assert b"EK-7" not in first


@pytest.fixture
def client(composition: Composition) -> Client:
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


FORM = {
    "seen": "1",
    "legal_name": "Norbergs kommun",
    "organisation_number": "212000-2072",
    "order_reference": "EK-9",
    "street": "Box 25",
    "postal_code": "738 21",
    "town": "Norberg",
    "contact": "ekonomi@norberg.se",
}


def test_a_payer_changes_its_own_details(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="1962", name="Birgitta")
    form = {**FORM, "csrf_token": token}
    wrong = client.post("/finance/payers/1962", data={**form, "organisation_number": "212000-2073"})
    assert (wrong.status_code, "is not the organisation number" in wrong.text) == (422, True)
    assert 'value="EK-9"' in wrong.text
    wrong = client.post("/finance/payers/1962", data={**form, "peppol_id": "0088:1"})
    assert (wrong.status_code, "A Peppol id is a scheme" in wrong.text) == (422, True)
    for _ in range(2):
        assert client.post("/finance/payers/1962", data=form).status_code == 303
    page = words(client.get("/finance/payers/1962"))
    assert "Birgitta, Norberg" in page
    assert page.count("EK-9") == 2
    stale = client.post("/finance/payers/1962", data={**form, "order_reference": "EK-10"})
    assert (stale.status_code, "changed the payer" in words(stale)) == (409, True)
    assert client.post("/finance/payers/1980", data=form).status_code == 403
    assert "Change the details" not in client.get("/finance/payers/1980").text


def test_the_list_says_what_is_missing(client: Client, composition: Composition) -> None:
    with composition.parts.storage.unit() as unit:
        record_payer(unit, replace(DETAILS, order_reference=""), BY)
    sign_in(client, composition, role="finance", municipality="1980")
    page = words(client.get("/finance/payers"))
    assert "Norberg 212000-2072 0088:7350000001266 – ekonomi@norberg.se something is missing" in page
    assert page.count("complete") >= 9
    assert client.get("/finance/payers/9999").status_code == 404
    sign_in(client, composition, role="guardian", municipality="1980", person_id="x")
    assert client.get("/finance/payers").status_code == 403
    assert client.get("/finance/payers/1980").status_code == 403


def test_the_api_keeps_the_same(client: Client, composition: Composition) -> None:
    norberg = bearer(composition, role="finance", municipality="1962")
    body = {name: value for name, value in FORM.items() if name != "seen"} | {"peppol_id": "0007:2120002072"}
    path = "/api/billing/payers"
    assert client.put(f"{path}/1962", json=body, headers=norberg).get_json() == {"version": 2}
    assert client.put(f"{path}/1980", json=body, headers=norberg).status_code == 403
    assert client.put(f"{path}/9999", json=body, headers=norberg).status_code == 404
    told = client.get(f"{path}/1962", headers=bearer(composition, role="finance", municipality="1980"))
    first, second = told.get_json()["versions"]
    assert (first["version"], first["order_reference"], second["version"]) == (2, "EK-9", 1)
    assert client.get(f"{path}/9999", headers=norberg).status_code == 404
    guardian = bearer(composition, role="guardian", municipality="1962", person_id="x")
    assert client.get(f"{path}/1962", headers=guardian).status_code == 403
