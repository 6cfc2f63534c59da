"""Every way a request can fail: a page for people, a problem document for programs, never an exception."""

from __future__ import annotations

import json
import re
from typing import Any

import psycopg2.errors
import pytest
import sqlalchemy as sa
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from services.chassis.ids import is_id
from services.chassis.process import Composition
from services.chassis.web.context import MOST_BODY_BYTES, own_path
from tests.chassis.web.small import SECRET_TEXT
from tests.web import bearer, client_of, sign_in

GREET = "/api/catalogue/greet"


@pytest.fixture
def staff(composition: Composition) -> dict[str, str]:
    return bearer(composition, role="staff", municipality="1980")


def problem(answer: TestResponse, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    document: dict[str, Any] = answer.json
    assert (document["status"], document["name"]) == (status, name)
    assert document["type"] == f"urn:samklang:problem:{name}"
    assert document["title"]
    assert document["detail"]
    return document


def page(answer: TestResponse, status: int, text: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "text/html; charset=utf-8"
    assert text in answer.text
    return answer.text


class TestBodies:
    def send(
        self, client: Client, headers: dict[str, str], data: bytes, kind: str = "application/json"
    ) -> Any:
        return client.post(GREET, data=data, content_type=kind, headers=headers)

    @pytest.mark.parametrize(
        "data",
        [b"", b" ", b"{", b"name=Alma", b'{"name": "Alma"', b"\xff\xfe", b'"\xff"', b"1" * 5000, b"{'a': 1}"],
    )
    def test_what_is_no_json(self, client: Client, staff: dict[str, str], data: bytes) -> None:
        document = problem(self.send(client, staff, data), 400, "body_unreadable")
        assert "application/json" in document["detail"]

    @pytest.mark.parametrize("opening", [b"[", b'{"name":', b'{"a":['])
    def test_nested_without_end(self, client: Client, staff: dict[str, str], opening: bytes) -> None:
        problem(self.send(client, staff, opening * 100_000), 400, "body_unreadable")

    def test_nested_deeply_and_closed(self, client: Client, staff: dict[str, str]) -> None:
        deep = b"[" * 100_000 + b"]" * 100_000
        problem(self.send(client, staff, deep), 400, "body_unreadable")
        problem(self.send(client, staff, b'{"name":' + b"[" * 500 + b"]" * 500 + b"}"), 422, "input_invalid")

    @pytest.mark.parametrize(
        "data", [b"[]", b"1", b"null", b'"x"', b"{}", b'{"name": 1}', b'{"name": null}', b'{"nme": "Alma"}',
                 b'{"name": "x", "age": NaN}', b'{"name": "x", "age": 1e999}', b'{"name": "x", "more": 1}']
    )  # fmt: skip
    def test_json_of_another_kind(self, client: Client, staff: dict[str, str], data: bytes) -> None:
        assert problem(self.send(client, staff, data), 422, "input_invalid")["errors"]

    @pytest.mark.parametrize(
        "kind",
        ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"],
    )
    def test_another_content_type(self, client: Client, staff: dict[str, str], kind: str) -> None:
        problem(self.send(client, staff, b'{"name": "Alma"}', kind), 400, "body_unreadable")

    def test_a_charset_is_no_other_type(self, client: Client, staff: dict[str, str]) -> None:
        data = '{"name": "Åsa"}'.encode()
        assert self.send(client, staff, data, "application/json; charset=utf-8").json == {"name": "Åsa"}

    def test_ten_megabytes(self, client: Client, composition: Composition, staff: dict[str, str]) -> None:
        data = b'{"name": "' + b"x" * 10_000_000 + b'"}'
        problem(self.send(client, staff, data), 413, "body_too_large")
        sign_in(client, composition, role="staff", municipality="1980")
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
            answer = client.post("/greet", data=b"name=" + b"x" * 10_000_000, content_type=kind)
            page(answer, 413, "at most one megabyte")

    def test_a_megabyte_is_just_right(self, client: Client, staff: dict[str, str]) -> None:
        body = b'{"name": "%s"}'
        data = body % (b"x" * (MOST_BODY_BYTES - len(body) + 2))
        assert len(data) == MOST_BODY_BYTES
        problem(self.send(client, staff, data), 422, "input_invalid")
        problem(self.send(client, staff, data + b" "), 413, "body_too_large")

    def test_many_small_fields(self, client: Client, composition: Composition) -> None:
        sign_in(client, composition, role="staff", municipality="1980")
        parts = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(501)
        )
        answer = client.post(
            "/greet", data=parts + b"--x--\r\n", content_type="multipart/form-data; boundary=x"
        )
        page(answer, 413, "too much")

    def test_a_form_says_what_does_not_fit(self, client: Client, composition: Composition) -> None:
        token = sign_in(client, composition, role="staff", municipality="1980")
        answer = client.post("/greet", data={"name": "x" * 21, "csrf_token": token})
        page(answer, 422, "Write at most 20 characters.")
        assert client.post("/greet", data={"name": "", "csrf_token": token}).status_code == 422

    def test_half_a_character_comes_back_as_it_was_written(
        self, client: Client, staff: dict[str, str]
    ) -> None:
        answer = client.post("/api/catalogue/echo", data=b'{"name": "\\ud800"}', headers=staff,
                             content_type="application/json")  # fmt: skip
        document = problem(answer, 409, "no_such_name")
        assert document["detail"] == "Nobody is called \ud800."

    @given(st.binary(max_size=200))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    def test_any_bytes(self, client: Client, staff: dict[str, str], data: bytes) -> None:
        assert self.send(client, staff, data).status_code in (201, 400, 422)


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        ["/nowhere", "/static", "/things", "/things/", "/operations/billing", "/%00", "/%ff", "/a" * 2000],
    )
    def test_unknown(self, client: Client, composition: Composition, path: str) -> None:
        sign_in(client, composition, role="operator", municipality="19")
        text = page(client.get(path), 404, "There is no such page")
        assert 'href="/courses"' in text

    @pytest.mark.parametrize("path", ["/api/catalogue/nowhere", "/api/billing/open", "/api/", "/api/x/y/z"])
    def test_unknown_to_a_program(self, client: Client, path: str) -> None:
        problem(client.get(path), 404, "not_found")

    def test_another_method(self, client: Client, staff: dict[str, str]) -> None:
        answer = client.post("/staff")
        page(answer, 405, "cannot be done with this address")
        assert answer.headers["Allow"] == "GET, HEAD"
        answer = client.delete(GREET, headers=staff)
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST"
        assert client.options("/staff").status_code == 405

    def test_head_is_a_get_without_its_body(self, client: Client) -> None:
        answer = client.head("/")
        assert (answer.status_code, answer.data) == (200, b"")
        assert client.head("/nowhere").status_code == 404

    def test_slashes_too_many(self, client: Client) -> None:
        answer = client.get("/things//1980?a=b", base_url="http://inside:8000")
        # A path only: behind a proxy, host and scheme seen here are none that a visitor could use.
        assert (answer.status_code, answer.headers["Location"]) == (308, "/things/1980?a=b")
        assert client.get("/staff/").headers["Location"].startswith("/login")

    def test_a_host_that_is_none(self, client: Client) -> None:
        answer = client.get("/", headers={"Host": "a b/c"})
        assert answer.status_code < 500


