"""Sessions, forms against forgery, messages for the next page, and bearer tokens."""

from __future__ import annotations

import re
import time

import pytest
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner
from werkzeug.test import Client

from services.chassis.process import Composition
from services.chassis.web.access import Actor
from services.chassis.web.session import FLASH_COOKIE, SESSION_COOKIE, Sessions
from tests.chassis.web.conftest import SECRET, MakeService
from tests.web import bearer, client_of, sign_in

HOUR = 3600
DAY = 24 * HOUR
PERSONA = {"persona": "staff-vasteras"}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    return Later(monkeypatch)


class Later:
    """Lets time pass for what is signed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, seconds: int) -> None:
        self._monkeypatch.setattr(
            TimestampSigner, "get_timestamp", lambda _signer: int(time.time()) + seconds
        )


def token_on(client: Client, path: str = "/") -> str:
    """The token of a form on the page, as a browser would send it back."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


class TestForms:
    def test_the_token_of_ones_own_page_is_good(self, client: Client, composition: Composition) -> None:
        sign_in(client, composition, role="staff", municipality="1980")
        answer = client.post("/greet", data={"name": "Alma", "csrf_token": token_on(client)})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")

    @pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "å", "x" * 5000])
    def test_no_token_or_none_of_ours(
        self, client: Client, composition: Composition, token: str | None
    ) -> None:
        sign_in(client, composition, role="staff", municipality="1980")
        data = {"name": "Alma"} if token is None else {"name": "Alma", "csrf_token": token}
        answer = client.post("/greet", data=data)
        assert answer.status_code == 403
        assert "The form has expired" in answer.text
        assert FLASH_COOKIE not in answer.headers.get("Set-Cookie", "")

    def test_one_that_was_changed(self, client: Client, composition: Composition) -> None:
        token = sign_in(client, composition, role="staff", municipality="1980")
        for at in (0, len(token) // 2, len(token) - 2):
            changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
            assert client.post("/greet", data={"name": "x", "csrf_token": changed}).status_code == 403

    def test_another_sessions(self, client: Client, composition: Composition) -> None:
        sign_in(client, composition, role="staff", municipality="1980")
        theirs = token_on(client_of(composition), "/login")
        assert client.post("/greet", data={"name": "x", "csrf_token": theirs}).status_code == 403

    def test_another_secrets(self, client: Client, composition: Composition) -> None:
        sign_in(client, composition, role="staff", municipality="1980")
        forged = URLSafeTimedSerializer("guessed", salt="form").dumps("test-session")
        assert client.post("/greet", data={"name": "x", "csrf_token": forged}).status_code == 403
        # What is signed for another purpose is no form either.
        other = URLSafeTimedSerializer(SECRET, salt="flash").dumps("test-session")
        assert client.post("/greet", data={"name": "x", "csrf_token": other}).status_code == 403

    def test_one_that_is_a_day_old(self, client: Client, composition: Composition, later: Later) -> None:
        old = sign_in(client, composition, role="staff", municipality="1980")
        later(DAY)
        sign_in(client, composition, role="staff", municipality="1980")
        answer = client.post("/greet", data={"name": "x", "csrf_token": old})
        assert answer.status_code == 403
        assert "Nothing was changed" in answer.text

    def test_api_calls_of_a_browser_carry_it_too(self, client: Client, composition: Composition) -> None:
        token = sign_in(client, composition, role="staff", municipality="1980")
        path, body = "/api/catalogue/greet", {"name": "Alma"}
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json["name"]) == (403, "form_expired")
        assert client.post(path, json=body, headers={"X-CSRF-Token": "x"}).status_code == 403
        assert client.post(path, json=body, headers={"X-CSRF-Token": token}).status_code == 201

    def test_the_role_is_checked_before_the_form(self, client: Client, composition: Composition) -> None:
        sign_in(client, composition, role="guardian", municipality="1980", person_id="p")
        assert "for another role" in client.post("/greet", data={"name": "x"}).text


