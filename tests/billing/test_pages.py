from __future__ import annotations

import re

import pytest
from werkzeug.test import Client, TestResponse

from services.billing import county
from services.billing.queries import basis as queries
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.settings import COUNTY_FOLDER
from tests.billing.examples import NINE_ORE
from tests.billing.test_reactions import TERM, place, tell
from tests.web import client_of, sign_in

SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def client(composition: Composition) -> Client:
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


def open_form(token: str, **changes: str) -> dict[str, str]:
    form = {"year": "2025", "budget": "1 000 000", "population_date": "2024-12-31", "run_id": new_id()}
    return {**form, "csrf_token": token, **changes}


def versions(composition: Composition, year: int = 2025) -> list[int]:
    with composition.parts.storage.reading() as connection:
        return [run.version for run in queries.runs_of_year(connection, year)]


def words(response: TestResponse) -> str:
    """The page's text without tags, spaces of every kind collapsed."""
    text = re.sub(r"<[^>]+>", " ", response.text)
    return re.sub(r"\s+", " ", text)


def test_the_region_opens_2025_and_sees_the_worked_example(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="19", name="Anders")
    assert "No year is opened yet" in client.get("/finance").text
    response = client.post("/finance", data=open_form(token))
    assert (response.status_code, response.headers["Location"]) == (303, "/finance/2025")
    page = words(client.get("/finance/2025"))
    for ore in NINE_ORE.values():
        assert f"{ore // 100:,}.{ore % 100:02d}" in page
    assert "SEK 500,000.00 + SEK 500,000.00 = SEK 1,000,000.00" in page
    assert "The shares sum exactly to the budget" in page
    assert "would have given SEK 500,000.02" in page
    assert "Skinnskatteberg, Fagersta, Hallstahammar, Norberg, Köping" in page
    assert "Anders, Region Västmanland" in page
    assert "2025" in client.get("/finance").text


def test_in_swedish(client: Client, composition: Composition) -> None:
    county.load_demo(composition.parts.storage, COUNTY_FOLDER)
    sign_in(client, composition, role="finance", municipality="19")
    client.set_cookie("samklang_language", "sv")
    page = client.get("/finance/2025").text
    assert f"10{SPACE}047,44" in page
    assert "Andelarna är tillsammans exakt lika med budgeten" in page


def test_a_municipality_sees_everything_with_its_own_marked(client: Client, composition: Composition) -> None:
    county.load_demo(composition.parts.storage, COUNTY_FOLDER)
    sign_in(client, composition, role="finance", municipality="1962")
    page = client.get("/finance/2025")
    assert "Norberg pays" in words(page)
    assert "296,030.78" in page.text
    (own,) = re.findall(r'<tr aria-current="true">(.*?)</tr>', page.text, re.DOTALL)
    assert "Norberg" in own
    assert "Your municipality" in own
    for path in ("/finance", "/finance/populations"):
        listed = client.get(path).text
        assert "finance staff of Region Västmanland" in listed
        assert 'method="post" action="/finance' not in listed


def test_a_form_sent_twice_opens_the_year_once(client: Client, composition: Composition) -> None:
    form = open_form(sign_in(client, composition, role="finance", municipality="19"))
    assert [client.post("/finance", data=form).status_code for _ in range(2)] == [303, 303]
    assert versions(composition) == [1]


def test_the_same_basis_from_another_form_is_said(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    client.post("/finance", data=open_form(token))
    response = client.post("/finance", data=open_form(token), follow_redirects=True)
    assert "This basis was used already." in response.text
    assert versions(composition) == [1]


def test_earlier_versions_stay_readable(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    client.post("/finance", data=open_form(token))
    client.post("/finance", data=open_form(token, budget="1 200 000,01"))
    assert "600,000.01" in client.get("/finance/2025").text
    old = words(client.get("/finance/2025?version=1"))
    assert "This is version 1, which no longer holds" in old
    assert "10,047.44" in old
    assert client.get("/finance/2025/shares.csv?version=1").text.count("10047,44") == 1
    assert client.get("/finance/2025?version=3").status_code == 404


def test_an_odd_budget_says_where_the_odd_ore_went(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    client.post("/finance", data=open_form(token, budget="1000000,01"))
    assert "The budget does not divide evenly" in client.get("/finance/2025").text


def test_a_revision_is_pointed_out(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    client.post("/finance", data=open_form(token))
    figure = {"municipality_code": "1981", "reference_date": "2024-12-31", "population": "22 900"}
    response = client.post(
        "/finance/populations",
        data={**figure, "source": "scb.se, revised", "csrf_token": token},
        follow_redirects=True,
    )
    assert "recorded as a revision" in response.text
    assert "revised, was 22,843" in words(response)
    assert "Sala: 22,843 when computed, 22,900 now" in words(client.get("/finance/2025"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"budget": "1 000 000,005"}, "An öre is the smallest part of a krona"),
        ({"budget": "250.000"}, "An öre is the smallest part of a krona"),
        ({"budget": "a million"}, "Write an amount in kronor"),
        ({"budget": "1e6"}, "Write an amount in kronor"),
        ({"budget": "1_000"}, "Write an amount in kronor"),
        ({"budget": "١٠٠"}, "Write an amount in kronor"),
        ({"budget": "9" * 400}, "Write an amount in kronor"),
        ({"budget": "999 999 999 999"}, "larger than any cooperation"),
        ({"budget": "0"}, "A budget must be more than 0 kr."),
        ({"budget": "-5"}, "A budget must be more than 0 kr."),
        ({"budget": ""}, "Fill this in."),
        ({"year": "1900"}, "A year must be from 2000 to 2031."),
        ({"year": "2014"}, "No version of the agreement is valid on 1 January 2014"),
        ({"year": "abc"}, "Write a year with four figures"),
        ({"year": "99999999999999999999"}, "Write a year with four figures"),
        ({"population_date": "2026-12-31"}, "31 December 2026 has not come yet"),
        ({"population_date": "2024-02-30"}, "Write a date as year, month and day"),
        ({"population_date": "2022-12-31"}, "There is no population figure for Skinnskatteberg, Kungsör"),
        ({"run_id": "not-an-id"}, "The form is damaged"),
    ],
)
def test_a_form_that_does_not_fit_comes_back_with_words(
    client: Client, composition: Composition, changes: dict[str, str], says: str
) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    response = client.post("/finance", data=open_form(token, **changes))
    assert response.status_code in (409, 422)
    assert says in words(response)
    assert "Please check what you wrote" in response.text
    assert "<!doctype html>" in response.text
    assert versions(composition) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"population": "0"}, "must be a whole number above 0"),
        ({"population": "-3"}, "must be a whole number above 0"),
        ({"population": "12,5"}, "Write a whole number of people"),
        ({"population": "999 999 999"}, "more people than a municipality has"),
        ({"population": ""}, "Fill this in."),
        ({"reference_date": "2030-12-31"}, "must be from 1 January 1968 to today"),
        ({"reference_date": "yesterday"}, "Write a date as year, month and day"),
        ({"municipality_code": "198"}, "a municipality code is four digits"),
        ({"municipality_code": "19811"}, "Choose a municipality."),
        ({"source": " "}, "say where the figure is from"),
        ({"source": "x" * 301}, "At most 300 characters."),
    ],
)
def test_a_figure_that_does_not_fit_comes_back_with_words(
    client: Client, composition: Composition, changes: dict[str, str], says: str
) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    form = {"municipality_code": "1981", "reference_date": "2025-12-31", "population": "1", "source": "x"}
    response = client.post("/finance/populations", data={**form, "csrf_token": token, **changes})
    assert response.status_code == 422
    assert says in words(response)
    with composition.parts.storage.reading() as connection:
        assert len(queries.population_vintages(connection)) == 70


