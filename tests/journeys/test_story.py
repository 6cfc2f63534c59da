"""The main job, told once through the JSON API: a pupil in Norberg gets a place on a course in Västerås.

The same story runs embedded and on servers; on servers every fact is then delivered a second time, which
must change nothing. (Embedded, facts are doubled in tests/journeys/test_twice.py.)
"""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

import pytest

from services.chassis.ids import derived_id
from tests.journeys.product import SERVICES, Product, until

MARIA = derived_id("guardian", "g-norberg")
ALMA = derived_id("pupil", "p-alma")
LEO = derived_id("pupil", "p-leo")
SHARES_2025 = {  # the cooperation's worked example: nine members, population of 2024-12-31
    "1984": 2576360,
    "1982": 2409026,
    "1961": 3068965,
    "1960": 1602208,
    "1983": 4741572,
    "1962": 1004744,
    "1981": 4209713,
    "1904": 784334,
    "1980": 29603078,
}


@pytest.fixture(scope="module")
def maria(product: Product) -> dict[str, str]:
    return product.token("guardian", "1962", MARIA)


def search(product: Product, **query: Any) -> list[dict[str, Any]]:
    answer = product.call("GET", "/api/catalogue/courses", params=query)
    assert answer.status_code == 200, answer.text
    courses: list[dict[str, Any]] = answer.json()["courses"]
    return courses


def course_named(product: Product, title: str) -> dict[str, Any]:
    found = [course for course in search(product, words=title) if course["title"]["sv"] == title]
    assert len(found) == 1
    return found[0]


def apply(product: Product, headers: dict[str, str], course: str, pupil: str, id_: str | None = None) -> Any:
    body = {"application_id": id_ or str(uuid.uuid4()), "course_id": course, "pupil_id": pupil}
    return product.call("POST", "/api/enrolment/applications", headers, json=body)


def test_1_the_county_is_loaded(product: Product) -> None:
    everything = product.call("GET", "/api/catalogue/courses").json()
    assert everything["count"] == 95
    schools = product.call("GET", "/api/catalogue/schools").json()["schools"]
    assert len(schools) == 9
    municipalities = product.call("GET", "/api/catalogue/municipalities").json()["municipalities"]
    assert len(municipalities) == 10


def test_2_a_visitor_finds_a_course_and_reads_whether_a_child_may_take_it(product: Product) -> None:
    course = course_named(product, "Lördagsfiol")
    assert course["municipality_code"] == "1980"
    path = f"/api/catalogue/courses/{course['course_id']}/eligibility"
    verdict = product.call("GET", path, params={"home": "1962", "age": 9}).json()
    assert verdict["may_apply"] is True
    assert verdict["rule"] == "cooperation/shared_courses"
    assert verdict["fee_ore"] == 85000
    outside = product.call("GET", path, params={"home": "1907", "age": 9}).json()
    assert (outside["may_apply"], outside["refusal"]) == (False, "home_municipality_not_a_member")


def test_3_a_place_at_once_and_once_only(product: Product, maria: dict[str, str]) -> None:
    course = course_named(product, "Lördagsfiol")["course_id"]
    id_ = str(uuid.uuid4())
    first = apply(product, maria, course, ALMA, id_)
    assert first.status_code == 200, first.text
    assert (first.json()["state"], first.json()["rule"]) == ("placed", "free_seat")
    again = apply(product, maria, course, ALMA, id_).json()
    other_tab = apply(product, maria, course, ALMA).json()
    assert again["already"]
    assert other_tab["already"]
    assert {again["application_id"], other_tab["application_id"]} == {id_}
    mine = product.call("GET", "/api/enrolment/applications", maria).json()["applications"]
    assert [a["application_id"] for a in mine if a["course"]["course_id"] == course] == [id_]


def test_3_a_full_course_gives_a_queue_position_with_its_rule(
    product: Product, maria: dict[str, str]
) -> None:
    course = course_named(product, "Cirkuslabbet")["course_id"]
    answer = apply(product, maria, course, LEO).json()
    assert (answer["state"], answer["rule"], answer["position"]) == ("queued", "queue_date", 7)