class TestSessions:
    def test_signing_in_begins_a_new_session(self, client: Client) -> None:
        token = token_on(client, "/login")
        before = client.get_cookie(SESSION_COOKIE)
        answer = client.post("/login", data={**PERSONA, "csrf_token": token})
        assert answer.status_code == 303
        after = client.get_cookie(SESSION_COOKIE)
        assert before is not None
        assert after is not None
        assert after.value != before.value
        # What was open before the login is of a session that is over.
        assert client.post("/greet", data={"name": "x", "csrf_token": token}).status_code == 403

    def test_a_session_ends_after_eight_hours(
        self, client: Client, composition: Composition, later: Later
    ) -> None:
        sign_in(client, composition, role="staff", municipality="1980")
        later(8 * HOUR - 60)
        assert client.get("/staff").status_code == 200
        later(8 * HOUR + 60)
        assert client.get("/staff").headers["Location"] == "/login?next=%2Fstaff"

    @pytest.mark.parametrize("value", ["", "x", "a.b.c", "å", '"', "x" * 4000])
    def test_a_cookie_that_is_none_of_ours(self, client: Client, value: str) -> None:
        client.set_cookie(SESSION_COOKIE, value)
        assert client.get("/signed-in").status_code == 303
        assert client.get("/").status_code == 200

    @pytest.mark.parametrize(
        "data",
        [
            [],
            "x",
            None,
            {},
            {"sid": "s"},
            {"sid": "s", "actor": []},
            {"sid": "s", "actor": {"role": "queen"}},
            {"sid": "s", "actor": {"role": "staff"}},
            {"sid": "s", "actor": {"role": "staff", "new": 1}},
        ],
    )
    def test_a_cookie_of_another_release_signs_nobody_in(self, client: Client, data: object) -> None:
        client.set_cookie(SESSION_COOKIE, URLSafeTimedSerializer(SECRET, salt="session").dumps(data))
        assert client.get("/signed-in").status_code == 303

    def test_a_forged_cookie(self, client: Client) -> None:
        actor = {"name": "x", "role": "operator", "municipality": "19"}
        forged = URLSafeTimedSerializer("guessed", salt="session").dumps({"sid": "s", "actor": actor})
        client.set_cookie(SESSION_COOKIE, forged)
        assert client.get("/operations/catalogue").status_code == 303

    def test_cookies_are_for_our_pages_only(self, client: Client) -> None:
        (cookie,) = client.get("/").headers.get_all("Set-Cookie")
        assert cookie.startswith(f"{SESSION_COOKIE}=")
        for attribute in ("HttpOnly", "SameSite=Lax", "Path=/"):
            assert attribute in cookie
        assert "Secure" not in cookie  # at http://127.0.0.1 it would never come back

    def test_with_https_cookies_are_secure(self, make_service: MakeService) -> None:
        client = client_of(make_service(PUBLIC_URL="https://kurser.example.se"))
        (cookie,) = client.get("/").headers.get_all("Set-Cookie")
        assert "Secure" in cookie

    def test_programs_and_files_get_none(self, client: Client) -> None:
        for path in ("/api/catalogue/open?name=x", "/static/samklang.css", "/health/catalogue/live"):
            assert "Set-Cookie" not in client.get(path).headers, path


class TestMessages:
    def greeted(self, client: Client, composition: Composition) -> None:
        token = sign_in(client, composition, role="staff", municipality="1980")
        assert client.post("/greet", data={"name": "<Alma>", "csrf_token": token}).status_code == 303

    def test_it_is_told_once(self, client: Client, composition: Composition) -> None:
        self.greeted(client, composition)
        assert "Hello &lt;Alma&gt;" in client.get("/").text
        assert "Hello" not in client.get("/").text

    def test_it_waits_for_a_page_that_can_tell_it(self, client: Client, composition: Composition) -> None:
        self.greeted(client, composition)
        client.get("/static/samklang.css")
        client.get("/language?to=en&next=/")
        client.get("/", headers={"HX-Request": "true"})
        assert "Hello &lt;Alma&gt;" in client.get("/").text

    def test_it_is_forgotten_after_a_minute(
        self, client: Client, composition: Composition, later: Later
    ) -> None:
        self.greeted(client, composition)
        later(120)
        assert "Hello" not in client.get("/").text

    @pytest.mark.parametrize("value", ["x", "", "ok|You have won"])
    def test_nobody_else_can_write_one(self, client: Client, value: str) -> None:
        client.set_cookie(FLASH_COOKIE, value)
        assert 'class="flash"' not in client.get("/").text


