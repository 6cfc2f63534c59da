"""The catalogue's API: what it answers, and what it refuses under which name."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from services.catalogue.domain.course_import import course_id_of
from services.chassis.process import Composition
from services.chassis.web import openapi
from services.chassis.web.session import LANGUAGE_COOKIE
from tests.catalogue.conftest import Published
from tests.catalogue.small_county import (
    COURSES,
    NORRBY,
    SODERBY,
    SODERBY_ROW,
    TERM,
    UTBY,
    course,
    course_file,
)
from tests.web import bearer, client_of

VIOLIN = course_id_of(TERM, "norrby-violin")
DANCE = course_id_of(TERM, "norrby-dance")
REASON = {"reason_sv": "Läraren är sjuk.", "reason_en": "The teacher is ill."}


def get(client: Client, path: str, status: int = 200, **query: Any) -> Any:
    answer = client.get(f"/api/catalogue{path}", query_string=query)
    assert answer.status_code == status, answer.text
    return answer.json


def post(client: Client, path: str, body: Any, headers: dict[str, str], status: int = 200) -> Any:
    answer = client.post(f"/api/catalogue{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json


@pytest.fixture
def norrby(composition: Composition) -> dict[str, str]:
    return bearer(composition, role="staff", municipality=NORRBY)


def test_courses(client: Client) -> None:
    answer = get(client, "/courses", words="fiol")
    assert (answer["count"], answer["page"], answer["pages"]) == (1, 1, 1)
    violin = answer["courses"][0]
    assert violin == get(client, f"/courses/{VIOLIN}")
    expected = {
        "course_id": VIOLIN,
        "municipality_name": "Norrby",
        "title": {"sv": "Fiol", "en": "Violin"},
        "fee_ore": 85000,
        "ends_at": "17:10",
        "first_lesson_on": "2027-01-18",
        "free": 5,
        "shared": True,
        "cancelled": False,
        "open_to_home": None,
    }
    assert expected.items() <= violin.items()


def test_open_to_the_childs_municipality(client: Client) -> None:
    def open_to(home: str) -> dict[str, bool]:
        return {c["title"]["en"]: c["open_to_home"] for c in get(client, "/courses", home=home)["courses"]}

    assert open_to(NORRBY) == {
        "Violin": True, "Dance for all": True, "Cello and angels": True, "Oboe": False,
    }  # fmt: skip
    assert not any(open_to(UTBY).values())


@pytest.mark.parametrize(
    ("home", "age", "course_id", "expected"),
    [
        (SODERBY, 9, VIOLIN, {"may_apply": True, "refusal": None, "rule": "cooperation/shared_courses"}),
        (NORRBY, 9, VIOLIN, {"may_apply": True, "refusal": None, "rule": "norrby/residents"}),
        (UTBY, 9, VIOLIN, {"may_apply": False, "refusal": "home_municipality_not_a_member"}),
        (SODERBY, 9, DANCE, {"may_apply": False, "refusal": "course_not_shared"}),
        (SODERBY, 7, VIOLIN, {"may_apply": False, "refusal": "pupil_too_young", "rule": "norrby/ages"}),
        (SODERBY, 13, VIOLIN, {"may_apply": False, "refusal": "pupil_too_old", "rule": "norrby/ages"}),
    ],
)
def test_eligibility(client: Client, home: str, age: int, course_id: str, expected: dict[str, Any]) -> None:
    answer = get(client, f"/courses/{course_id}/eligibility", home=home, age=age)
    assert expected.items() <= answer.items()
    assert answer["reason"]
    assert answer["fee_ore"] == (85000 if course_id == VIOLIN else 60050)


def test_the_reason_is_in_the_clients_language(client: Client) -> None:
    path = f"/api/catalogue/courses/{VIOLIN}/eligibility?home={UTBY}&age=9"
    client.delete_cookie(LANGUAGE_COOKIE)
    for language, words in {"sv": "Utby är inte", "en": "Utby is not"}.items():
        answer = client.get(path, headers={"Accept-Language": language}).json
        assert answer is not None
        assert words in answer["reason"]


@pytest.mark.parametrize(
    ("path", "query", "status", "name"),
    [
        ("/courses/nobody", {}, 404, "course_unknown"),
        ("/courses/nobody/eligibility", {"home": NORRBY, "age": 9}, 404, "course_unknown"),
        (f"/courses/{VIOLIN}/eligibility", {"home": "9999", "age": 9}, 404, "municipality_unknown"),
        (f"/courses/{VIOLIN}/eligibility", {"home": NORRBY}, 422, "input_invalid"),
        (f"/courses/{VIOLIN}/eligibility", {"home": NORRBY, "age": "nine"}, 422, "input_invalid"),
        (f"/courses/{VIOLIN}/eligibility", {"home": NORRBY, "age": -1}, 422, "input_invalid"),
        ("/courses", {"home": "9999"}, 404, "municipality_unknown"),
        ("/courses", {"age": 131}, 422, "input_invalid"),
        ("/courses", {"sort": "price"}, 422, "input_invalid"),
        ("/courses", {"page": 0}, 422, "input_invalid"),
        ("/courses", {"words": "x" * 101}, 422, "input_invalid"),
        ("/courses", {"words": "a\x00b"}, 422, "input_invalid"),
        ("/courses", {"art_form": "a\x00b"}, 422, "input_invalid"),
        ("/courses/a\x00b", {}, 404, "not_found"),
        ("/courses", {"colour": "red"}, 422, "input_invalid"),
    ],
)
def test_refused_questions(client: Client, path: str, query: dict[str, Any], status: int, name: str) -> None:
    problem = get(client, path, status, **query)
    assert (problem["name"], problem["status"]) == (name, status)
    assert problem["detail"]


def test_the_small_lists(client: Client) -> None:
    municipalities = get(client, "/municipalities")["municipalities"]
    assert [(m["name"], m["member_from"]) for m in municipalities] == [
        ("Norrby", "2015-01-01"), ("Söderby", "2015-01-01"), ("Utby", None),
    ]  # fmt: skip
    schools = get(client, "/schools")["schools"]
    assert [(s["school_name"], s["courses"], s["shared"], s["free_places"]) for s in schools] == [
        ("Norrby kulturskola", 2, 1, 10), ("Söderby kulturskola", 2, 1, 10),
    ]  # fmt: skip
    assert schools[0]["art_forms"] == {"music_instrument": 1, "dance": 1}
    assert [s["rule_book_id"] for s in schools] == ["norrby", "soderby"]
    books = get(client, "/rule-books")["rule_books"]
    assert {book["rule_book_id"] for book in books} == {"norrby", "norrby-2017", "soderby"}
    assert get(client, "/terms")["terms"][0]["term_id"] == TERM


def test_import_tries_first_and_then_does_it(
    client: Client, norrby: dict[str, str], published: Published
) -> None:
    published()
    text = course_file([COURSES[0], course("norrby-new")]).decode()
    tried = post(client, "/courses/import", {"csv": text, "dry_run": True}, norrby)
    assert (tried["new"], tried["unchanged"], tried["dry_run"], tried["term_id"]) == (1, 1, True, TERM)
    assert published() == []
    done = post(client, "/courses/import", {"csv": text, "term_id": TERM}, norrby)
    assert {**done, "dry_run": True} == tried
    assert [name for name, _ in published()] == ["course_published"]
    assert post(client, "/courses/import", {"csv": text}, norrby)["new"] == 0


@pytest.mark.parametrize(
    ("row", "status", "name"),
    [
        (course("one", weekday="9"), 422, "course_file_row_invalid"),
        (course("one", **SODERBY_ROW), 403, "course_file_municipality_not_yours"),
    ],
)
def test_a_refused_file(
    composition: Composition, published: Published, row: dict[str, str], status: int, name: str
) -> None:
    published()
    client = client_of(composition)
    client.set_cookie(LANGUAGE_COOKIE, "en")
    staff = bearer(composition, role="staff", municipality=NORRBY)
    for dry_run in (True, False):
        body = {"csv": course_file([row]).decode(), "dry_run": dry_run}
        problem = post(client, "/courses/import", body, staff, status)
        assert problem["name"] == name
        assert "Row 2" in problem["detail"]
    assert published() == []


def test_who_may_import(client: Client, composition: Composition) -> None:
    body = {"csv": course_file(COURSES).decode()}
    post(client, "/courses/import", body, {}, 401)
    guardian = bearer(composition, role="guardian", municipality=NORRBY, person_id="p")
    assert post(client, "/courses/import", body, guardian, 403)["name"] == "role_not_allowed"
    whole_county = bearer(composition, role="staff", municipality="19")
    assert post(client, "/courses/import", body, whole_county)["unchanged"] == 4


def test_import_into_an_unknown_term(client: Client, norrby: dict[str, str]) -> None:
    body = {"csv": course_file(COURSES[:1]).decode(), "term_id": "VT1999"}
    assert post(client, "/courses/import", body, norrby, 404)["name"] == "term_unknown"


def test_cancel(client: Client, norrby: dict[str, str], published: Published) -> None:
    published()
    answer = post(client, f"/courses/{VIOLIN}/cancel", REASON, norrby)
    assert (answer["cancelled"], answer["cancel_reason"]["en"]) == (True, "The teacher is ill.")
    post(client, f"/courses/{VIOLIN}/cancel", REASON, norrby)
    assert [name for name, _ in published()] == ["course_cancelled"]
    assert get(client, "/courses", words="fiol")["count"] == 0
    verdict = get(client, f"/courses/{VIOLIN}/eligibility", home=NORRBY, age=9)
    assert (verdict["may_apply"], verdict["refusal"]) == (False, "course_cancelled")


def test_who_may_cancel(client: Client, composition: Composition, published: Published) -> None:
    published()
    path = f"/courses/{VIOLIN}/cancel"
    other = bearer(composition, role="staff", municipality=SODERBY)
    assert post(client, path, REASON, other, 403)["name"] == "municipality_not_yours"
    finance = bearer(composition, role="finance", municipality=NORRBY)
    assert post(client, path, REASON, finance, 403)["name"] == "role_not_allowed"
    staff = bearer(composition, role="staff", municipality=NORRBY)
    assert post(client, path, {"reason_sv": "x"}, staff, 422)["name"] == "input_invalid"
    assert post(client, "/courses/nobody/cancel", REASON, staff, 404)["name"] == "course_unknown"
    assert published() == []


def test_every_route_is_in_the_openapi_document(composition: Composition) -> None:
    document = openapi.document("catalogue", composition.app.routes)
    assert {
        "/api/catalogue/courses",
        "/api/catalogue/courses/{course_id}",
        "/api/catalogue/courses/{course_id}/eligibility",
        "/api/catalogue/courses/{course_id}/cancel",
        "/api/catalogue/courses/import",
        "/api/catalogue/municipalities",
        "/api/catalogue/schools",
        "/api/catalogue/rule-books",
        "/api/catalogue/terms",
    } <= set(document["paths"])