def test_4_the_confirmation_mail_and_the_calendar(product: Product, maria: dict[str, str]) -> None:
    course = course_named(product, "Lördagsfiol")["course_id"]

    def mails() -> list[Any]:
        messages = product.call("GET", "/api/notifications/messages", maria).json()["messages"]
        return [m for m in messages if "Lördagsfiol" in m["subject"] + str(m) and m["state"] == "sent"]

    assert len(until(mails)) == 1
    mine = product.call("GET", "/api/enrolment/applications", maria).json()["applications"]
    place = next(a for a in mine if a["course"]["course_id"] == course)
    path = f"/api/notifications/calendar/places/{place['application_id']}"
    calendar = until(lambda: _ok(product.call("GET", path, maria)))
    assert "BEGIN:VEVENT" in calendar.text
    assert "Lördagsfiol" in calendar.text
    stranger = product.token("guardian", "1980", derived_id("guardian", "g-vasteras"))
    assert product.call("GET", path, stranger).status_code == 404


def _ok(answer: Any) -> Any:
    return answer if answer.status_code == 200 else None


def test_5_host_and_home_staff_see_the_pupil(product: Product) -> None:
    course = course_named(product, "Lördagsfiol")["course_id"]
    path = f"/api/enrolment/courses/{course}/participants"
    host = product.call("GET", path, product.token("staff", "1980")).json()["applications"]
    assert "Alma Hellström" in [a["pupil"]["name"] for a in host if a["state"] == "placed"]
    refused = product.call("GET", path, product.token("staff", "1962"))
    assert (refused.status_code, refused.json()["name"]) == (403, "municipality_not_yours")
    elsewhere = product.call("GET", "/api/enrolment/pupils-elsewhere", product.token("staff", "1962")).json()
    assert ("Alma Hellström", "1980") in [
        (a["pupil"]["name"], a["course"]["municipality_code"]) for a in elsewhere["applications"]
    ]


def test_6_finance_sees_the_shares_of_2025_to_the_ore(product: Product) -> None:
    finance = product.token("finance", "19")
    year = product.call("GET", "/api/billing/years/2025", finance).json()
    shares = {share["payer_code"]: share["share_ore"] for share in year["shares"]}
    assert shares.pop("19") == 50_000_000
    assert shares == SHARES_2025
    assert year["budget_ore"] == 100_000_000
    text = product.call("GET", "/api/billing/years/2025/shares.csv", finance).content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert any("10047,44" in "".join(row).replace("\N{NO-BREAK SPACE}", "") for row in rows)


def test_7_an_operator_sees_the_facts(product: Product) -> None:
    operator = product.token("operator", "19")
    product.wait_until_quiet()
    for service in SERVICES:
        figures = product.call("GET", f"/api/{service}/operations", operator).json()
        assert figures["parked"] == 0
        assert figures["received"] == figures["handled"]
        metrics = product.call("GET", f"/metrics/{service}").text
        assert f'samklang_inbox_parked{{service="{service}"}} 0.0' in metrics


def test_7_a_token_of_the_command_line_opens_the_api(product: Product) -> None:
    token = product.command("token", "--role", "operator", "--municipality", "19").strip()
    answer = product.call("GET", "/api/billing/operations", {"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert product.call("GET", "/api/billing/operations").status_code == 401


def test_8_everything_delivered_again_changes_nothing(product: Product, maria: dict[str, str]) -> None:
    product.wait_until_quiet()
    before = _state(product, maria)
    product.deliver_everything_again()
    assert _state(product, maria) == before
    assert "check: ok" in product.command("check")


def _state(product: Product, maria: dict[str, str]) -> Any:
    return [
        product.call("GET", "/api/notifications/messages", maria).json(),
        product.call("GET", "/api/enrolment/applications", maria).json(),
        product.call("GET", "/api/catalogue/courses", params={"words": "Lördagsfiol"}).json(),
        product.call("GET", "/api/billing/years/2025", product.token("finance", "19")).json(),
    ]