@pytest.mark.parametrize("path", ["/finance", "/finance/populations"])
def test_another_municipalitys_finance_is_told_who_may(
    client: Client, composition: Composition, path: str
) -> None:
    token = sign_in(client, composition, role="finance", municipality="1980")
    response = client.post(path, data=open_form(token))
    assert response.status_code == 403
    assert "Only finance staff of Region Västmanland open years" in words(response)
    assert versions(composition) == []


@pytest.mark.parametrize("role", ["guardian", "pupil", "staff", "operator"])
@pytest.mark.parametrize(
    "path", ["/finance", "/finance/2025", "/finance/2025/shares.csv", "/finance/populations"]
)
def test_other_roles_are_kept_out(client: Client, composition: Composition, role: str, path: str) -> None:
    county.load_demo(composition.parts.storage, COUNTY_FOLDER)
    sign_in(client, composition, role=role, municipality="19", person_id="somebody")
    assert client.get(path).status_code == 403
    client.delete_cookie("samklang_session")


def test_who_is_not_signed_in_is_asked_to(client: Client) -> None:
    response = client.get("/finance/2025")
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/login")


def test_a_form_without_its_token_changes_nothing(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="finance", municipality="19")
    assert client.post("/finance", data=open_form("forged")).status_code == 403
    assert versions(composition) == []


@pytest.mark.parametrize("path", ["/finance/1900", "/finance/2030"])
def test_a_year_that_is_not_open_says_so(client: Client, composition: Composition, path: str) -> None:
    sign_in(client, composition, role="finance", municipality="1962")
    for address in (path, f"{path}/shares.csv"):
        response = client.get(address)
        assert response.status_code == 404
        assert "has not been opened" in words(response)


def test_an_address_that_is_no_year_is_not_found(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="finance", municipality="1962")
    assert client.get("/finance/abc").status_code == 404
    assert client.get("/finance/99999999999999999999").status_code == 404
    assert client.get("/finance/2025?version=abc").status_code == 422


def test_the_file(client: Client, composition: Composition) -> None:
    county.load_demo(composition.parts.storage, COUNTY_FOLDER)
    sign_in(client, composition, role="finance", municipality="1962")
    response = client.get("/finance/2025/shares.csv")
    assert response.content_type == "text/csv; charset=utf-8"
    assert "kostnadsandelar-2025-version-1.csv" in response.headers["Content-Disposition"]
    assert response.data.startswith(b"\xef\xbb\xbf")
    assert "2025;1;1962;Norberg;5452;2024-12-31;2,0095;10047,44\r\n" in response.data.decode()


def test_places_stand_beside_the_share_and_a_protected_home_is_not_shown(
    client: Client, composition: Composition
) -> None:
    storage = composition.parts.storage
    county.load_demo(storage, COUNTY_FOLDER)
    homes = ("1962", "1962", "1907", None)
    tell(storage, TERM, *(place(number, home, "1980") for number, home in enumerate(homes)))
    sign_in(client, composition, role="finance", municipality="1962")
    page = words(client.get("/finance/2025"))
    assert "No places are known for the terms of 2025" in page
    assert "Norberg Your municipality 2 Västerås 2 0 10,047.44" in page
    assert "Surahammar 1 Västerås 1 0 not a member" in page
    assert "Home not shown protected identity, 1 place in the county not shown not shown not shown" in page


def test_no_inline_style_or_script(client: Client, composition: Composition) -> None:
    county.load_demo(composition.parts.storage, COUNTY_FOLDER)
    sign_in(client, composition, role="finance", municipality="19")
    for path in ("/finance", "/finance/2025", "/finance/populations"):
        page = client.get(path).text
        assert " style=" not in page
        assert "<script>" not in page
