"""What happens in a child's life, told through every service: mail, the catalogue's seats, billing's places.

Each story has a course of its own in Västerås, with one seat, and children of its own: Maria's in Norberg and
Samira's in Västerås. On servers every fact is delivered once more at the end, which must change nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from services.chassis.ids import derived_id
from services.chassis.personal_identity import with_check_digit
from tests.journeys.product import Product, until

NORBERG, VASTERAS = "1962", "1980"
MARIA = derived_id("guardian", "g-norberg")
SAMIRA = derived_id("guardian", "g-vasteras")
COLUMNS = (
    "course_key,municipality_code,rule_book_id,title_sv,title_en,description_sv,description_en,art_form,fee_kind,"
    "weekday,starts_at,minutes,room,min_age,max_age,capacity,shared"
)
WHY = "The family told us."


@dataclass
class County:
    """The product, as the people of these stories meet it."""

    product: Product

    def call(self, method: str, path: str, who: dict[str, str], status: int = 200, **body: Any) -> Any:
        answer = self.product.call(method, path, who, json=body or {})
        assert answer.status_code in (status, status + 1), answer.text
        return answer.json()

    @property
    def maria(self) -> dict[str, str]:
        return self.product.token("guardian", NORBERG, MARIA)

    @property
    def samira(self) -> dict[str, str]:
        return self.product.token("guardian", VASTERAS, SAMIRA)

    def staff(self, municipality: str = VASTERAS) -> dict[str, str]:
        return self.product.token("staff", municipality)

    def course(self, title: str, art_form: str, capacity: int = 1) -> str:
        """A course of its own for a story; known to enrolment once this returns."""
        key = f"life-{uuid.uuid4().hex[:12]}"
        row = (f"{key},{VASTERAS},vasteras-2024,{title},{title},Vi ses.,We meet.,{art_form},film,"
               f"2,16:30,60,Sal 1,5,99,{capacity},yes")  # fmt: skip
        text = f"{COLUMNS}\n{row}\n"
        self.call("POST", "/api/catalogue/courses/import", self.staff(), csv=text, dry_run=False)
        course_id = next(
            each["course_id"]
            for each in self.product.call("GET", "/api/catalogue/courses", params={"words": title}).json()[
                "courses"
            ]
        )
        path = f"/api/enrolment/courses/{course_id}/participants"
        until(lambda: self.product.call("GET", path, self.staff()).status_code == 200)
        return str(course_id)

    def child(self, guardian: dict[str, str], name: str, number: str | None = None) -> str:
        pupil = str(uuid.uuid4())
        self.call("POST", "/api/enrolment/pupils", guardian, pupil_id=pupil, given_name=name,
                  family_name="Ek", personal_identity=number or a_number())  # fmt: skip
        return pupil

    def apply(self, who: dict[str, str], course: str, pupil: str) -> dict[str, Any]:
        body = {"application_id": str(uuid.uuid4()), "course_id": course, "pupil_id": pupil}
        answer: dict[str, Any] = self.call("POST", "/api/enrolment/applications", who, **body)
        return answer

    def act(self, who: dict[str, str], application: str, action: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("POST", f"/api/enrolment/applications/{application}/{action}", who)
        return answer

    def mine(self, who: dict[str, str], course: str) -> list[dict[str, Any]]:
        found = self.product.call("GET", "/api/enrolment/applications", who).json()["applications"]
        return [each for each in found if each["course"]["course_id"] == course]

    def seats(self, course: str) -> tuple[int, int]:
        """Taken and waiting, as the catalogue shows them."""
        found = self.product.call("GET", f"/api/catalogue/courses/{course}").json()
        return found["taken"], found["waiting"]

    def shows(self, course: str, taken: int, waiting: int) -> None:
        until(lambda: self.seats(course) == (taken, waiting))

    def mail(self, who: dict[str, str], title: str) -> list[str]:
        """The kinds of the letters about a course, sorted."""
        answer = self.product.call("GET", "/api/notifications/messages", who, params={"page_size": 200})
        return sorted(each["kind"] for each in answer.json()["messages"] if title in each["subject"])

    def gets(self, who: dict[str, str], title: str, *kinds: str) -> None:
        until(lambda: self.mail(who, title) == sorted(kinds))

    def places(self) -> dict[tuple[str, str], int]:
        """Places by home and host, as billing counts them, of all terms together."""
        self.product.wait_until_quiet()
        year = date.today().year  # noqa: DTZ011  # the year in Sweden differs for an hour, and the newest term stands in
        found = self.product.call(
            "GET", f"/api/billing/years/{year + 1}/flow", self.product.token("finance", "19")
        )
        counted: dict[tuple[str, str], int] = {}
        for term in found.json()["terms"]:
            for each in term["places"]:
                key = (each["home"], each["host"])
                counted[key] = counted.get(key, 0) + each["places"]
        return counted

    def more_places(self, before: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        """What has changed since."""
        after = self.places()
        keys = before.keys() | after.keys()
        changes = {key: after.get(key, 0) - before.get(key, 0) for key in keys}
        return {key: change for key, change in changes.items() if change}


_serial = iter(range(100, 900))


def a_number(born: str = "20170310") -> str:
    return with_check_digit(f"{born}{next(_serial):03d}")


@pytest.fixture
def county(product: Product) -> County:
    return County(product)


def test_a_place_is_given_up_and_passes_on(county: County) -> None:
    title, before = "Stumfilm och piano", county.places()
    course = county.course(title, "film")
    place = county.apply(county.maria, course, county.child(county.maria, "Elsa"))
    waits = county.apply(county.samira, course, county.child(county.samira, "Omar"))
    assert (place["state"], waits["state"], waits["position"]) == ("placed", "queued", 1)
    county.shows(course, 1, 1)
    assert county.more_places(before) == {(NORBERG, VASTERAS): 1}
    county.act(county.maria, place["application_id"], "withdraw")
    county.gets(county.maria, title, "place", "ended")
    county.gets(county.samira, title, "queued", "offered")
    county.shows(course, 1, 0)
    assert county.more_places(before) == {}
    assert county.act(county.samira, waits["application_id"], "accept")["state"] == "placed"
    county.gets(county.samira, title, "queued", "offered", "place")
    assert county.more_places(before) == {(VASTERAS, VASTERAS): 1}


def test_a_move_keeps_the_place_and_the_queue_date(county: County) -> None:
    title = "Dockfilm"
    place, full = county.course(title, "film"), county.course("Dockfilm två", "photo")
    child = county.child(county.maria, "Signe")
    county.apply(county.samira, full, county.child(county.samira, "Amal"))
    placed = county.apply(county.maria, place, child)
    queued = county.apply(county.maria, full, child)
    (before,) = county.mine(county.maria, full)
    today = date.today().isoformat()  # noqa: DTZ011  # a day too early is a move too
    county.call("POST", f"/api/enrolment/pupils/{child}/move", county.staff(NORBERG),
                municipality=VASTERAS, moved_on=today, why=WHY)  # fmt: skip
    refused = county.product.call("GET", f"/api/enrolment/pupils/{child}", county.staff(NORBERG))
    assert refused.status_code == 403
    found = county.call("GET", f"/api/enrolment/pupils/{child}", county.staff())
    assert (found["pupil"]["home"]["code"], found["moved_on"]) == (VASTERAS, today)
    assert [each["what"] for each in found["events"]] == ["moved"]
    states = {each["application_id"]: each["state"] for each in found["applications"]}
    assert states == {placed["application_id"]: "placed", queued["application_id"]: "queued"}
    (after,) = county.mine(county.maria, full)
    assert (after["queued_at"], after["position"]) == (before["queued_at"], 1)
    county.shows(place, 1, 0)
    county.shows(full, 1, 1)
    county.product.wait_until_quiet()
    county.gets(county.maria, title, "place", "queued")  # nothing about the move: nothing has changed for it


def test_at_18_the_pupil_decides_and_is_written_to(county: County) -> None:
    """The wrong number made a child of it; with the right one it is 18 today, or since February."""
    title, before = "Kortfilm", county.places()
    course = county.course(title, "film")
    child = county.child(county.maria, "Nils")
    place = county.apply(county.maria, course, child)["application_id"]
    county.gets(county.maria, title, "place")
    today = date.today()  # noqa: DTZ011
    born = f"{today.year - 18}{today:%m%d}" if f"{today:%m%d}" != "0229" else f"{today.year - 18}0228"
    county.call("POST", f"/api/enrolment/pupils/{child}/identity", county.staff(NORBERG),
                personal_identity=a_number(born), why=WHY)  # fmt: skip
    assert county.mine(county.maria, course) == []
    nils = county.product.token("pupil", NORBERG, child)
    assert [each["application_id"] for each in county.mine(nils, course)] == [place]
    county.call("POST", f"/api/enrolment/pupils/{child}/contact", county.staff(NORBERG),
                email="nils.ek@example.se", language="sv", why=WHY)  # fmt: skip
    county.product.wait_until_quiet()
    refused = county.product.call("POST", f"/api/enrolment/applications/{place}/withdraw", county.maria)
    assert refused.status_code == 404
    county.act(nils, place, "withdraw")
    county.gets(nils, title, "ended")
    county.gets(county.maria, title, "place")
    (letter,) = county.product.call("GET", "/api/notifications/messages", nils).json()["messages"]
    until(
        lambda: (
            county.call("GET", f"/api/notifications/messages/{letter['message_id']}", nils)["state"] == "sent"
        )
    )
    county.shows(course, 0, 0)
    assert county.more_places(before) == {}


def test_two_guardians_in_two_municipalities(county: County) -> None:
    """One child, one application with the earliest date; opposing answers go to staff."""
    title, before = "Filmklubben", county.places()
    course = county.course(title, "film")
    first = county.apply(county.samira, course, county.child(county.samira, "Yara"))
    child = county.child(county.maria, "Love")
    county.call("POST", f"/api/enrolment/pupils/{child}/guardian", county.staff(NORBERG),
                guardian_id=SAMIRA, why=WHY)  # fmt: skip
    hers = county.apply(county.maria, course, child)
    again = county.apply(county.samira, course, child)
    assert (again["already"], again["application_id"]) == (True, hers["application_id"])
    county.shows(course, 1, 1)
    county.act(county.samira, first["application_id"], "withdraw")
    application = hers["application_id"]
    assert county.act(county.maria, application, "decline")["state"] == "offered"
    answer = county.act(county.samira, application, "accept")
    assert (answer["state"], answer["is_disputed"]) == ("offered", True)
    assert "maria" not in str(answer).lower()
    county.shows(course, 1, 0)
    courses = county.call("GET", "/api/enrolment/courses", county.staff())["courses"]
    (mine,) = [each for each in courses if each["course_id"] == course]
    assert mine["next_action"]["name"] == "settle"
    settled = county.call("POST", f"/api/enrolment/applications/{application}/settle", county.staff(),
                          answer="yes", why=WHY)  # fmt: skip
    assert (settled["state"], settled["is_disputed"]) == ("placed", False)
    county.gets(county.maria, title, "queued", "offered", "place")
    county.gets(county.samira, title, "place", "ended", "queued", "offered", "place")  # two are of Yara's
    assert county.more_places(before) == {(NORBERG, VASTERAS): 1}


def test_a_coordination_number_becomes_a_personal_identity_number(county: County) -> None:
    """The child was registered twice and applied twice: it is one, with the place and the earliest date."""
    title, before = "Animerat", county.places()
    course = county.course(title, "film")
    came_on = date.today().isoformat()  # noqa: DTZ011  # a day too early is a paper too
    paper = county.call(
        "POST", f"/api/enrolment/courses/{course}/entered-applications", county.staff(),
        application_id=str(uuid.uuid4()), pupil_id=str(uuid.uuid4()), given_name="Sami", family_name="Ek",
        personal_identity=a_number("20170370"), home_municipality=VASTERAS, applied_on=came_on,
        why="on paper",
    )  # fmt: skip
    number = a_number()
    twin = county.child(county.samira, "Sami", number)
    waits = county.apply(county.samira, course, twin)
    assert (paper["state"], waits["state"]) == ("placed", "queued")
    county.shows(course, 1, 1)
    county.call("POST", f"/api/enrolment/pupils/{paper['pupil_id']}/identity", county.staff(),
                personal_identity=number, why=WHY)  # fmt: skip
    county.shows(course, 1, 0)
    (mine,) = [each for each in county.mine(county.samira, course) if each["state"] != "ended"]
    assert (mine["application_id"], mine["state"]) == (paper["application_id"], "placed")
    assert mine["pupil"]["pupil_id"] == paper["pupil_id"]
    assert mine["queued_at"] < waits_queued_at(county, course, waits)
    county.gets(county.samira, title, "queued", "ended")
    assert county.more_places(before) == {(VASTERAS, VASTERAS): 1}


def waits_queued_at(county: County, course: str, waits: dict[str, Any]) -> str:
    (ended,) = [each for each in county.mine(county.samira, course) if each["state"] == "ended"]
    assert (ended["application_id"], ended["outcome"]) == (waits["application_id"], "merged")
    return str(ended["queued_at"])


def test_an_identity_comes_under_protection(county: County) -> None:
    """The place stays; the family's access, its letters and the home that billing knew are gone."""
    title, before = "Skuggfilm", county.places()
    course = county.course(title, "film")
    child = county.child(county.maria, "Ebba")
    place = county.apply(county.maria, course, child)["application_id"]
    county.gets(county.maria, title, "place")
    assert county.more_places(before) == {(NORBERG, VASTERAS): 1}
    county.call("POST", f"/api/enrolment/pupils/{child}/protection", county.staff(NORBERG),
                protected=True, alias="Linden", why=WHY)  # fmt: skip
    assert county.mine(county.maria, course) == []
    participants = county.call("GET", f"/api/enrolment/courses/{course}/participants", county.staff())
    assert "Linden" in str(participants)
    assert "Ebba" not in str(participants)
    assert county.more_places(before) == {}
    county.gets(county.maria, title)
    county.shows(course, 1, 0)
    county.call("POST", f"/api/enrolment/applications/{place}/for-family", county.staff(),
                action="withdraw", why=WHY)  # fmt: skip
    county.shows(course, 0, 0)
    county.product.wait_until_quiet()
    county.gets(county.maria, title)


