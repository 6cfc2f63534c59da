"""What people and programs write into addresses, forms and bodies, on either database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.enrolment.tables import applications, pupils
from tests.enrolment.conftest import both
from tests.enrolment.story import MARIA, NORRBY, count, number
from tests.web import bearer, sign_in

API = "/api/enrolment"
# A NUL is no text for PostgreSQL, half a character none for any database; the others nobody can read.
UNREADABLE = ("\x00", "a\x00b", "\ud800", "\u202eb")


@pytest.fixture
def maria(composition: Composition) -> dict[str, str]:
    return bearer(composition, role="guardian", municipality=NORRBY, person_id=MARIA)


@pytest.fixture
def staff(composition: Composition) -> dict[str, str]:
    return bearer(composition, role="staff", municipality=NORRBY)


def pupil_body(**changes: Any) -> dict[str, Any]:
    return {
        "pupil_id": new_id(),
        "personal_identity": number(date(2017, 1, 2)),
        "given_name": "Ny",
        "family_name": "Elev",
        **changes,
    }


def entered_body(**changes: Any) -> dict[str, Any]:
    more = {
        "application_id": new_id(),
        "home_municipality": NORRBY,
        "applied_on": "2026-11-20",
        "why": "on paper",
    }
    return {**pupil_body(), **more, **changes}


@both
def test_an_address_that_no_database_can_look_up_leads_nowhere(
    client: Client, composition: Composition, maria: dict[str, str], staff: dict[str, str]
) -> None:
    for path in (
        "/applications/{}",
        "/applications/{}/withdraw",
        "/applications/{}/accept",
        "/applications/{}/decline",
        "/courses/{}/verdicts",
        "/courses/{}/participants",
        "/courses/{}/entered-applications",
    ):
        headers = staff if "participants" in path or "entered" in path else maria
        posts = path.endswith(("withdraw", "accept", "decline", "entered-applications"))
        for text in ("%00", "a%00b", "%FF", "x" * 300):
            answer = client.open(
                API + path.format(text), method="POST" if posts else "GET", headers=headers, json={}
            )
            assert answer.status_code == 404, (path, text)
    token = sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
    form = {"csrf_token": token, "application_id": new_id(), "pupil_id": "alma"}
    for text in ("%00", "%FF"):
        for path in ("/apply/{}", "/my/applications/{}", "/my/applications/{}/withdraw"):
            assert client.get(path.format(text)).status_code == 404
        for path in ("/apply/{}", "/my/applications/{}/withdraw"):
            assert client.post(path.format(text), data=form).status_code == 404
    sign_in(client, composition, role="staff", municipality=NORRBY)
    for path in ("", "/participants.csv", "/enter"):
        assert client.get(f"/staff/courses/%00{path}").status_code == 404


@both
def test_what_cannot_be_read_is_not_kept(
    client: Client,
    composition: Composition,
    storage: Storage,
    maria: dict[str, str],
    staff: dict[str, str],
) -> None:
    for text in UNREADABLE:
        ids = {"application_id": new_id(), "course_id": "fiddle", "pupil_id": "alma"}
        for path, headers, body in (
            ("/applications", maria, {**ids, "course_id": text}),
            ("/applications", maria, {**ids, "pupil_id": text}),
            ("/pupils", maria, pupil_body(given_name=text)),
            ("/pupils", maria, pupil_body(family_name=text)),
            ("/pupils", maria, pupil_body(personal_identity=text)),
            ("/courses/fiddle/entered-applications", staff, entered_body(given_name=text)),
            ("/courses/fiddle/entered-applications", staff, entered_body(protected=True, alias=text)),
        ):
            answer = client.post(API + path, headers=headers, json=body)
            assert answer.status_code == 422, (path, body, answer.text)
    token = sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
    form = {**pupil_body(given_name="a\x00b"), "csrf_token": token}
    assert client.post("/my/children/new", data=form).status_code == 422
    assert (count(storage, applications), count(storage, pupils)) == (0, 6)


@pytest.mark.parametrize("name", ["", "   ", "\t\n", "\N{NO-BREAK SPACE}", "x" * 101])
@pytest.mark.parametrize("field", ["given_name", "family_name", "alias"])
def test_a_name_is_not_blank_and_not_endless(
    client: Client, storage: Storage, staff: dict[str, str], field: str, name: str
) -> None:
    """A blank alias would show a protected pupil as nobody, and be mended with the name."""
    body = entered_body(**{"protected": True, "alias": "Eken", field: name})
    answer = client.post(f"{API}/courses/fiddle/entered-applications", headers=staff, json=body)
    assert (answer.status_code, answer.json and answer.json["name"]) == (422, "input_invalid")
    assert count(storage, pupils) == 6


def test_a_name_is_kept_as_it_is_meant(client: Client, storage: Storage, maria: dict[str, str]) -> None:
    body = pupil_body(given_name="  Ada \t Åsa\n", family_name="O'Brien-Źółć <b>")
    assert client.post(f"{API}/pupils", headers=maria, json=body).status_code == 201
    with storage.reading() as connection:
        row = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == body["pupil_id"])).one()
    assert (row.given_name, row.family_name) == ("Ada Åsa", "O'Brien-Źółć <b>")
