"""What every service has: login, files, health, metrics, operations, OpenAPI, and headers on every answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.process import Composition
from services.chassis.settings import SettingsError
from services.chassis.storage import inbox
from services.chassis.storage import migrate as migrations
from services.chassis.web.app import SECURITY_HEADERS, FrontDoor
from services.chassis.web.session import SESSION_COOKIE
from services.contracts.registry import SERVICES
from services.contracts.site_map import FIRST_PAGE
from tests.chassis.conftest import chassis_history
from tests.chassis.web.conftest import SECRET, MakeService
from tests.chassis.web.test_session import token_on
from tests.web import bearer, client_of, sign_in

PRODUCTION = {
    "SAMKLANG_PRODUCTION": "1",
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgresql+psycopg2://nobody@127.0.0.1:1/{service}",
    "AMQP_URI": "amqp://127.0.0.1:1",
    "SMTP_URL": "smtp://127.0.0.1:1",
    "PUBLIC_URL": "https://kurser.example.se",
}


class TestLogin:
    @pytest.mark.parametrize(
        ("persona", "role"),
        [
            ("guardian-norberg", "guardian"),
            ("pupil-koping", "pupil"),
            ("staff-vasteras", "staff"),
            ("finance-region", "finance"),
            ("operator", "operator"),
        ],
    )
    def test_each_role_begins_at_its_own_page(self, client: Client, persona: str, role: str) -> None:
        data = {"persona": persona, "csrf_token": token_on(client, "/login")}
        answer = client.post("/login", data=data)
        assert (answer.status_code, answer.headers["Location"]) == (303, FIRST_PAGE[role])
        assert client.get("/signed-in").text.startswith(f"{role}:")

    def test_everybody_one_may_be_is_listed(self, client: Client) -> None:
        text = client.get("/login").text
        assert text.count('name="persona"') == 10
        assert "Guardian · 1962" in text  # this service keeps no names of municipalities
        assert "Apply for Saturday fiddle in Västerås for Alma" in text
        assert "No password is needed" in text

    def test_one_goes_on_to_where_one_wanted_to_go(self, client: Client) -> None:
        where = client.get("/things/1980?a=b").headers["Location"]
        assert where == "/login?next=%2Fthings%2F1980%3Fa%3Db"
        text = client.get(where).text
        assert 'name="next" value="/things/1980?a=b"' in text
        data = {
            "persona": "staff-vasteras",
            "next": "/things/1980?a=b",
            "csrf_token": token_on(client, where),
        }
        assert client.post("/login", data=data).headers["Location"] == "/things/1980?a=b"

    @pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "x"])
    def test_it_leads_nowhere_else(self, client: Client, target: str) -> None:
        text = client.get("/login", query_string={"next": target}).text
        assert set(re.findall(r'name="next" value="([^"]*)"', text)) == {"/"}
        data = {"persona": "operator", "next": target, "csrf_token": token_on(client, "/login")}
        assert client.post("/login", data=data).headers["Location"] == "/operations"

    @pytest.mark.parametrize("persona", ["", "nobody", "\x00", "x" * 5000])
    def test_nobody_else(self, client: Client, persona: str) -> None:
        data = {"persona": persona, "csrf_token": token_on(client, "/login")}
        assert client.post("/login", data=data).status_code == 404
        assert client.get("/signed-in").status_code == 303

    def test_logging_out(self, client: Client, composition: Composition) -> None:
        token = sign_in(client, composition, role="staff", municipality="1980", name="Helena")
        assert "Helena" in client.get("/").text
        assert client.post("/logout").status_code == 403  # a link on another site logs nobody out
        answer = client.post("/logout", data={"csrf_token": token})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        assert client.get_cookie(SESSION_COOKIE) is None
        text = client.get("/").text
        assert "You are signed out." in text
        assert "Helena" not in text
        assert client.get("/staff").status_code == 303

    def test_without_personas_it_says_so(self, make_service: MakeService) -> None:
        composition = make_service(DEMO_PERSONAS="")
        client = client_of(composition)
        text = client.get("/login", headers={"Accept-Language": "sv"}).text
        assert "Ingen kan logga in här än." in text
        assert "Inget lösenord" not in text
        assert "Påhittade" not in text
        token = sign_in(client, composition, role="staff", municipality="1980")
        assert client.post("/login", data={"persona": "operator", "csrf_token": token}).status_code == 404

    def test_production_knows_no_personas(self, make_service: MakeService) -> None:
        composition = make_service(**PRODUCTION)
        client = client_of(composition)
        assert 'name="persona"' not in client.get("/login").text
        token = sign_in(client, composition, role="staff", municipality="1980")
        assert client.post("/login", data={"persona": "operator", "csrf_token": token}).status_code == 404
        with pytest.raises(SettingsError, match="DEMO_PERSONAS"):
            make_service(**PRODUCTION, DEMO_PERSONAS="personas.yaml")

    @pytest.mark.parametrize(
        "content",
        [
            None,
            "[",
            "- id: x",
            "- {id: x, name: x, role: queen, municipality_code: '19', person_key: null, email: null,"
            " language: sv, about: {sv: x, en: x}}",
        ],
    )
    def test_personas_that_cannot_be_used_are_told_at_the_start(
        self, make_service: MakeService, tmp_path: Path, content: str | None
    ) -> None:
        file = tmp_path / "personas.yaml"
        if content is not None:
            file.write_text(content)
        with pytest.raises(SettingsError, match=r"DEMO_PERSONAS: .*personas\.yaml"):
            make_service(DEMO_PERSONAS=str(file))


class TestFiles:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/static/samklang.css", "text/css"),
            ("/static/htmx.min.js", "text/javascript"),
            ("/static/logo.svg", "image/svg+xml"),
            ("/favicon.ico", "image/svg+xml"),
        ],
    )
    def test_served_and_kept_a_while(self, client: Client, path: str, kind: str) -> None:
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (200, kind)
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert len(answer.data) > 100

    @pytest.mark.parametrize(
        "path",
        [
            "../session.py",
            "..%2fsession.py",
            "%2e%2e/session.py",
            "..%5csession.py",
            "....//session.py",
            "/etc/passwd",
            "%2fetc%2fpasswd",
            "..",
            ".",
            "",
            "samklang.css%00.svg",
            "nothing.css",
        ],
    )
    def test_nothing_outside_the_folder(self, client: Client, path: str) -> None:
        answer = client.get(f"/static/{path}", follow_redirects=True)
        assert answer.status_code == 404
        for inside in ("URLSafeTimedSerializer", "root:"):
            assert inside not in answer.text


class TestHealth:
    def test_live(self, client: Client) -> None:
        answer = client.get("/health/catalogue/live")
        assert (answer.status_code, answer.json) == (200, {"service": "catalogue", "status": "live"})
        assert client.get("/health/billing/live").status_code == 404

    def test_ready(
        self, client: Client, composition: Composition, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
    ) -> None:
        monkeypatch.setattr(migrations, "histories", chassis_history)
        answer = client.get("/health/catalogue/ready")
        assert (answer.status_code, answer.json["status"]) == (200, "ready")
        assert (answer.json["inbox_backlog"], answer.json["parked"]) == (0, 0)
        inbox.store(composition.parts.storage, [b"no fact"])
        assert client.get("/health/catalogue/ready").json["parked"] == 1

    def test_not_ready_before_it_is_migrated(self, client: Client) -> None:
        # The catalogue's own tables are not there.
        answer = client.get("/health/catalogue/ready")
        assert (answer.status_code, answer.json["status"]) == (503, "migrations_pending")

    def test_not_ready_without_its_database(self, make_service: MakeService) -> None:
        answer = client_of(make_service(**PRODUCTION)).get("/health/catalogue/ready")
        assert (answer.status_code, answer.json["status"]) == (503, "database_unavailable")
        assert "127.0.0.1" not in answer.text
        assert client_of(make_service(**PRODUCTION)).get("/health/catalogue/live").status_code == 200


class TestMetrics:
    def test_requests_are_counted_by_route_and_never_by_path(self, client: Client) -> None:
        client.get("/things/1980?name=Alma")
        client.get("/nowhere/Alma")
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/plain")
        assert 'samklang_request_seconds_count{route="thing",service="catalogue",status="303"}' in answer.text
        assert (
            'samklang_request_seconds_count{route="unknown",service="catalogue",status="404"}' in answer.text
        )
        # In labels: among thousands of figures any four digits come up.
        labels = re.findall(r'="([^"]*)"', answer.text)
        assert labels
        assert not [label for label in labels if "Alma" in label or "1980" in label]

    def test_facts_of_this_service(self, client: Client, composition: Composition) -> None:
        inbox.store(composition.parts.storage, [b"no fact", b"none either"])
        text = client.get("/metrics/catalogue").text
        assert 'samklang_inbox_parked{service="catalogue"} 2.0' in text
        assert {name for name in SERVICES if f'service="{name}"' in text} == {"catalogue"}


class TestOperations:
    @pytest.fixture
    def message_id(self, composition: Composition) -> str:
        inbox.store(composition.parts.storage, [b"no fact at all"])
        with composition.parts.storage.reading() as connection:
            found: str = connection.exec_driver_sql("SELECT message_id FROM inbox").scalar_one()
        return found

    def test_the_page_in_both_languages(self, client: Client, composition: Composition) -> None:
        sign_in(client, composition, role="operator", municipality="19")
        assert client.get("/operations").headers["Location"] == "/operations/catalogue"
        text = client.get("/operations/catalogue").text
        assert "Nothing is parked" in text
        assert "All handled" in text
        client.set_cookie("samklang_language", "sv")
        assert "Inget är parkerat" in client.get("/operations/catalogue").text

    def test_the_card_alone(self, client: Client, composition: Composition) -> None:
        sign_in(client, composition, role="operator", municipality="19")
        text = client.get("/operations/catalogue", headers={"HX-Request": "true"}).text
        assert text.lstrip().startswith("<li")
        assert "<html" not in text

    def test_a_parked_fact_is_set_aside(
        self, client: Client, composition: Composition, message_id: str
    ) -> None:
        token = sign_in(client, composition, role="operator", municipality="19", name="Robin")
        path = f"/operations/catalogue/parked/{message_id}"
        assert f'href="{path}"' in client.get("/operations/catalogue").text
        assert "no fact at all" not in client.get("/operations/catalogue").text
        assert "no fact at all" in client.get(path).text
        for change in ({"reason": "x"}, {"action": "burn"}, {"reason": "not\x00ours"}):
            data = {"action": "discard", "reason": "not ours", "csrf_token": token, **change}
            assert client.post(path, data=data).status_code == 422
        data = {"action": "discard", "reason": "not ours", "csrf_token": token}
        assert client.post(path, data=data).headers["Location"] == "/operations/catalogue"
        text = client.get("/operations/catalogue").text
        assert "The fact is set aside." in text
        assert "operator:19:Robin" in text
        assert "Nothing is parked" in text
        assert client.get(path).status_code == client.post(path, data=data).status_code == 404

    def test_the_same_for_programs(self, client: Client, composition: Composition, message_id: str) -> None:
        headers = bearer(composition, role="operator", municipality="19")
        figures = client.get("/api/catalogue/operations", headers=headers).json
        assert (figures["service"], figures["parked"]) == ("catalogue", 1)
        (fact,) = client.get("/api/catalogue/operations/parked", headers=headers).json["parked"]
        assert fact["message_id"] == message_id
        assert "body" not in fact
        path = f"/api/catalogue/operations/parked/{message_id}"
        wrong = client.post(path, json={"action": "replay", "reason": "try again"}, headers=headers)
        assert (wrong.status_code, wrong.json["name"]) == (409, "fact_unreadable")
        done = client.post(path, json={"action": "discard", "reason": "not ours"}, headers=headers)
        assert done.json == {"message_id": message_id, "action": "discard"}
        again = client.post(path, json={"action": "discard", "reason": "not ours"}, headers=headers)
        assert (again.status_code, again.json["name"]) == (404, "fact_not_parked")

    @pytest.mark.parametrize("message_id", ["nothing", "%00", "%FF", "x" * 500])
    def test_no_such_fact(self, client: Client, composition: Composition, message_id: str) -> None:
        headers = bearer(composition, role="operator", municipality="19")
        body = {"action": "discard", "reason": "not ours"}
        path = f"/api/catalogue/operations/parked/{message_id}"
        assert client.post(path, json=body, headers=headers).status_code == 404
        sign_in(client, composition, role="operator", municipality="19")
        assert client.get(f"/operations/catalogue/parked/{message_id}").status_code == 404


def test_the_openapi_document_is_of_this_service(client: Client) -> None:
    document = client.get("/api/catalogue/openapi.json").json
    assert document["openapi"] == "3.1.0"
    greet = document["paths"]["/api/catalogue/greet"]["post"]
    assert greet["x-roles"] == ["staff"]
    assert greet["security"] == [{"bearer": []}, {"session": []}]
    assert set(greet["responses"]) == {"201", "default"}
    assert document["paths"]["/api/catalogue/open"]["get"]["security"] == []
    parameters = document["paths"]["/api/catalogue/things/{code}"]["get"]["parameters"]
    assert parameters == [{"in": "path", "name": "code", "required": True, "schema": {"type": "string"}}]
    assert all(path.startswith("/api/catalogue/") for path in document["paths"])


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/fails", "/refused", "/staff", "/things//1980", "/static/samklang.css", "/metrics",
     "/language", "/api/catalogue/open?name=x", "/api/catalogue/fails", "/api/catalogue/nowhere",
     "/health/catalogue/live"],
)  # fmt: skip
def test_every_answer_has_the_headers_that_protect_the_visitor(client: Client, path: str) -> None:
    headers = client.get(path).headers
    for name, value in SECURITY_HEADERS.items():
        assert headers[name] == value, name
    assert "Cache-Control" in headers
    if not path.startswith("/static"):
        assert headers["Cache-Control"] == "no-store"


def test_pages_keep_the_policy_that_they_send(client: Client) -> None:
    for path in ("/", "/login", "/accessibility", "/fails"):
        text = client.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)", text), path
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", text), path


def test_what_fails_before_a_service_has_it_tells_nothing(
    composition: Composition, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = FrontDoor([composition.app])
    monkeypatch.setattr(composition.app, "match", lambda request: 1 / 0)
    answer = Client(door).get("/")
    assert answer.status_code == 400
    assert re.fullmatch(r"Bad request \([0-9a-f-]{36}\)\n", answer.text)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
