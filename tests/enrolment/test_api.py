"""The API of enrolment: what it answers, and what it refuses under which name."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.chassis.web import openapi
from services.chassis.web.session import LANGUAGE_COOKIE
from services.enrolment import api, commands
from services.enrolment.tables import applications, pupils
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    ALMA,
    CANCELLED,
    CLOVER,
    KRISTINA,
    MARIA,
    NORRBY,
    SAMIRA,
    SODERBY,
    TOVE,
    UTBY,
    applied,
    children,
    count,
    decide,
    number,
    request,
    states,
    tell,
)
from tests.web import bearer, client_of, sign_in

API = "/api/enrolment"
Headers = dict[str, str]


@pytest.fixture
def maria(composition: Composition) -> Headers:
    return bearer(composition, role="guardian", municipality=NORRBY, person_id=MARIA)


@pytest.fixture
def samira(composition: Composition) -> Headers:
    return bearer(composition, role="guardian", municipality=SODERBY, person_id=SAMIRA)


@pytest.fixture
def anton(composition: Composition) -> Headers:
    return bearer(composition, role="pupil", municipality=SODERBY, person_id="anton")


@pytest.fixture
def norrby(composition: Composition) -> Headers:
    return bearer(composition, role="staff", municipality=NORRBY)


@pytest.fixture
def soderby(composition: Composition) -> Headers:
    return bearer(composition, role="staff", municipality=SODERBY)


def get(client: Client, path: str, headers: Headers, status: int = 200) -> Any:
    answer = client.get(API + path, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json


def post(client: Client, path: str, headers: Headers, body: Any = None, status: int = 200) -> Any:
    answer = client.post(API + path, headers=headers, json={} if body is None else body)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.content_type == "application/problem+json"
    return answer.json


def application(course_id: str = "fiddle", pupil_id: str = "alma", **changes: Any) -> dict[str, Any]:
    return {"application_id": new_id(), "course_id": course_id, "pupil_id": pupil_id, **changes}


def child(**changes: Any) -> dict[str, Any]:
    return {
        "pupil_id": new_id(),
        "personal_identity": number(date(2017, 1, 2)),
        "given_name": "Ny",
        "family_name": "Elev",
        **changes,
    }


def on_paper(**changes: Any) -> dict[str, Any]:
    more = {"application_id": new_id(), "home_municipality": SODERBY, "applied_on": "2026-11-20"}
    return {**child(), **more, **changes}


class TestApplying:
    def test_a_place_at_once(self, client: Client, maria: Headers, storage: Storage) -> None:
        body = application()
        assert post(client, "/applications", maria, body) == {
            **body,
            "state": "placed",
            "rule": "free_seat",
            "basis": "norrby-2024/residents",
            "position": None,
            "already": False,
            "reason": "There was a free seat, and nobody was waiting for it.",
        }
        assert states(storage) == {body["application_id"]: "placed"}

    @both
    def test_again_it_is_the_same(self, client: Client, maria: Headers, storage: Storage) -> None:
        body = application()
        first = post(client, "/applications", maria, body)
        assert post(client, "/applications", maria, body) == {**first, "already": True}
        other_tab = post(client, "/applications", maria, application())
        assert other_tab == {**first, "already": True}
        assert count(storage, applications) == 1

    def test_a_place_in_the_queue(
        self, client: Client, samira: Headers, storage: Storage, clock: FixedClock
    ) -> None:
        for n, each in enumerate(children(storage, 3)):
            applied(storage, f"a{n}", pupil_id=each)
        clock.time += timedelta(seconds=1)
        answer = post(client, "/applications", samira, application(pupil_id="noor"))
        assert (answer["state"], answer["position"], answer["rule"]) == ("queued", 2, "queue_date")
        assert answer["basis"] == "cooperation/shared_courses"

    def test_the_reason_is_in_the_clients_language(
        self, client: Client, maria: Headers, composition: Composition
    ) -> None:
        client.delete_cookie(LANGUAGE_COOKIE)
        answer = client.post(
            f"{API}/applications", json=application(), headers={**maria, "Accept-Language": "sv"}
        )
        assert answer.json is not None
        assert answer.json["reason"].startswith("Det fanns en ledig plats")
        problem = post(client, "/applications", {**maria, "Accept-Language": "sv"}, application("x"), 404)
        assert problem["detail"] == "Den kursen finns inte."

    def test_a_pupil_of_age(self, client: Client, anton: Headers) -> None:
        assert post(client, "/applications", anton, application("circus", "anton"))["state"] == "placed"
        post(client, "/applications", anton, application("fiddle", "alma"), 404)

    @pytest.mark.parametrize(
        ("changes", "status", "name", "rule"),
        [
            ({"pupil_id": "leo"}, 409, "pupil_too_old", "norrby-2024/ages"),
            ({"pupil_id": "noor"}, 404, "pupil_unknown", None),
            ({"pupil_id": "nobody"}, 404, "pupil_unknown", None),
            ({"course_id": "nothing"}, 404, "course_unknown", None),
            ({"application_id": "not-a-uuid"}, 422, "input_invalid", None),
            ({"application_id": new_id().upper()}, 422, "input_invalid", None),
            ({"application_id": None}, 422, "input_invalid", None),
            ({"course_id": ""}, 422, "input_invalid", None),
            ({"course_id": 5}, 422, "input_invalid", None),
            ({"course_id": "x" * 65}, 422, "input_invalid", None),
            ({"pupil_id": ["alma"]}, 422, "input_invalid", None),
            ({"colour": "red"}, 422, "input_invalid", None),
        ],
    )
    def test_a_refusal_is_a_problem_document(
        self,
        client: Client,
        maria: Headers,
        storage: Storage,
        changes: dict[str, Any],
        status: int,
        name: str,
        rule: str | None,
    ) -> None:
        problem = post(client, "/applications", maria, application(**changes), status)
        assert (problem["name"], problem["status"], problem.get("rule")) == (name, status, rule)
        assert problem["type"] == f"urn:samklang:problem:{name}"
        assert problem["detail"]
        assert count(storage, applications) == 0

    def test_where_one_lives(self, client: Client, composition: Composition, samira: Headers) -> None:
        kristina = bearer(composition, role="guardian", municipality=UTBY, person_id=KRISTINA)
        problem = post(client, "/applications", kristina, application(pupil_id="tove"), 409)
        assert (problem["name"], problem["rule"]) == ("home_municipality_not_a_member", "cooperation/members")
        problem = post(client, "/applications", samira, application("dance", "noor"), 409)
        assert problem["name"] == "course_not_shared"

    def test_an_id_of_another_application(self, client: Client, maria: Headers) -> None:
        body = application()
        post(client, "/applications", maria, body)
        problem = post(client, "/applications", maria, {**body, "course_id": "dance"}, 409)
        assert problem["name"] == "application_id_taken"

    def test_a_cancelled_course_is_gone(self, client: Client, maria: Headers, storage: Storage) -> None:
        tell(storage, CANCELLED)
        assert post(client, "/applications", maria, application(), 410)["name"] == "course_cancelled"

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"not json", "application/json", 400),
            (b"[1, 2]", "application/json", 422),
            (b"{}", "text/plain", 400),
            (b"[" * 100_000, "application/json", 400),
            (b" " * 2_000_000, "application/json", 413),
        ],
    )
    @pytest.mark.parametrize("path", ["/applications", "/pupils"])
    def test_a_body_that_is_not_json(
        self, client: Client, maria: Headers, path: str, body: bytes, kind: str, status: int
    ) -> None:
        answer = client.post(API + path, data=body, content_type=kind, headers=maria)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")

    def test_a_browsers_cookie_needs_its_token(
        self, client: Client, composition: Composition, storage: Storage
    ) -> None:
        token = sign_in(client, composition, role="guardian", municipality=NORRBY, person_id=MARIA)
        for headers in ({}, {"X-CSRF-Token": "forged"}):
            assert client.post(f"{API}/applications", json=application(), headers=headers).status_code == 403
        assert count(storage, applications) == 0
        answer = client.post(f"{API}/applications", json=application(), headers={"X-CSRF-Token": token})
        assert answer.status_code == 200


class TestMyFamily:
    def test_my_pupils(self, client: Client, maria: Headers, anton: Headers) -> None:
        assert get(client, "/pupils", maria) == {
            "pupils": [
                {"pupil_id": "alma", "name": "Alma Hellström", "protected": False,
                 "home": {"code": NORRBY, "name": "Norrby"}},
                {"pupil_id": "leo", "name": "Leo Hellström", "protected": False,
                 "home": {"code": NORRBY, "name": "Norrby"}},
            ]
        }  # fmt: skip
        assert [each["pupil_id"] for each in get(client, "/pupils", anton)["pupils"]] == ["anton"]

    def test_my_applications(self, client: Client, maria: Headers, samira: Headers, storage: Storage) -> None:
        applied(storage, "a1")
        (mine,) = get(client, "/applications", maria)["applications"]
        assert mine == get(client, "/applications/a1", maria)
        assert mine == {
            "application_id": "a1",
            "state": "placed",
            "outcome": None,
            "rule": "free_seat",
            "basis": "norrby-2024/residents",
            "queued_at": "2026-11-24T09:00:00+00:00",
            "decided_at": "2026-11-24T09:00:00+00:00",
            "position": None,
            "pupil": get(client, "/pupils", maria)["pupils"][0],
            "course": {
                "course_id": "fiddle",
                "title": {"sv": "Lördagsfiol", "en": "Saturday fiddle"},
                "school_name": "Norrby kulturskola",
                "municipality_code": NORRBY,
                "weekday": 6,
                "starts_at": "16:30",
                "capacity": 2,
                "taken": 1,
                "waiting": 0,
            },
        }
        assert get(client, "/applications", samira) == {"applications": []}

    @pytest.mark.parametrize("action", ["", "/withdraw", "/accept", "/decline"])
    def test_another_familys_is_not_there(
        self, client: Client, maria: Headers, samira: Headers, anton: Headers, storage: Storage, action: str
    ) -> None:
        applied(storage, "a0", "circus", "anton")
        applied(storage, "a1", "circus", "alma")
        with storage.unit() as unit:
            commands.withdraw(unit, "a0", "the tests")
        ask = post if action else get
        for headers in (samira, anton):
            answers = [
                ask(client, f"/applications/{each}{action}", headers, status=404)  # type: ignore[operator]
                for each in ("a1", "there-is-none")
            ]
            assert answers[0] == answers[1]
            assert answers[0]["name"] == "application_unknown"
        assert states(storage, "circus")["a1"] == "offered"

    def test_withdrawing(self, client: Client, maria: Headers, storage: Storage) -> None:
        applied(storage, "a1")
        answer = post(client, "/applications/a1/withdraw", maria)
        assert (answer["state"], answer["outcome"], answer["course"]["taken"]) == ("ended", "withdrawn", 0)
        assert post(client, "/applications/a1/withdraw", maria, status=409)["name"] == "already_ended"
        body = application(application_id=new_id())
        assert post(client, "/applications", maria, body)["already"] is False

    @pytest.mark.parametrize(
        ("action", "state", "outcome"), [("accept", "placed", None), ("decline", "ended", "declined")]
    )
    def test_answering_an_offer(
        self, client: Client, maria: Headers, storage: Storage, action: str, state: str, outcome: str | None
    ) -> None:
        applied(storage, "a0", "circus", "anton")
        applied(storage, "a1", "circus", "alma")
        assert post(client, f"/applications/a1/{action}", maria, status=409)["name"] == "no_offer"
        with storage.unit() as unit:
            commands.withdraw(unit, "a0", "the tests")
        answer = post(client, f"/applications/a1/{action}", maria)
        assert (answer["state"], answer["outcome"]) == (state, outcome)

    def test_verdicts(self, client: Client, maria: Headers, samira: Headers, storage: Storage) -> None:
        applied(storage, "a1")
        alma, leo = get(client, "/courses/fiddle/verdicts", maria)["verdicts"]
        assert alma == {
            "pupil_id": "alma",
            "age": 9,
            "may_apply": True,
            "refusal": None,
            "reason": "The pupil lives in Norrby, the municipality that holds the course.",
            "rule": "norrby-2024/residents",
            "fee_ore": 85000,
            "application_id": "a1",
        }
        assert (leo["may_apply"], leo["refusal"], leo["rule"]) == (False, "pupil_too_old", "norrby-2024/ages")
        assert "up to 12 years" in leo["reason"]
        (noor,) = get(client, "/courses/circus/verdicts", samira)["verdicts"]
        assert (noor["may_apply"], noor["fee_ore"], noor["application_id"]) == (True, None, None)
        assert get(client, "/courses/nothing/verdicts", maria, 404)["name"] == "course_unknown"

    def test_adding_a_child(self, client: Client, maria: Headers, storage: Storage) -> None:
        body = child()
        for _ in range(2):
            assert post(client, "/pupils", maria, body, 201) == {"pupil_id": body["pupil_id"]}
        assert len(get(client, "/pupils", maria)["pupils"]) == 3
        assert count(storage, pupils) == 7

    @pytest.mark.parametrize(
        ("changes", "status", "name"),
        [
            ({"personal_identity": "20170102-0000"}, 422, "personal_identity_invalid"),
            ({"personal_identity": ""}, 422, "input_invalid"),
            ({"personal_identity": 201701022383}, 422, "input_invalid"),
            ({"pupil_id": "alma"}, 422, "input_invalid"),
            ({"home_municipality": SODERBY}, 422, "input_invalid"),  # where the guardian lives
            ({"guardian_id": SAMIRA}, 422, "input_invalid"),
            ({"alias": "Eken"}, 422, "input_invalid"),
        ],
    )
    def test_a_child_that_cannot_be(
        self,
        client: Client,
        maria: Headers,
        storage: Storage,
        changes: dict[str, Any],
        status: int,
        name: str,
    ) -> None:
        assert post(client, "/pupils", maria, child(**changes), status)["name"] == name
        assert count(storage, pupils) == 6

    def test_anothers_number_tells_nothing(self, client: Client, samira: Headers, storage: Storage) -> None:
        """One and the same document for every child that is registered."""
        problems = [
            post(client, "/pupils", samira, child(personal_identity=known.personal_identity, **guess), 409)
            for known in (ALMA, TOVE, CLOVER)
            for guess in ({}, {"given_name": known.given_name, "family_name": known.family_name})
        ]
        assert all(problem == problems[0] for problem in problems)
        assert problems[0] == {
            "type": "urn:samklang:problem:personal_identity_known",
            "title": "That is not possible",
            "status": 409,
            "detail": "A child with this number is registered already. "
            "Ask your culture school to connect you to it.",
            "name": "personal_identity_known",
        }
        assert [each["pupil_id"] for each in get(client, "/pupils", samira)["pupils"]] == ["noor"]
        assert count(storage, pupils) == 6


class TestStaff:
    def test_participants(self, client: Client, norrby: Headers, storage: Storage) -> None:
        ids = children(storage, 3)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        found = get(client, "/courses/fiddle/participants", norrby)["applications"]
        assert [(each["application_id"], each["state"], each["position"]) for each in found] == [
            ("a0", "placed", None),
            ("a1", "placed", None),
            ("a2", "queued", 1),
        ]

    def test_a_protected_pupil_has_an_alias_and_no_home(
        self, client: Client, norrby: Headers, soderby: Headers, storage: Storage
    ) -> None:
        """Not between the lines either: the basis would say that it lives where the course is."""
        applied(storage, "a1", pupil_id="clover")
        applied(storage, "a2", "circus", "clover")
        for path, headers in (
            ("/courses/fiddle/participants", norrby),
            ("/courses/circus/participants", soderby),
            ("/pupils-elsewhere", soderby),
        ):
            (found,) = get(client, path, headers)["applications"]
            assert found["pupil"] == {
                "pupil_id": "clover",
                "name": "Klöver",
                "protected": True,
                "home": None,
            }
            assert found["basis"] is None
            assert not any(secret in str(found) for secret in ("Hemlig", "Skyddad", CLOVER.personal_identity))

    def test_own_courses_and_own_pupils_elsewhere(
        self, client: Client, norrby: Headers, soderby: Headers, storage: Storage
    ) -> None:
        applied(storage, "a1", pupil_id="noor")
        own = get(client, "/courses", norrby)["courses"]
        assert [(each["course_id"], each["taken"]) for each in own] == [("dance", 0), ("fiddle", 1)]
        (elsewhere,) = get(client, "/pupils-elsewhere", soderby)["applications"]
        assert (elsewhere["application_id"], elsewhere["course"]["municipality_code"]) == ("a1", NORRBY)
        assert get(client, "/pupils-elsewhere", norrby) == {"applications": []}

    def test_another_municipalitys_staff(
        self, client: Client, soderby: Headers, norrby: Headers, storage: Storage
    ) -> None:
        problem = get(client, "/courses/fiddle/participants", soderby, 403)
        assert problem["name"] == "municipality_not_yours"
        problem = post(client, "/courses/fiddle/entered-applications", soderby, on_paper(), 403)
        assert problem["name"] == "municipality_not_yours"
        assert count(storage, pupils) == 6
        get(client, "/courses/nothing/participants", norrby, 404)
        post(client, "/courses/nothing/entered-applications", norrby, on_paper(), 404)

    def test_the_countys_staff_sees_all(self, client: Client, composition: Composition) -> None:
        county = bearer(composition, role="staff", municipality="19")
        assert len(get(client, "/courses", county)["courses"]) == 3
        get(client, "/courses/fiddle/participants", county)

    def test_an_application_on_paper(self, client: Client, norrby: Headers, storage: Storage) -> None:
        body = on_paper()
        path = "/courses/fiddle/entered-applications"
        answer = post(client, path, norrby, body)
        assert (answer["state"], answer["already"], answer["pupil_id"]) == ("placed", False, body["pupil_id"])
        assert post(client, path, norrby, body) == {**answer, "already": True}
        (found,) = get(client, "/courses/fiddle/participants", norrby)["applications"]
        assert found["queued_at"] == "2026-11-20T22:59:59+00:00"

    def test_a_protected_one_on_paper(self, client: Client, norrby: Headers) -> None:
        path = "/courses/fiddle/entered-applications"
        problem = post(client, path, norrby, on_paper(protected=True), 422)
        assert problem["name"] == "alias_missing"
        post(client, path, norrby, on_paper(protected=True, alias="Eken"))
        (found,) = get(client, "/courses/fiddle/participants", norrby)["applications"]
        assert (found["pupil"]["name"], found["pupil"]["protected"]) == ("Eken", True)

    @pytest.mark.parametrize(
        ("changes", "status", "name"),
        [
            ({"applied_on": "2026-11-25"}, 422, "came_on_impossible"),
            ({"applied_on": "0001-01-01"}, 422, "came_on_impossible"),
            ({"applied_on": "9999-12-31"}, 422, "came_on_impossible"),
            ({"applied_on": "20/11"}, 422, "input_invalid"),
            ({"applied_on": "2026-10-31"}, 409, "application_period_closed"),
            ({"home_municipality": "19021"}, 422, "input_invalid"),
            ({"home_municipality": "0180"}, 422, "municipality_unknown"),
            ({"home_municipality": UTBY}, 409, "home_municipality_not_a_member"),
            ({"protected": True, "alias": "Eken", "personal_identity": ALMA.personal_identity}, 409,
             "pupil_not_protected"),
            ({"protected": "perhaps"}, 422, "input_invalid"),
        ],
    )  # fmt: skip
    def test_a_paper_that_is_refused(
        self,
        client: Client,
        norrby: Headers,
        storage: Storage,
        changes: dict[str, Any],
        status: int,
        name: str,
    ) -> None:
        problem = post(client, "/courses/fiddle/entered-applications", norrby, on_paper(**changes), status)
        assert problem["name"] == name
        assert (count(storage, pupils), count(storage, applications)) == (6, 0)


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
}


def test_these_are_all_the_routes() -> None:
    assert {(route.methods[0], route.path.removeprefix("/api/<service>")) for route in api.routes.all} == set(
        ROUTES
    )


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[" ".join(route) for route in ROUTES])
def test_each_route_is_for_its_roles(
    client: Client, composition: Composition, storage: Storage, method: str, path: str
) -> None:
    address = API + path.replace("<application_id>", "a1").replace("<course_id>", "fiddle")
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
