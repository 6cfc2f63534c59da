from __future__ import annotations

import pytest
from werkzeug.test import Client

from services.billing import reactions
from services.chassis.process import Composition
from tests.billing import booking
from tests.billing.test_pages import words
from tests.billing.test_reactions import TERM, ended, place
from tests.web import bearer, client_of, sign_in


@pytest.fixture
def client(composition: Composition) -> Client:
    storage = composition.parts.storage
    booking.open_year(storage)
    with storage.unit() as unit:
        reactions.on_term_opened(unit, TERM)
        for fact in (place(1, "1962", "1980"), place(2, "1962", "1980"), place(3, None, "1980")):
            reactions.on_place_given(unit, fact)
        reactions.on_application_ended(unit, ended(2))
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


def test_a_figure_leads_to_its_facts_and_a_protected_place_to_none(
    client: Client, composition: Composition
) -> None:
    sign_in(client, composition, role="finance", municipality="1962")
    assert "/finance/2025/flow/vt27/1962/1980" in client.get("/finance/2025").text
    page = client.get("/finance/2025/flow/vt27/1962/1980")
    assert "1 place is held now" in words(page)
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
    assert term["places"] == [{"home": "1962", "host": "1980", "places": 1}]
    assert term["not_shown"] == 1


def test_only_finance_staff_see_the_facts(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="staff", municipality="1980")
    assert client.get("/finance/2025/flow/vt27/1962/1980").status_code == 403
