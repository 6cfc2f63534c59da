from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from services.billing import county
from services.billing.queries import basis as queries
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.settings import COUNTY_FOLDER
from tests.billing.examples import BUDGET_ORE, NINE_ORE, REGION
from tests.web import bearer, client_of

BODY = {"year": 2025, "budget_ore": BUDGET_ORE, "population_date": "2024-12-31"}
FIGURE = {
    "municipality_code": "1981",
    "reference_date": "2025-12-31",
    "population": 22900,
    "source": "scb.se",
}


@pytest.fixture
def client(composition: Composition) -> Client:
    return client_of(composition)


@pytest.fixture
def region(composition: Composition) -> dict[str, str]:
    return bearer(composition, role="finance", municipality="19")


@pytest.fixture
def norberg(composition: Composition) -> dict[str, str]:
    return bearer(composition, role="finance", municipality="1962")


def runs(composition: Composition) -> int:
    with composition.parts.storage.reading() as connection:
        return len(queries.every_run(connection))


def test_open_read_and_download(client: Client, region: dict[str, str], norberg: dict[str, str]) -> None:
    run_id = new_id()
    opened = client.post("/api/billing/years", json={**BODY, "run_id": run_id}, headers=region)
    assert opened.status_code == 200
    assert opened.json["run_id"] == run_id
    year = client.get("/api/billing/years/2025", headers=norberg).json
    assert {step["payer_code"]: step["share_ore"] for step in year["shares"]} == {
        REGION: 500_000_00,
        **NINE_ORE,
    }
    assert year["sums_exactly"] is True
    assert (year["region_ore"], year["members_ore"], year["versions"]) == (500_000_00, 500_000_00, [1])
    norbergs = next(step for step in year["shares"] if step["payer_code"] == "1962")
    assert norbergs == {
        "payer_code": "1962",
        "name": "Norberg",
        "weight": 5452,
        "exact_ore": "272600000000/271313",
        "rounded_down_ore": 1004743,
        "extra_ore": 1,
        "share_ore": 1004744,
    }
    listed = client.get("/api/billing/years", headers=norberg).json["years"]
    assert [(each["year"], each["budget_ore"]) for each in listed] == [(2025, BUDGET_ORE)]
    file = client.get("/api/billing/years/2025/shares.csv", headers=norberg)
    assert file.content_type == "text/csv; charset=utf-8"
    assert "10047,44" in file.text


def test_opening_again_gives_the_same_run(
    client: Client, composition: Composition, region: dict[str, str]
) -> None:
    ids = {client.post("/api/billing/years", json=BODY, headers=region).json["run_id"] for _ in range(3)}
    assert len(ids) == 1
    assert runs(composition) == 1


def test_an_earlier_version_can_be_read(client: Client, region: dict[str, str]) -> None:
    client.post("/api/billing/years", json=BODY, headers=region)
    client.post("/api/billing/years", json={**BODY, "budget_ore": 1}, headers=region)
    newest = client.get("/api/billing/years/2025", headers=region).json
    first = client.get("/api/billing/years/2025?version=1", headers=region).json
    assert (newest["version"], newest["budget_ore"], newest["versions"]) == (2, 1, [2, 1])
    assert (first["version"], first["budget_ore"]) == (1, BUDGET_ORE)


@pytest.mark.parametrize(
    ("changes", "status", "name"),
    [
        ({"year": 1900}, 422, "year_unknown"),
        ({"year": "abc"}, 422, "input_invalid"),
        ({"year": 2025.5}, 422, "input_invalid"),
        ({"budget_ore": 0}, 422, "budget_not_positive"),
        ({"budget_ore": -1}, 422, "budget_not_positive"),
        ({"budget_ore": 10**13 + 1}, 422, "budget_too_large"),
        ({"budget_ore": 10**40}, 422, "input_invalid"),
        ({"budget_ore": "1 000 000,005"}, 422, "input_invalid"),
        ({"budget_ore": 100.5}, 422, "input_invalid"),
        ({"budget_ore": True}, 422, "input_invalid"),
        ({"budget_ore": None}, 422, "input_invalid"),
        ({"population_date": "2026-12-31"}, 422, "population_date_in_future"),
        ({"population_date": "31/12"}, 422, "input_invalid"),
        ({"population_date": "2022-12-31"}, 409, "population_missing"),
        ({"run_id": "x"}, 422, "input_invalid"),
        ({"unknown": 1}, 422, "input_invalid"),
    ],
)
def test_a_body_that_does_not_fit_is_a_problem_document(
    client: Client,
    composition: Composition,
    region: dict[str, str],
    changes: dict[str, Any],
    status: int,
    name: str,
) -> None:
    response = client.post("/api/billing/years", json={**BODY, **changes}, headers=region)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.json["name"] == name
    assert runs(composition) == 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"not json", "application/json", 400),
        (b"[1, 2]", "application/json", 422),
        (b'{"year": 2025}', "text/plain", 400),
        (b"[" * 100_000, "application/json", 400),
        (b" " * 2_000_000, "application/json", 413),
    ],
)
@pytest.mark.parametrize("path", ["/api/billing/years", "/api/billing/populations"])
def test_a_body_that_is_not_json_is_refused(
    client: Client, region: dict[str, str], path: str, body: bytes, kind: str, status: int
) -> None:
    response = client.post(path, data=body, content_type=kind, headers=region)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/billing/years", BODY), ("/api/billing/populations", {"populations": [FIGURE]})],
)
def test_a_municipality_may_not_set_the_basis(
    client: Client, composition: Composition, norberg: dict[str, str], path: str, body: dict[str, Any]
) -> None:
    response = client.post(path, json=body, headers=norberg)
    assert (response.status_code, response.json["name"]) == (403, "county_finance_only")
    assert "Region Västmanland" in response.json["detail"]
    assert runs(composition) == 0


