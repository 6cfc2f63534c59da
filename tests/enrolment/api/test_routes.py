"""Every route, and whose it is."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.chassis.web import openapi
from services.enrolment import api, staff_api
from services.enrolment.tables import applications
from tests.enrolment.api.asking import API, get
from tests.enrolment.story import MARIA, NORRBY, count
from tests.web import bearer, client_of

# Method, path, and the roles that have it.
FAMILY, STAFF = ("guardian", "pupil"), ("staff",)
ROUTES: dict[tuple[str, str], tuple[str, ...]] = {
    ("POST", "/applications"): FAMILY,
    ("GET", "/applications"): FAMILY,
    ("GET", "/applications/<application_id>"): FAMILY,
    ("POST", "/applications/<application_id>/withdraw"): FAMILY,
    ("POST", "/applications/<application_id>/accept"): FAMILY,
    ("POST", "/applications/<application_id>/decline"): FAMILY,
    ("GET", "/pupils"): FAMILY,
    ("POST", "/pupils"): ("guardian",),
    ("GET", "/courses/<course_id>/verdicts"): FAMILY,
    ("GET", "/courses/<course_id>/participants"): STAFF,
    ("GET", "/pupils-elsewhere"): STAFF,
    ("GET", "/courses"): STAFF,
    ("POST", "/courses/<course_id>/entered-applications"): STAFF,
    ("GET", "/pupils/<pupil_id>"): STAFF,
    **{
        ("POST", f"/pupils/<pupil_id>/{change}"): STAFF
        for change in ("move", "identity", "guardian", "contact", "household", "protection", "record")
    },
    ("POST", "/applications/<application_id>/for-family"): STAFF,
    ("POST", "/applications/<application_id>/choose-for-family"): STAFF,
    ("POST", "/applications/<application_id>/settle"): STAFF,
}


def test_these_are_all_the_routes() -> None:
    here = (*api.routes.all, *staff_api.routes.all)
    assert {(route.methods[0], route.path.removeprefix("/api/<service>")) for route in here} == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[" ".join(route) for route in ROUTES])
def test_each_route_is_for_its_roles(
    client: Client, composition: Composition, storage: Storage, method: str, path: str
) -> None:
    address = API + path.replace("<application_id>", "a1").replace("<course_id>", "fiddle").replace(
        "<pupil_id>", "alma"
    )
    for headers in ({}, {"Authorization": "Bearer forged"}, {"Authorization": "Basic x"}):
        answer = client_of(composition).open(address, method=method, json={}, headers=headers)
        assert (answer.status_code, answer.json and answer.json["name"]) == (401, "not_signed_in")
    for role in ("guardian", "pupil", "staff", "finance", "operator"):
        person = MARIA if role in FAMILY else None
        headers = bearer(composition, role=role, municipality=NORRBY, person_id=person)
        answer = client.open(address, method=method, json={}, headers=headers)
        if role in ROUTES[method, path]:
            assert answer.status_code in (200, 404, 422), role
        else:
            assert (answer.status_code, answer.json and answer.json["name"]) == (403, "role_not_allowed")
    assert count(storage, applications) == 0


def test_a_client_that_is_no_person_finds_nothing(client: Client, composition: Composition) -> None:
    headers = bearer(composition, role="guardian", municipality=NORRBY)
    for path in ("/applications", "/pupils", "/courses/fiddle/verdicts"):
        get(client, path, headers, 404)


def test_the_document_says_what_the_routes_take_and_give(client: Client, composition: Composition) -> None:
    paths = openapi.document("enrolment", composition.app.routes)["paths"]
    described = {
        (method.upper(), path.removeprefix(API).replace("{", "<").replace("}", ">"))
        for path, operations in paths.items()
        for method in operations
    }
    assert set(ROUTES) <= described
    for method, path in ROUTES:
        operation = paths[API + path.replace("<", "{").replace(">", "}")][method.lower()]
        assert operation["summary"]
        assert operation["security"]
