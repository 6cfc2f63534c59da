"""The rollover through its pages and its API: every effect is seen first, and only one's own school's."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from werkzeug.test import Client

from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.enrolment import commands
from services.enrolment.tables import rollovers
from tests.enrolment.rollover.story import (
    NEXT_CIRCUS,
    NEXT_DANCE,
    NEXT_FIDDLE,
    autumn_comes,
    by_pupil,
    looked_at,
)
from tests.enrolment.story import MARIA, NORRBY, SODERBY, applied, count
from tests.web import bearer, sign_in

PAGE, API = "/staff/terms/ht27", "/api/enrolment/terms/ht27/rollover"


def hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_looking_doing_and_reading_what_was_done(
    client: Client, composition: Composition, storage: Storage
) -> None:
    applied(storage)
    applied(storage, "n1", pupil_id="noor")
    applied(storage, "c1", pupil_id="clover")
    autumn_comes(storage, replace(NEXT_FIDDLE, max_age=10))
    token = sign_in(client, composition, role="staff", municipality=NORRBY)
    assert "Autumn 2027: who goes on?" in client.get("/staff").text
    assert "1 course to settle" in client.get("/staff/terms").text
    page = client.get(PAGE).text
    assert "too old when the term begins" in page
    assert "Alma Hellström" in page
    assert "Klöver" in page
    assert "Skyddad" not in page
    assert "Afterwards: 1 of 2 seats taken, 0 wait." in page
    assert by_pupil(storage) == {}
    form = {
        "csrf_token": token,
        "rollover_id": hidden(page, "rollover_id"),
        "digest": hidden(page, "digest"),
        "why": "The school year ends",
    }
    for _ in range(2):
        answer = client.post(PAGE, data=form)
        assert answer.headers["Location"] == f"/staff/rollovers/{form['rollover_id']}"
    assert by_pupil(storage)["alma"] == "placed"
    done = client.get(answer.headers["Location"]).text
    assert "The school year ends" in done
    assert "Noor Haddad" in done
    assert "Klöver" in done
    assert "Skyddad" not in done
    assert "Settled" in client.get("/staff/terms").text
    assert "Nothing is left to do" in client.get(PAGE).text
    assert "who goes on?" not in client.get("/staff").text


def test_what_has_changed_since_is_shown_anew(
    client: Client, composition: Composition, storage: Storage
) -> None:
    applied(storage)
    autumn_comes(storage)
    token = sign_in(client, composition, role="staff", municipality=NORRBY)
    page = client.get(PAGE).text
    with storage.unit() as unit:
        commands.withdraw(unit, "a1", "the tests")
    applied(storage, "n1", pupil_id="noor")
    form = {
        "csrf_token": token,
        "rollover_id": hidden(page, "rollover_id"),
        "digest": hidden(page, "digest"),
        "why": "The school year ends",
    }
    answer = client.post(PAGE, data=form)
    assert answer.status_code == 409
    assert "Something has changed since you looked" in answer.text
    assert "Noor Haddad" in answer.text
    assert "The school year ends" in answer.text  # what was written is still there
    assert hidden(answer.text, "digest") != form["digest"]
    assert count(storage, rollovers) == 0
    again = {
        **form,
        "rollover_id": hidden(answer.text, "rollover_id"),
        "digest": hidden(answer.text, "digest"),
    }
    assert client.post(PAGE, data=again).status_code == 303


def test_empty_and_refused(client: Client, composition: Composition, storage: Storage) -> None:
    sign_in(client, composition, role="staff", municipality=NORRBY)
    assert "No term to go on to" in client.get("/staff/terms").text
    assert client.get(PAGE).status_code == 404
    assert client.get("/staff/terms/%00").status_code == 404
    assert client.get("/staff/rollovers/nothing").status_code == 404
    autumn_comes(storage, replace(NEXT_FIDDLE, continues=None))
    answer = client.get(PAGE)
    assert answer.status_code == 409
    assert "Publish the term’s courses first" in answer.text


def test_the_api_and_its_other_municipality(
    client: Client, composition: Composition, storage: Storage
) -> None:
    applied(storage)
    applied(storage, "n1", "circus", "noor")
    autumn_comes(storage, NEXT_FIDDLE, NEXT_CIRCUS, NEXT_DANCE)
    norrby = bearer(composition, role="staff", municipality=NORRBY)
    soderby = bearer(composition, role="staff", municipality=SODERBY)
    seen = client.get(API, headers=norrby).json
    assert seen is not None
    assert (seen["counts"], [each["application_id"] for each in seen["effects"]]) == (
        {"continues": 1},
        ["a1"],
    )
    assert seen["digest"] == looked_at(storage).given.digest
    body = {"rollover_id": new_id(), "digest": seen["digest"], "why": "By the API"}
    # Söderby's input is another one: what Norrby saw does nothing there.
    refused = client.post(API, headers=soderby, json=body)
    assert (refused.status_code, refused.json and refused.json["name"]) == (409, "rollover_changed")
    for _ in range(2):
        answer = client.post(API, headers=norrby, json=body)
        assert answer.status_code == 201, answer.text
    assert answer.json is not None
    assert (answer.json["counts"], answer.json["why"]) == ({"continues": 1}, "By the API")
    assert by_pupil(storage, "circus-ht27") == {}
    mine = client.get("/api/enrolment/rollovers", headers=norrby).json
    theirs = client.get("/api/enrolment/rollovers", headers=soderby).json
    assert mine is not None
    assert [each["rollover_id"] for each in mine["rollovers"]] == [body["rollover_id"]]
    assert theirs == {"rollovers": []}
    sign_in(client, composition, role="staff", municipality=SODERBY)
    assert client.get(f"/staff/rollovers/{body['rollover_id']}").status_code == 403


ROUTES = [
    ("GET", "/staff/terms"),
    ("GET", PAGE),
    ("POST", PAGE),
    ("GET", "/staff/rollovers/r1"),
    ("GET", API),
    ("POST", API),
    ("GET", "/api/enrolment/rollovers"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[" ".join(route) for route in ROUTES])
def test_each_route_is_for_staff(
    client: Client, composition: Composition, storage: Storage, method: str, path: str
) -> None:
    applied(storage)
    autumn_comes(storage)
    for role in ("guardian", "pupil", "finance", "operator"):
        person = MARIA if role in ("guardian", "pupil") else None
        if path.startswith("/api/"):
            headers = bearer(composition, role=role, municipality=NORRBY, person_id=person)
            status = client.open(path, method=method, json={}, headers=headers).status_code
        else:
            token = sign_in(client, composition, role=role, municipality=NORRBY, person_id=person)
            data = {"csrf_token": token} if method == "POST" else None
            status = client.open(path, method=method, data=data).status_code
        assert status == 403, role
    assert by_pupil(storage) == {}


def test_a_form_without_its_token_does_nothing(
    client: Client, composition: Composition, storage: Storage
) -> None:
    applied(storage)
    autumn_comes(storage)
    sign_in(client, composition, role="staff", municipality=NORRBY)
    page = client.get(PAGE).text
    form = {name: hidden(page, name) for name in ("rollover_id", "digest")} | {"why": "x"}
    assert client.post(PAGE, data=form).status_code == 403
    assert by_pupil(storage) == {}
