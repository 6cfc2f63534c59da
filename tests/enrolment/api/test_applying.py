"""Applying: the answer, or a problem document."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.chassis.web.session import LANGUAGE_COOKIE
from services.enrolment.tables import applications
from tests.enrolment.api.asking import API, Headers, application, post
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    CANCELLED,
    KRISTINA,
    MARIA,
    NORRBY,
    UTBY,
    applied,
    children,
    count,
    states,
    tell,
)
from tests.web import bearer, sign_in


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
