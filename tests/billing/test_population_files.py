from __future__ import annotations

import io
import json

import pytest
from werkzeug.test import Client

from services.billing.queries import basis as queries
from services.chassis.process import Composition
from tests.billing.domain.test_scb import RELATIONAL, SIMPLE, WIDE, dataset
from tests.web import TestResponse, bearer, client_of, sign_in


@pytest.fixture
def client(composition: Composition) -> Client:
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


def upload(client: Client, token: str, content: bytes, source: str = "scb.se") -> TestResponse:
    form = {"csrf_token": token, "file_source": source, "file": (io.BytesIO(content), "be0101.json")}
    return client.post("/finance/populations/import", data=form)


def figures(composition: Composition) -> dict[tuple[str, int], int]:
    with composition.parts.storage.reading() as connection:
        return {
            (row.municipality_code, row.vintage): row.population
            for row in queries.population_vintages(connection)
            if row.reference_date.isoformat() == "2024-12-31"
        }


@pytest.mark.parametrize(
    "content", [json.dumps(dataset()).encode(), WIDE.encode("cp1252"), RELATIONAL.encode(), SIMPLE.encode()]
)
def test_every_layout_is_taken_in(client: Client, composition: Composition, content: bytes) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    before = figures(composition)
    changed = content.replace(b"160634", b"160635").replace(b"80334", b"80335")
    response = upload(client, token, changed)
    assert (response.status_code, response.headers["Location"]) == (303, "/finance/populations")
    assert "revised" in client.get("/finance/populations").text
    after = figures(composition)
    assert after["1980", 2] == 160635
    assert before.items() <= after.items()


def test_a_cell_that_says_no_leaves_everything_as_it_was(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    before = figures(composition)
    response = upload(client, token, WIDE.replace("5452", "..").replace("160634", "1").encode())
    assert response.status_code == 422
    assert "3:Folkmängd 2024 has no figure" in response.text
    assert figures(composition) == before


def test_no_file_and_another_municipality(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="19")
    nothing = client.post("/finance/populations/import", data={"csrf_token": token})
    assert (nothing.status_code, "The file is empty." in nothing.text) == (422, True)
    token = sign_in(client, composition, role="finance", municipality="1962")
    assert upload(client, token, SIMPLE.encode()).status_code == 403


def test_the_api_takes_the_same_files(client: Client, composition: Composition) -> None:
    region = bearer(composition, role="finance", municipality="19")
    body = {"content": json.dumps(dataset()).replace("80334", "80335"), "source": "scb.se, api"}
    answer = client.post("/api/billing/populations/files", json=body, headers=region)
    assert answer.json == {"first": 0, "revised": 4, "unchanged": 0}
    assert client.post("/api/billing/populations/files", json=body, headers=region).json["unchanged"] == 4
    refused = client.post("/api/billing/populations/files", json={"content": RELATIONAL}, headers=region)
    assert (refused.status_code, refused.json["name"]) == (422, "source_missing")
    norberg = bearer(composition, role="finance", municipality="1962")
    assert client.post("/api/billing/populations/files", json=body, headers=norberg).status_code == 403