@pytest.mark.parametrize("role", ["guardian", "pupil", "staff", "operator"])
def test_other_roles_read_nothing(client: Client, composition: Composition, role: str) -> None:
    headers = bearer(composition, role=role, municipality="19", person_id="somebody")
    for path in ("/years", "/years/2025", "/years/2025/shares.csv", "/populations"):
        assert client.get(f"/api/billing{path}", headers=headers).status_code == 403


def test_nobody_reads_without_a_token(client: Client) -> None:
    assert client.get("/api/billing/years").status_code == 401
    assert client.post("/api/billing/years", json=BODY).status_code in (401, 403)


@pytest.mark.parametrize(
    ("year", "name"),
    [("1900", "year_not_opened"), ("2030", "year_not_opened"), ("99999999999999999999", "not_found")],
)
def test_a_year_that_is_not_open(client: Client, norberg: dict[str, str], year: str, name: str) -> None:
    response = client.get(f"/api/billing/years/{year}", headers=norberg)
    assert (response.status_code, response.json["name"]) == (404, name)


def test_populations_are_listed_recorded_and_revised(client: Client, region: dict[str, str]) -> None:
    assert len(client.get("/api/billing/populations", headers=region).json["populations"]) == 70
    body = {"populations": [FIGURE]}
    assert client.post("/api/billing/populations", json=body, headers=region).json == {
        "first": 1,
        "revised": 0,
        "unchanged": 0,
    }
    changed = {"populations": [{**FIGURE, "population": 22901}]}
    assert client.post("/api/billing/populations", json=changed, headers=region).json["revised"] == 1
    kept = client.get("/api/billing/populations", headers=region).json["populations"]
    assert [(row["vintage"], row["population"]) for row in kept if row["reference_date"] == "2025-12-31"] == [
        (1, 22900),
        (2, 22901),
    ]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"population": 0}, "population_not_positive"),
        ({"population": -1}, "population_not_positive"),
        ({"population": 10**11}, "population_not_positive"),
        ({"population": 10**40}, "input_invalid"),
        ({"population": "many"}, "input_invalid"),
        ({"population": None}, "input_invalid"),
        ({"reference_date": "2027-01-01"}, "reference_date_impossible"),
        ({"municipality_code": "x"}, "municipality_code_invalid"),
        ({"source": ""}, "source_missing"),
    ],
)
def test_a_broken_figure_is_refused_and_nothing_kept(
    client: Client, region: dict[str, str], changes: dict[str, Any], name: str
) -> None:
    good = {**FIGURE, "municipality_code": "1962"}
    body = {"populations": [good, {**FIGURE, **changes}]}
    response = client.post("/api/billing/populations", json=body, headers=region)
    assert (response.status_code, response.json["name"]) == (422, name)
    assert len(client.get("/api/billing/populations", headers=region).json["populations"]) == 70


def test_the_demo_year_is_there_for_the_api_too(
    client: Client, composition: Composition, norberg: dict[str, str]
) -> None:
    county.load_demo(composition.parts.storage, COUNTY_FOLDER)
    year = client.get("/api/billing/years/2025", headers=norberg).json
    assert year["opened_by"] == "samklang load"
    assert [member["code"] for member in year["members"]] == sorted(NINE_ORE)


def test_names_come_from_billings_own_copy(composition: Composition) -> None:
    names = composition.parts.municipality_names()  # type: ignore[attr-defined]  # billing's own parts
    assert names["19"] == "Region Västmanland"
    assert names["1907"] == "Surahammar"
    assert len(names) == 11
