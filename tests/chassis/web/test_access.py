"""Who may do what, for each role and each kind of route."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from services.chassis.process import Composition
from services.chassis.web.access import ROLES, only
from tests.web import bearer, sign_in

EVERYBODY = (None, *ROLES)


def status(client: Client, path: str) -> int:
    return client.get(path).status_code


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize(
    ("path", "roles"),
    [
        ("/", EVERYBODY),
        ("/signed-in", ROLES),
        ("/staff", ("staff",)),
        ("/things/1980", ("staff", "finance")),
        ("/operations/catalogue", ("operator",)),
    ],
)
def test_each_role_and_each_page(
    client: Client, composition: Composition, role: str | None, path: str, roles: tuple[str | None, ...]
) -> None:
    if role is not None:
        sign_in(client, composition, role=role, municipality="1980", person_id="p")
    answer = client.get(path)
    if role in roles:
        assert answer.status_code == 200
    elif role is None:
        # To the login, and from there to where one wanted to go.
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/login?next={path.replace('/', '%2F')}"
    else:
        assert answer.status_code == 403
        assert "for another role" in answer.text


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize(
    ("path", "roles"),
    [
        ("/open?name=x", EVERYBODY),
        ("/signed-in", ROLES),
        ("/staff", ("staff",)),
        ("/things/1980", ("staff", "finance")),
        ("/operations", ("operator",)),
    ],
)
@pytest.mark.parametrize("by", ["session", "token"])
def test_each_role_and_each_api_route(
    client: Client,
    composition: Composition,
    by: str,
    role: str | None,
    path: str,
    roles: tuple[str | None, ...],
) -> None:
    headers = {}
    if role is not None and by == "session":
        sign_in(client, composition, role=role, municipality="1980", person_id="p")
    elif role is not None:
        headers = bearer(composition, role=role, municipality="1980", person_id="p")
    answer = client.get(f"/api/catalogue{path}", headers=headers)
    if role in roles:
        assert answer.status_code == 200
        return
    assert answer.content_type == "application/problem+json"
    expected = (401, "not_signed_in") if role is None else (403, "role_not_allowed")
    assert (answer.status_code, answer.json["name"]) == expected
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if role is None else None)


@pytest.mark.parametrize(
    ("municipality", "code", "expected"),
    [
        ("1980", "1980", 200),
        ("1980", "1962", 403),
        ("19", "1980", 200),  # the county's own
        ("19", "0319", 403),
        ("1980", "1999", 404),  # no such thing
        ("19", "1999", 404),
    ],
)
def test_one_acts_for_ones_own_municipality(
    client: Client, composition: Composition, municipality: str, code: str, expected: int
) -> None:
    headers = bearer(composition, role="staff", municipality=municipality)
    answer = client.get(f"/api/catalogue/things/{code}", headers=headers)
    assert answer.status_code == expected
    if expected == 403:
        assert answer.json["name"] == "municipality_not_yours"
    sign_in(client, composition, role="staff", municipality=municipality)
    assert status(client, f"/things/{code}") == expected


def test_another_role_is_not_told_what_there_is(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="guardian", municipality="1980", person_id="p")
    assert status(client, "/things/1980") == status(client, "/things/1999") == 403


def test_the_audit_trail_names_the_person(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="guardian", municipality="1980", person_id="p-1", name="Maria")
    assert client.get("/signed-in").text == "guardian:1980:p-1"
    sign_in(client, composition, role="staff", municipality="1980", name="Helena")
    assert client.get("/signed-in").text == "staff:1980:Helena"
    sign_in(client, composition, role="staff", municipality="1980", person_id="s-1", name="Helena")
    assert client.get("/signed-in").text == "staff:1980:s-1:Helena"


@pytest.mark.parametrize("roles", [(), ("queen",), ("staff", "Staff")])
def test_a_route_cannot_be_for_nobody_or_for_a_role_that_is_none(roles: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not roles"):
        only(*roles)
