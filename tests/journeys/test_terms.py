"""From one term to the next: the term's courses are published, staff look and carry over, families are told.

Embedded and on servers, after the story of test_story; on servers every fact is then delivered once more.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from services.chassis.ids import derived_id
from tests.journeys.product import Product, next_term, until

MARIA = derived_id("guardian", "g-norberg")
ALMA, LEO = derived_id("pupil", "p-alma"), derived_id("pupil", "p-leo")


@pytest.fixture(scope="module")
def maria(product: Product) -> dict[str, str]:
    return product.token("guardian", "1962", MARIA)


@pytest.fixture(scope="module")
def staff(product: Product) -> dict[str, str]:
    return product.token("staff", "1980")


def terms(product: Product) -> list[str]:
    """The terms of the catalogue, the earliest first."""
    return [term["term_id"] for term in product.call("GET", "/api/catalogue/terms").json()["terms"]]


@pytest.fixture(scope="module")
def coming(product: Product) -> str:
    """The term that follows the one families apply for: opened, with the county's courses."""
    now = terms(product)[0]
    coming = next_term(now)
    if coming not in terms(product):
        product.command("load", "--term", coming)
    return coming


def course_id(product: Product, title: str, term_id: str) -> str:
    query = {"words": title, "term": term_id}
    courses = product.call("GET", "/api/catalogue/courses", params=query).json()["courses"]
    (found,) = [course["course_id"] for course in courses if course["title"]["sv"] == title]
    return str(found)


def mine(product: Product, maria: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = product.call("GET", "/api/enrolment/applications", maria).json()[
        "applications"
    ]
    return found


def state_on(product: Product, maria: dict[str, str], course: str, pupil: str) -> dict[str, Any] | None:
    found = [
        each
        for each in mine(product, maria)
        if (each["course"]["course_id"], each["pupil"]["pupil_id"]) == (course, pupil)
    ]
    return found[0] if found else None


def test_the_coming_terms_courses_continue_this_terms(
    product: Product, maria: dict[str, str], coming: str
) -> None:
    now = terms(product)[0]
    for title, pupil in (("Lördagsfiol", ALMA), ("Cirkuslabbet", LEO)):
        body = {
            "application_id": str(uuid.uuid4()),
            "course_id": course_id(product, title, now),
            "pupil_id": pupil,
        }
        answer = product.call("POST", "/api/enrolment/applications", maria, json=body)
        assert answer.status_code == 200, answer.text  # or it is there already
    course = course_id(product, "Lördagsfiol", coming)
    continued = product.call("GET", f"/api/catalogue/courses/{course}").json()["continues"]
    assert continued == course_id(product, "Lördagsfiol", now)


def test_a_family_gives_the_place_up_and_takes_that_back(
    product: Product, maria: dict[str, str], coming: str
) -> None:
    place = state_on(product, maria, course_id(product, "Lördagsfiol", terms(product)[0]), ALMA)
    assert place is not None
    said = until(lambda: product.call("GET", "/api/enrolment/next-term", maria).json()["next_terms"])
    assert said[place["application_id"]]["asked"] is False
    path = f"/api/enrolment/applications/{place['application_id']}/next-term"
    for action, answer in (("give-up", "given_up"), ("undo", None)):
        answered = product.call("POST", f"{path}/{action}", maria, json={})
        assert answered.status_code == 200, answered.text
        assert answered.json()["next_terms"][place["application_id"]]["answer"] == answer


def test_staff_look_at_every_effect_and_then_it_happens_once(
    product: Product, maria: dict[str, str], staff: dict[str, str], coming: str
) -> None:
    path = f"/api/enrolment/terms/{coming}/rollover"
    product.wait_until_quiet()
    seen = product.call("GET", path, staff).json()
    effects = {each["application_id"]: each for each in seen["effects"]}
    now = terms(product)[0]
    alma = state_on(product, maria, course_id(product, "Lördagsfiol", now), ALMA)
    leo = state_on(product, maria, course_id(product, "Cirkuslabbet", now), LEO)
    assert alma is not None
    assert leo is not None
    assert effects[alma["application_id"]]["kind"] == "continues"
    assert effects[leo["application_id"]]["kind"] in ("waits", "offered")
    assert sum(seen["counts"].values()) == len(effects)
    # Looking has changed nothing.
    assert state_on(product, maria, course_id(product, "Lördagsfiol", coming), ALMA) is None
    other = product.call("POST", path, product.token("staff", "1962"), json=_body(seen["digest"]))
    assert other.status_code == 409
    body = _body(seen["digest"])
    first, again = (product.call("POST", path, staff, json=body) for _ in range(2))
    assert first.status_code == again.status_code == 201, first.text
    assert first.json() == again.json()
    assert first.json()["counts"] == seen["counts"]
    there = state_on(product, maria, course_id(product, "Lördagsfiol", coming), ALMA)
    assert there is not None
    assert (there["state"], there["rule"]) == ("placed", "carried_over")
    waits = state_on(product, maria, course_id(product, "Cirkuslabbet", coming), LEO)
    assert waits is not None
    assert waits["queued_at"] == leo["queued_at"]


def _body(digest: str) -> dict[str, str]:
    return {"rollover_id": str(uuid.uuid4()), "digest": digest, "why": "The term ends"}


def test_the_family_is_told_and_has_its_calendar(
    product: Product, maria: dict[str, str], coming: str
) -> None:
    def told() -> list[str]:
        messages = product.call("GET", "/api/notifications/messages", maria).json()["messages"]
        return [each["subject"] for each in messages if "Alma behåller platsen" in each["subject"]]

    assert until(told) == ["Alma behåller platsen: Lördagsfiol"]
    there = state_on(product, maria, course_id(product, "Lördagsfiol", coming), ALMA)
    assert there is not None
    calendar = product.call("GET", f"/api/notifications/calendar/places/{there['application_id']}", maria)
    assert "BEGIN:VEVENT" in calendar.text


def test_the_catalogue_shows_the_seats_and_delivering_it_all_again_changes_nothing(
    product: Product, maria: dict[str, str], coming: str
) -> None:
    product.wait_until_quiet()
    course = course_id(product, "Lördagsfiol", coming)
    before = (mine(product, maria), product.call("GET", f"/api/catalogue/courses/{course}").json())
    assert before[1]["taken"] >= 1
    messages = until(lambda: _all_sent(product, maria))
    product.deliver_everything_again()
    after = (mine(product, maria), product.call("GET", f"/api/catalogue/courses/{course}").json())
    assert after == before
    assert until(lambda: _all_sent(product, maria)) == messages
    assert "check: ok" in product.command("check")


def _all_sent(product: Product, maria: dict[str, str]) -> Any:
    found = product.call("GET", "/api/notifications/messages", maria).json()
    return None if found["on_its_way"] else found


def test_the_place_counts_in_the_money_of_the_coming_term(product: Product, coming: str) -> None:
    product.wait_until_quiet()
    path = f"/api/billing/years/{coming[2:]}/flow"
    flow = product.call("GET", path, product.token("finance", "19")).json()
    (term,) = [each for each in flow["terms"] if each["term_id"] == coming]
    assert [each["places"] for each in term["places"] if (each["home"], each["host"]) == ("1962", "1980")]