def test_a_cancelled_course_gives_the_queue_date_back(county: County) -> None:
    title, before = "Fotolabbet", county.places()
    course, next_one = county.course(title, "photo"), county.course("Fotovandringen", "photo")
    county.apply(county.samira, next_one, county.child(county.samira, "Lina"))
    placed = county.apply(county.maria, course, county.child(county.maria, "Tyra"))
    waiting = county.child(county.maria, "Vera")
    county.apply(county.maria, course, waiting)
    (had,) = [each for each in county.mine(county.maria, course) if each["state"] == "queued"]
    assert placed["state"] == "placed"
    county.call("POST", f"/api/catalogue/courses/{course}/cancel", county.staff(),
                reason_sv="Läraren är sjuk.", reason_en="The teacher is ill.")  # fmt: skip
    until(lambda: {each["outcome"] for each in county.mine(county.maria, course)} == {"course_cancelled"})
    county.gets(county.maria, title, "place", "queued", "cancelled", "cancelled")
    assert county.product.call("GET", f"/api/catalogue/courses/{course}").json()["cancelled"] is True
    county.shows(course, 0, 0)
    assert county.more_places(before) == {(VASTERAS, VASTERAS): 1}  # Lina's, on the other course
    county.apply(county.samira, next_one, county.child(county.samira, "Nour"))
    answer = county.apply(county.maria, next_one, waiting)
    assert (answer["state"], answer["position"]) == ("queued", 1)  # before Nour, by the date that came back
    (mine,) = county.mine(county.maria, next_one)
    assert mine["queued_at"] == had["queued_at"]


def test_everything_delivered_again_changes_nothing(county: County) -> None:
    def state() -> list[Any]:
        paths = ("/api/notifications/messages", "/api/enrolment/applications")
        people = (county.maria, county.samira)
        return [county.product.call("GET", path, who).json() for path in paths for who in people] + [
            county.places()
        ]

    county.product.wait_until_quiet()
    until(lambda: "'state': 'waiting'" not in str(state()))  # letters are sent a moment later
    before = state()
    county.product.deliver_everything_again()
    assert state() == before
    assert "check: ok" in county.product.command("check")