class TestTokens:
    path = "/api/catalogue/staff"

    def ask(self, client: Client, header: str) -> int:
        return client.get(self.path, headers={"Authorization": header}).status_code

    def test_it_is_good_for_its_days(self, client: Client, composition: Composition, later: Later) -> None:
        headers = bearer(composition, role="staff", municipality="1980")
        for seconds, expected in [(0, 200), (DAY - 60, 200), (DAY + 60, 401)]:
            later(seconds)
            assert client.get(self.path, headers=headers).status_code == expected

    def test_no_token_outlives_a_year(self, client: Client, composition: Composition, later: Later) -> None:
        token = composition.app.sessions.token(Actor("API", "staff", "1980"), days=5000)
        assert self.ask(client, f"Bearer {token}") == 200
        later(367 * DAY)
        assert self.ask(client, f"Bearer {token}") == 401

    def test_one_that_was_changed(self, client: Client, composition: Composition) -> None:
        header = bearer(composition, role="staff", municipality="1980")["Authorization"]
        assert self.ask(client, header.replace("Bearer", "bearer")) == 200
        for at in (8, len(header) // 2, len(header) - 2):
            changed = header[:at] + ("A" if header[at] != "A" else "B") + header[at + 1 :]
            assert self.ask(client, changed) == 401

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp4", "Bearer a.b.c", "Bearer " + "x" * 5000]
    )
    def test_what_is_no_token(self, client: Client, header: str) -> None:
        assert self.ask(client, header) == 401

    def test_a_broken_token_is_not_made_good_by_a_session(
        self, client: Client, composition: Composition
    ) -> None:
        sign_in(client, composition, role="staff", municipality="1980")
        assert client.get(self.path).status_code == 200
        assert self.ask(client, "Bearer x") == 401

    def test_of_another_secret_or_purpose(self, client: Client, composition: Composition) -> None:
        actor = Actor("API", "staff", "1980")
        assert self.ask(client, f"Bearer {Sessions('guessed', secure=True).token(actor, 1)}") == 401
        sign_in(client, composition, role="staff", municipality="1980")
        cookie = client.get_cookie(SESSION_COOKIE)
        assert cookie is not None
        assert self.ask(client, f"Bearer {cookie.value}") == 401

    @pytest.mark.parametrize(
        "change", [{"role": "queen"}, {"days": "x"}, {"days": None}, {"since": "a newer release"}]
    )
    def test_of_another_release(self, client: Client, change: dict[str, object]) -> None:
        data = {"name": "API", "role": "staff", "municipality": "1980", "days": 1, **change}
        token = URLSafeTimedSerializer(SECRET, salt="api-token").dumps(data)
        assert self.ask(client, f"Bearer {token}") == 401

    def test_wrong_role_and_wrong_municipality(self, client: Client, composition: Composition) -> None:
        finance = bearer(composition, role="finance", municipality="1980")
        assert client.get(self.path, headers=finance).json["name"] == "role_not_allowed"
        theirs = client.get("/api/catalogue/things/1962", headers=finance)
        assert theirs.json["name"] == "municipality_not_yours"

    def test_pages_take_no_token(self, client: Client, composition: Composition) -> None:
        headers = bearer(composition, role="staff", municipality="1980")
        assert client.get("/staff", headers=headers).status_code == 303

    def test_a_program_needs_no_form_token(self, client: Client, composition: Composition) -> None:
        headers = bearer(composition, role="staff", municipality="1980")
        answer = client.post("/api/catalogue/greet", json={"name": "Alma"}, headers=headers)
        assert (answer.status_code, answer.json) == (201, {"name": "Alma"})