class TestExceptions:
    @pytest.mark.parametrize("path", ["/fails", "/api/catalogue/fails"])
    def test_a_reference_and_no_text_of_it(self, client: Client, path: str) -> None:
        with structlog.testing.capture_logs() as logs:
            answer = client.get(path)
        assert answer.status_code == 500
        for secret in (*SECRET_TEXT.split(), "RuntimeError", "Traceback", "small.py"):
            assert secret not in answer.text
        (found,) = re.findall(r"[0-9a-f-]{36}", answer.text)
        assert is_id(found)
        (line,) = logs
        assert (line["event"], line["reference"], line["path"]) == ("request_failed", found, path)

    def test_as_page_and_as_document(self, client: Client) -> None:
        page(client.get("/fails"), 500, "Something went wrong on our side")
        assert is_id(problem(client.get("/api/catalogue/fails"), 500, "internal_error")["reference"])

    def test_each_has_its_own_reference(self, client: Client) -> None:
        references = {client.get("/api/catalogue/fails").json["reference"] for _ in range(3)}
        assert len(references) == 3


def test_a_refusal_has_its_name_its_reason_and_its_rule(client: Client) -> None:
    document = problem(client.get("/api/catalogue/refused"), 409, "course_full")
    assert (document["detail"], document["rule"]) == ("There are 3 in the queue.", "queue/full")
    page(client.get("/refused"), 409, "There are 3 in the queue.")


def test_a_query_is_checked_and_answers_hold_what_they_declare(client: Client) -> None:
    assert client.get("/api/catalogue/open?name=Åsa").json == {"name": "Åsa"}
    for query in ("", "?name=", "?name=x&more=1", "?name=" + "x" * 21, "?name=x&age=old"):
        assert problem(client.get(f"/api/catalogue/open{query}"), 422, "input_invalid")["errors"]


@given(st.text(max_size=40))
def test_a_redirect_never_leaves_this_origin(text: str) -> None:
    path = own_path(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert json.loads(json.dumps(path)) == path
    assert not re.search(r"[\x00-\x1f]", path)


@pytest.mark.parametrize(("times", "status"), [(1, 200), (3, 200), (4, 500)])
def test_who_was_ended_for_anothers_sake_is_run_again(
    composition: Composition, monkeypatch: pytest.MonkeyPatch, times: int, status: int
) -> None:
    """The database undoes all of one transaction of a deadlock; one that meets one ever again is an error."""
    run, met = composition.app._run, []

    def deadlocked(*arguments: Any) -> Any:
        if len(met) < times:
            met.append(1)
            raise sa.exc.OperationalError("UPDATE", {}, psycopg2.errors.DeadlockDetected("deadlock detected"))
        return run(*arguments)

    monkeypatch.setattr(composition.app, "_run", deadlocked)
    assert client_of(composition).get("/").status_code == status
    assert len(met) == times
